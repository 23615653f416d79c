import Absurd
import AbsurdClient
import ArgumentParser

struct TasksWait: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait", abstract: "Wait until tasks have ended; exit 1 when one did not complete.",
        discussion: """
            Example:
              absurd tasks wait 0198c0de-0000-7000-8000-000000000001 --timeout 600
            """)

    @Argument(help: "The tasks.")
    var tasks: [TaskID]

    @Option(help: "Give up after so many seconds (exit 75); the tasks go on.")
    var timeout: Double?

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await database.withClient { client in
            let records = try await client.wait(tasks, timeoutSeconds: timeout)
            for record in records {
                Console.out(output.json ? record.json.jsonText : "\(record.id) \(Console.coloured(record.state))")
            }
            if records.contains(where: { $0.state != .completed }) { throw AnswerIsNo() }
        }
    }
}

struct TasksCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel tasks; a running one is stopped within a second.",
        discussion: """
            Example:
              absurd tasks cancel 0198c0de-0000-7000-8000-000000000001
            """)

    @Argument(help: "The tasks.")
    var tasks: [TaskID]

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        try await database.withClient { client in
            var all = true
            for id in tasks {
                let done = try await client.cancel(id)
                Console.out("\(id) \(done ? "cancelled" : "had ended, or is unknown")")
                all = all && done
            }
            if !all { throw AnswerIsNo() }
        }
    }
}

struct TasksRetry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Run failed or cancelled tasks again.",
        discussion: """
            Example:
              absurd tasks retry 0198c0de-0000-7000-8000-000000000001
            """)

    @Argument(help: "The tasks.")
    var tasks: [TaskID]

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        try await database.withClient { client in
            var all = true
            for id in tasks {
                let done = try await client.retry(id)
                Console.out("\(id) \(done ? "will run again" : "is not failed or cancelled")")
                all = all && done
            }
            if !all { throw AnswerIsNo() }
        }
    }
}
