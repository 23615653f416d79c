import Absurd
import AbsurdClient
import AbsurdStore
import ArgumentParser

struct DeadLetterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dlq", abstract: "Tasks that failed for good: list them, run them again, forget them.",
        discussion: """
            Example:
              absurd dlq list --queue-name dsa110-pipeline
            """,
        subcommands: [DeadLetterList.self, DeadLetterReplay.self, DeadLetterPurge.self])
}

struct DeadLetterList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List dead letters, newest first.",
        discussion: """
            Example:
              absurd dlq list --limit 20
            """)

    @Option(help: "Only this queue.")
    var queueName: String?
    @Option(help: "At most so many.")
    var limit: Int32 = 50
    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await database.withClient { client in
            var cells: [[String]] = []
            let rows = try await client.postgres.query(
                "SELECT task_id, queue_name, task_name, attempt, outcome, error, died_at FROM absurd.dlq_list($1, $2)",
                [.text(orNull: queueName), .int4(limit)])
            for row in rows {
                let id: TaskID = try row.get(0)
                let texts = [try row.get(1, as: String.self), try row.get(2, as: String.self)]
                let attempt: Int32 = try row.get(3)
                let outcome: String = try row.get(4)
                let error: String? = try row.get(5)
                let died: Timestamp = try row.get(6)
                if output.json {
                    let json: JSONValue = [
                        "task_id": .string("\(id)"), "queue_name": .string(texts[0]), "task_name": .string(texts[1]),
                        "attempt": .integer(Int64(attempt)), "outcome": .string(outcome),
                        "error": error.map { .string($0) } ?? .null, "died_at": .string("\(died)"),
                    ]
                    Console.out(json.jsonText)
                }
                cells.append(["\(id)"] + texts + ["\(attempt)", outcome, "\(died)", String((error ?? "").prefix(60))])
            }
            if !output.json {
                Console.table(["TASK", "QUEUE", "NAME", "ATTEMPTS", "OUTCOME", "DIED", "ERROR"], cells)
            }
        }
    }
}

struct DeadLetterReplay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Run dead letters again, with all their retries.",
        discussion: """
            Example:
              absurd dlq replay --queue-name dsa110-pipeline
            """)

    @Argument(help: "These tasks; all when none is named.")
    var tasks: [TaskID] = []
    @Option(help: "Only this queue.")
    var queueName: String?
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        try await database.withClient { client in
            let count: Int32 = try await client.postgres.query(
                "SELECT absurd.dlq_replay($1, $2)",
                [.text(orNull: queueName), tasks.isEmpty ? .null : .uuids(tasks)])[0].get(0)
            Console.out("\(count) tasks will run again")
            if count == 0 { throw AnswerIsNo() }
        }
    }
}

struct DeadLetterPurge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge", abstract: "Forget dead letters; their tasks stay failed.",
        discussion: """
            Example:
              absurd dlq purge --queue-name dsa110-pipeline
            """)

    @Argument(help: "These tasks; all when none is named.")
    var tasks: [TaskID] = []
    @Option(help: "Only this queue.")
    var queueName: String?
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        try await database.withClient { client in
            let count: Int32 = try await client.postgres.query(
                "SELECT absurd.dlq_purge($1, $2)",
                [.text(orNull: queueName), tasks.isEmpty ? .null : .uuids(tasks)])[0].get(0)
            Console.out("\(count) dead letters forgotten")
        }
    }
}
