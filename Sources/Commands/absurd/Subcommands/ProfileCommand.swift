import Absurd
import AbsurdClient
import AbsurdOperate
import ArgumentParser
import Glibc

struct ProfileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Show where a task's time went: waiting, its attempts, the steps of the last one.",
        discussion: """
            Example:
              absurd profile 0198c0de-0000-7000-8000-000000000001
              absurd profile 0198c0de-0000-7000-8000-000000000001 --trace imaging.json

            CPU, memory and I/O are the last attempt's, with the children it waited for. Open the trace file at
            https://ui.perfetto.dev or https://www.speedscope.app.
            """)

    @Argument(help: "The task.")
    var task: TaskID

    @Option(help: "Write a trace in the Trace Event Format (Chrome's) to this file.")
    var trace: String?

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await database.withClient { client in
            let record = try await find(task, client)
            let attempts = try await Attempt.all(of: task, client)
            let now: Timestamp = try await client.postgres.query("SELECT absurd.current_time()")[0].get(0)
            let result = record.result.flatMap { try? JSONValue(parsing: $0) }
            let profile = TaskProfile(
                id: record.id, name: record.name, state: record.state, createdAt: record.createdAt,
                attempts: attempts.map { attempt in
                    .init(
                        number: Int(attempt.number), node: attempt.node ?? attempt.worker, begin: attempt.startedAt,
                        end: attempt.endedAt, outcome: attempt.outcome)
                }, resources: result?["resources"] ?? [:], now: now)
            if let trace { try write(profile.trace, to: trace) }
            if output.json { return Console.out(profile.json.jsonText) }
            for line in profile.lines { Console.out(line) }
        }
    }

    private func write(_ trace: JSONValue, to path: String) throws {
        func refusal() -> Refusal {
            Refusal(
                "trace \(path)", why: String(cString: strerror(errno)), remedy: "check its directory and disk",
                exit: .cannotCreate)
        }
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw refusal() }
        defer { close(file) }
        let bytes = trace.jsonBytes + [UInt8(ascii: "\n")]
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else { throw refusal() }
    }
}
