import Absurd
import AbsurdClient
import ArgumentParser

struct TasksList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List tasks, newest first.",
        discussion: """
            Example:
              absurd tasks list --status pending --status claimed --limit 20
            """)

    @Option(help: "Only this queue.")
    var queueName: String?

    @Option(help: "Only this status; repeat it for several.")
    var status: [TaskState] = []

    @Option(help: "Only this task name.")
    var name: String?

    @Option(help: "At most so many.")
    var limit = 50

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await database.withClient { client in
            var filter = TaskFilter()
            filter.queue = queueName
            filter.states = status.isEmpty ? nil : status
            filter.name = name
            filter.limit = limit
            let records = try await client.tasks(filter)
            if output.json {
                for record in records { Console.out(record.json.jsonText) }
                return
            }
            Console.table(
                ["TASK", "QUEUE", "NAME", "STATUS", "ATTEMPT", "WAITED", "RAN", "ERROR"],
                records.map { record in
                    [
                        "\(record.id)", record.queue, record.name, record.state.rawValue, "\(record.attempt)",
                        readable(seconds: record.waitSeconds), readable(seconds: record.executionSeconds),
                        String((record.error ?? "").prefix(60)),
                    ]
                })
        }
    }
}

extension TaskState: ExpressibleByArgument {}
