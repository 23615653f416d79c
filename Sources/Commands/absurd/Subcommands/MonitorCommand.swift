import Absurd
import AbsurdOperate
import AbsurdStore
import ArgumentParser
import Glibc

struct MonitorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "monitor", abstract: "Watch health, queues, workers and running tasks.",
        discussion: """
            Example:
              absurd monitor
              absurd monitor --once --queue-name dsa110-pipeline
              absurd monitor --interval 60 --json --log /var/log/absurd/monitor.jsonl

            On a terminal a screen with keys (? lists them); elsewhere a paragraph a look, or a line of JSON. Windows of 1,
            5 and 15 minutes are counted from the tasks themselves. With --once: exit 0 when healthy or degraded, 1 when
            critical, 69 when the database is down.
            """)

    @Option(help: "Seconds between two looks.")
    var interval = 5.0

    @Flag(help: "Look once and end.")
    var once = false

    @Option(help: "Only this queue.")
    var queueName: String?

    @Option(help: "Append each look to this file, a line of JSON each.")
    var log: String?

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (0.5...3600).contains(interval) else { throw ValidationError("--interval must be 0.5 to 3600 seconds.") }
    }

    func run() throws {
        let reading = MonitorReading(try database.settings(), queue: queueName)
        let journal = try log.map { try MonitorLog(path: $0) }
        if once {
            let look = reading.look()
            try journal?.append(look)
            print(look)
            switch look.health {
            case .down: throw QuietExit(code: .unavailable)
            case .critical: throw AnswerIsNo()
            default: return
            }
        }
        if output.json || !Terminal.isThere { return try stream(reading, journal) }
        try MonitorScreen(reading, interval: interval, queue: queueName, log: journal).run()
    }

    private func print(_ look: MonitorSnapshot) {
        if output.json { return Console.out(look.json.jsonText) }
        for line in look.report { Console.out(line) }
    }

    private func stream(_ reading: MonitorReading, _ journal: MonitorLog?) throws {
        var next = monotonicSeconds()
        while true {
            let look = reading.look()
            try journal?.append(look)
            print(look)
            next = max(next + interval, monotonicSeconds())
            let left = next - monotonicSeconds()
            usleep(UInt32(max(0, left) * 1e6))
        }
    }
}

/// The file of `--log`.
final class MonitorLog {
    private let path: String
    private let file: Int32

    /// - Throws: `Refusal` when the file can't be written.
    init(path: String) throws {
        self.path = path
        file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw Self.refusal(path) }
    }

    deinit { close(file) }

    func append(_ look: MonitorSnapshot) throws {
        let line = Array((look.json.jsonText + "\n").utf8)
        // One write: another monitor may append to the same file.
        guard write(file, line, line.count) == line.count else { throw Self.refusal(path) }
    }

    private static func refusal(_ path: String) -> Refusal {
        Refusal(
            "log \(path)", why: String(cString: strerror(errno)), remedy: "check its directory and disk",
            exit: .cannotCreate)
    }
}
