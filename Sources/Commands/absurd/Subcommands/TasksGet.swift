import Absurd
import AbsurdClient
import ArgumentParser

struct TasksGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show one task, its result and each of its attempts.",
        discussion: """
            Example:
              absurd tasks get 0198c0de-0000-7000-8000-000000000001
            """)

    @Argument(help: "The task.")
    var task: TaskID

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await database.withClient { client in
            let record = try await find(task, client)
            let attempts = try await Attempt.all(of: task, client)
            if output.json {
                var json = record.json.members ?? [:]
                json["attempts"] = .array(attempts.map(\.json))
                return Console.out(JSONValue.object(json).jsonText)
            }
            Console.out("\(record.name) \(record.id) in \(record.queue): \(Console.coloured(record.state))")
            Console.out("  created   \(record.createdAt)")
            if let due = record.dueAt { Console.out("  due       \(due)") }
            if let progress = record.progress {
                Console.out("  progress  \(Int(progress * 100)) % \(record.progressMessage ?? "")")
            }
            Console.out(
                "  waited    \(readable(seconds: record.waitSeconds)), ran \(readable(seconds: record.executionSeconds))"
            )
            if !record.dependsOn.isEmpty {
                Console.out("  after     \(record.dependsOn.map(\.description).joined(separator: ", "))")
            }
            if let error = record.error { Console.out("  error     \(error)") }
            for attempt in attempts { Console.out("  attempt   \(attempt.line)") }
            Console.out("  params    \(Self.shortened(record.params))")
            if let result = record.result { Console.out("  result    \(Self.shortened(result))") }
        }
    }

    /// JSON of a few lines at most; all of it is for programs.
    static func shortened(_ text: String, charactersMax: Int = 400) -> String {
        guard text.count > charactersMax else { return text }
        return "\(text.prefix(charactersMax))... (\(text.utf8.count) bytes; --json prints all)"
    }
}

/// The task, or the refusal that there is none.
func find(_ id: TaskID, _ client: TaskClient) async throws -> TaskRecord {
    guard let record = try await client.task(id) else {
        throw Refusal(
            "task \(id)", why: "there is none", remedy: "it may have been archived; see tasks list", exit: .no)
    }
    return record
}

/// One attempt of a task, as the history holds it.
struct Attempt {
    var number: Int32
    var node: String?
    var worker: String?
    var startedAt: Timestamp?
    var endedAt: Timestamp?
    var outcome: String?
    var error: String?

    static func all(of task: TaskID, _ client: TaskClient) async throws -> [Attempt] {
        try await client.postgres.query(.named("attempts"), [.uuid(task)]).map { row in
            Attempt(
                number: try row.get(0), node: try row.get(1), worker: try row.get(2), startedAt: try row.get(3),
                endedAt: try row.get(4), outcome: try row.get(5), error: try row.get(6))
        }
    }

    private var seconds: Double? {
        guard let startedAt, let endedAt else { return nil }
        return endedAt.seconds - startedAt.seconds
    }

    var line: String {
        var text = "\(number): \(outcome ?? "running")"
        if let node { text += " on \(node)" }
        if let startedAt { text += ", began \(startedAt)" }
        if let seconds { text += ", took \(readable(seconds: seconds))" }
        if let error { text += ": \(error)" }
        return text
    }

    var json: JSONValue {
        func time(_ moment: Timestamp?) -> JSONValue { moment.map { .string("\($0)") } ?? .null }
        func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
        return [
            "attempt": .integer(Int64(number)), "node": text(node), "worker_id": text(worker),
            "started_at": time(startedAt), "ended_at": time(endedAt), "outcome": text(outcome), "error": text(error),
        ]
    }
}
