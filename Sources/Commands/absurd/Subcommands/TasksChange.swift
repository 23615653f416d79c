import Absurd
import AbsurdClient
import ArgumentParser
import Glibc

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

struct TasksLogs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Print a task's log, the last attempt's unless told otherwise.",
        discussion: """
            Example:
              absurd tasks logs 0198c0de-0000-7000-8000-000000000001 --attempt 1

            Logs lie on the node that ran the attempt, in its state directory.
            """)

    @Argument(help: "The task.")
    var task: TaskID

    @Option(help: "Which attempt.")
    var attempt: Int?

    @Option(name: .customLong("state-dir"), help: "State directory of the node (default: $ABSURD_STATE_DIR).")
    var stateDirectory: String?

    func run() async throws {
        let directory = Paths.stateDirectory(stateDirectory) + "/logs/tasks/\(task)"
        var number = attempt
        if number == nil {
            // Attempts are few; the last one that left a log.
            number = (1...1000).last { access("\(directory)/\($0).log", R_OK) == 0 }
        }
        guard let number, let text = Paths.text("\(directory)/\(number).log") else {
            throw Refusal(
                "log of task \(task)", why: "there is none in \(directory)",
                remedy: "look on the node that ran it (absurd tasks get), or it said nothing", exit: .no)
        }
        Console.out(text.hasSuffix("\n") ? String(text.dropLast()) : text)
    }
}
