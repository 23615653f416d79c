import Absurd
import AbsurdClient
import ArgumentParser
import Glibc

struct SpawnCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spawn", abstract: "Put a task into a queue, or many from a file of JSON lines.",
        discussion: """
            Example:
              absurd spawn dsa110-pipeline imaging --params '{"inputs": {"ms_path": "/data/obs.ms"}}' --priority 5
              absurd spawn dsa110-pipeline --batch tasks.jsonl

            Prints the task's id; with --wait --json the whole task once it has ended. Each line of a batch is an object: {"name": ..., "params": ..., "queue": ...,
            "priority": ..., "timeout_sec": ..., "max_retries": ..., "key": ...}; all of it is spawned, or nothing.
            """)

    @Argument(help: "The queue.")
    var queue: String

    @Argument(help: "The task's name; not with --batch.")
    var task: String?

    @Option(help: "The params: JSON, or @FILE.")
    var params: String?

    @Option(help: "Higher first.")
    var priority: Int32 = 0

    @Option(help: "Time-out in seconds of one attempt.")
    var timeout: Int32?

    @Option(help: "Retries after the first attempt.")
    var maxRetries: Int32?

    @Option(parsing: .upToNextOption, help: "Run after these tasks; their outputs are handed on.")
    var after: [TaskID] = []

    @Option(help: "Not before this time, such as 2026-07-01T03:00:00Z.")
    var at: String?

    @Option(help: "Idempotency key: a second spawn with it gives the first one's id.")
    var key: String?

    @Option(help: "A file of JSON lines, or - for standard input.")
    var batch: String?

    @Flag(help: "Wait for its end; exit 1 when it does not complete.")
    var wait = false

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if (batch == nil) == (task == nil) { throw ValidationError("Give a task's name, or --batch FILE.") }
        if let timeout, timeout < 1 { throw ValidationError("--timeout must be at least 1 second.") }
        if let maxRetries, maxRetries < 0 { throw ValidationError("--max-retries must not be negative.") }
    }

    func run() async throws {
        let tasks = try batch.map(readBatch) ?? [try single()]
        try await database.withClient { client in
            let ids = tasks.count == 1 ? [try await client.spawn(tasks[0])] : try await client.spawnMany(tasks)
            // Waited for, the whole record says more than the id, which is in it.
            for id in ids where !(wait && output.json) {
                Console.out(output.json ? JSONValue.object(["task_id": .string("\(id)")]).jsonText : "\(id)")
            }
            guard wait else { return }
            let records = try await client.wait(ids)
            for record in records {
                if output.json {
                    Console.out(record.json.jsonText)
                } else {
                    Console.say("\(record.id) \(record.summary)")
                }
            }
            if records.contains(where: { $0.state != .completed }) { throw AnswerIsNo() }
        }
    }

    private func single() throws -> NewTask {
        let name = task ?? ""
        let text = try Params.text(params)
        try Params.check(text, task: name, warn: { Console.say("absurd: warning: \($0)") })
        var new = NewTask(queue: queue, name: name, params: text)
        new.priority = priority
        new.timeoutSeconds = timeout
        new.retriesMax = maxRetries
        new.after = after
        new.runAt = try at.map(Self.time)
        new.idempotencyKey = key
        return new
    }

    private func readBatch(_ path: String) throws -> [NewTask] {
        guard let text = Paths.text(path == "-" ? "/dev/stdin" : path) else {
            throw Refusal("batch \(path)", why: "cannot be read", remedy: "check its path", exit: .badData)
        }
        var warned: Set<String> = []
        var tasks: [NewTask] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where line.contains(where: { !$0.isWhitespace }) {
            func bad(_ why: String) -> Refusal {
                Refusal("batch \(path), line \(index + 1)", why: why, remedy: "nothing was spawned", exit: .badData)
            }
            let json: JSONValue
            do { json = try JSONValue(parsing: String(line)) } catch { throw bad("not JSON: \(error)") }
            guard let name = json["name"]?.text ?? json["task_name"]?.text ?? task else { throw bad("it has no name") }
            let text = (json["params"] ?? [:]).jsonText
            do {
                try Params.check(text, task: name) { warning in
                    if warned.insert(name).inserted { Console.say("absurd: warning: \(warning)") }
                }
            } catch let refusal as Refusal { throw bad(refusal.description) }
            var new = NewTask(queue: json["queue"]?.text ?? queue, name: name, params: text)
            new.priority = json["priority"]?.int.flatMap { Int32(exactly: $0) } ?? priority
            new.timeoutSeconds = json["timeout_sec"]?.int.flatMap { Int32(exactly: $0) } ?? timeout
            new.retriesMax = json["max_retries"]?.int.flatMap { Int32(exactly: $0) } ?? maxRetries
            new.idempotencyKey = json["key"]?.text
            new.after = try (json["after"]?.items ?? []).map { item in
                guard let id = item.text.flatMap({ TaskID($0) }) else { throw bad("after holds no task id") }
                return id
            }
            tasks.append(new)
        }
        return tasks
    }

    /// ISO 8601, in UTC where it names no zone.
    static func time(_ text: String) throws -> Timestamp {
        let refusal = Refusal(
            "time \(text)", why: "not a time", remedy: "write it as 2026-07-01T03:00:00Z", exit: .usage)
        let pattern = /(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?(?:Z|([+-])(\d\d):?(\d\d))?/
        guard let match = text.wholeMatch(of: pattern)?.output else { throw refusal }
        func number(_ part: Substring?) -> Int32 { part.flatMap { Int32($0) } ?? 0 }
        var parts = tm()
        parts.tm_year = number(match.1) - 1900
        parts.tm_mon = number(match.2) - 1
        parts.tm_mday = number(match.3)
        parts.tm_hour = number(match.4)
        parts.tm_min = number(match.5)
        parts.tm_sec = number(match.6)
        let month = parts.tm_mon
        let day = parts.tm_mday
        let seconds = Double(timegm(&parts))
        // timegm carries what is out of range over; the 31st of June is a typing error.
        guard parts.tm_mon == month, parts.tm_mday == day else { throw refusal }
        let offset = Double(number(match.8) * 3600 + number(match.9) * 60)
        return Timestamp(seconds: match.7 == "-" ? seconds + offset : seconds - offset)
    }
}
