import Absurd
import AbsurdClient
import AbsurdPipeline
import ArgumentParser

struct TasksExplain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say why a task is pending, slow or failed.",
        discussion: """
            Example:
              absurd tasks explain 0198c0de-0000-7000-8000-000000000001
            """)

    @Argument(help: "The task.")
    var task: TaskID

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await database.withClient { client in
            let record = try await find(task, client)
            let reasons = try await reasons(record, client)
            if output.json {
                let json: JSONValue = [
                    "task_id": .string("\(task)"), "status": .string(record.state.rawValue),
                    "reasons": .array(reasons.map { .string($0) }),
                ]
                return Console.out(json.jsonText)
            }
            Console.out("\(record.name) \(record.id) is \(Console.coloured(record.state))")
            for reason in reasons { Console.out("  \(reason)") }
        }
    }

    private func reasons(_ record: TaskRecord, _ client: TaskClient) async throws -> [String] {
        let attempts = try await Attempt.all(of: record.id, client)
        let failures = attempts.filter { $0.error != nil }.map { "attempt \($0.line)" }
        switch record.state {
        case .pending: return try await whyPending(record, client) + failures
        case .blocked:
            let parents = try await client.tasks(record.dependsOn)
            let open = parents.filter { $0.state != .completed }
            return open.map { "waits for \($0.name) \($0.id), which is \($0.state.rawValue)" } + failures
        case .scheduled: return ["is to run at \(record.dueAt.map { "\($0)" } ?? "a later time")"]
        case .retrying:
            return ["failed, and is tried again at \(record.dueAt.map { "\($0)" } ?? "a later time")"] + failures
        case .claimed:
            var lines = ["runs on \(record.worker ?? "a node") since \(record.claimedAt.map { "\($0)" } ?? "-")"]
            if let progress = record.progress {
                lines.append("is at \(Int(progress * 100)) %: \(record.progressMessage ?? "")")
            }
            if let timeout = record.timeoutSeconds { lines.append("may take \(timeout) s") }
            return lines + failures
        case .completed:
            return [
                "waited \(readable(seconds: record.waitSeconds)), ran \(readable(seconds: record.executionSeconds))"
            ]
                + failures
        case .failed, .cancelled:
            return ["ended at \(record.completedAt.map { "\($0)" } ?? "-"): \(record.error ?? "no reason was given")"]
                + failures
        }
    }

    private func whyPending(_ record: TaskRecord, _ client: TaskClient) async throws -> [String] {
        guard let row = try await client.postgres.query(.named("explain"), [.uuid(record.id)]).first else { return [] }
        let paused: Bool = try row.get(0)
        let ahead: Int64 = try row.get(1)
        let nodes: Int64 = try row.get(2)
        let running: Int64 = try row.get(3)
        let runningMax: Int32? = try row.get(4)
        var lines: [String] = []
        if paused { lines.append("queue \(record.queue) is paused") }
        if nodes == 0 { lines.append("no living node serves queue \(record.queue); start one: absurd leader") }
        if let runningMax, running >= Int64(runningMax) {
            lines.append("queue \(record.queue) may run \(runningMax) tasks at a time, and runs \(running)")
        }
        if Catalogue.type(named: record.name) == nil {
            lines.append("task \(record.name) is unknown to this version; it waits for a node that knows it")
        }
        lines.append(ahead == 0 ? "is the next of its queue" : "\(ahead) tasks of its queue are before it")
        return lines
    }
}
