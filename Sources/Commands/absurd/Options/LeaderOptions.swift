import Absurd
import AbsurdClient
import AbsurdHost
import AbsurdLeader
import AbsurdPipeline
import AbsurdStore
import ArgumentParser
import Glibc
import Logging

/// What a node is told, by flag, by ABSURD_* variable, or by a YAML file of `flag: value` lines; in this order.
struct LeaderOptions: ParsableArguments {
    @Option(help: "A queue to serve; repeat it for several ($ABSURD_QUEUE_NAME; default dsa110-pipeline).")
    var queueName: [String] = []

    @Option(help: "Worker processes, or auto ($ABSURD_WORKERS).")
    var workers: String?

    @Option(help: "Tasks that one worker runs at a time ($ABSURD_WORKER_CONCURRENCY; default 4).")
    var concurrency: String?

    @Option(help: "cpu, io or mixed: 0.75, 1.5 or 1 workers a CPU when --workers is auto.")
    var workload: String?

    @Option(help: "Seconds between looks at an idle queue ($ABSURD_WORKER_POLL_INTERVAL; default 1).")
    var pollInterval: String?

    @Option(help: "Time-out in seconds of tasks that have none of their own ($ABSURD_TASK_TIMEOUT; default 3600).")
    var taskTimeout: String?

    @Option(help: "Retries of tasks spawned without a number ($ABSURD_MAX_RETRIES; default 3).")
    var maxRetries: String?

    @Option(help: "The node's name ($ABSURD_WORKER_ID; default the host's name).")
    var nodeID: String?

    @Option(help: "NUMA nodes to use: auto, none, or a list such as 0,1.")
    var numa: String?

    @Option(help: "Log level: trace, debug, info, notice, warning, error, critical.")
    var logLevel: String?

    @Option(help: "A YAML file with the same settings, one `flag-name: value` a line.")
    var config: String?

    /// - Throws: `Refusal` naming the setting.
    func configuration(database: ConnectionSettings, state: String) throws -> LeaderConfiguration {
        let file = try config.map { try SettingsFile(path: $0) } ?? SettingsFile()
        func setting(_ flag: String?, _ variable: String, _ name: String) -> Given? {
            Given(flag, Paths.environment[variable] ?? file[name])
        }
        var request = Placement.Request(concurrency: 4)
        if let text = setting(workers, "ABSURD_WORKERS", "workers"), text.value != "auto" {
            request.workers = try whole(text, "workers", 1...1024)
        }
        if let text = setting(concurrency, "ABSURD_WORKER_CONCURRENCY", "concurrency") {
            request.concurrency = try whole(text, "concurrency", 1...256)
        }
        if let text = setting(workload, "ABSURD_WORKLOAD", "workload") {
            guard let workload = Placement.Workload(rawValue: text.value) else {
                throw Self.refusal("workload", text, "cpu, io or mixed")
            }
            request.workload = workload
        }
        if let text = setting(numa, "ABSURD_NUMA", "numa") {
            guard let choice = Placement.NUMAChoice(text.value) else {
                throw Self.refusal("numa", text, "auto, none or 0,1")
            }
            request.numa = choice
        }
        var logger = Logger(label: "absurd.leader") { _ in LineLogHandler() }
        if let text = setting(logLevel, "ABSURD_LOG_LEVEL", "log-level") {
            guard let level = Logger.Level(rawValue: text.value) else {
                throw Self.refusal(
                    "log-level", text, Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))
            }
            logger.logLevel = level
        }
        let placement = try Placement.plan(
            request, topology: Topology.read(), limits: HostLimits.read(environment: Paths.environment))
        for note in placement.notes { logger.notice("placement", metadata: ["note": "\(note)"]) }
        var queues = queueName
        if queues.isEmpty { queues = Paths.environment["ABSURD_QUEUE_NAME"].map { [$0] } ?? [] }
        if queues.isEmpty { queues = file.list("queue-name") }
        if queues.isEmpty { queues = ["dsa110-pipeline"] }
        for name in queues where !(1...Limits.queueNameBytesMax).contains(name.utf8.count) {
            throw Self.refusal(
                "queue-name", Given(value: name, isFlag: !queueName.isEmpty), "1 to \(Limits.queueNameBytesMax) bytes")
        }
        var configuration = LeaderConfiguration(
            node: setting(nodeID, "ABSURD_WORKER_ID", "node-id")?.value ?? Self.hostName(), queues: queues,
            database: database, stateDirectory: state, placement: placement, taskTypes: Catalogue.types,
            workerExecutable: Paths.sibling("absurd-worker"), stageExecutable: Paths.sibling("absurd-stage"),
            logger: logger)
        configuration.canaryEvery = .seconds(Limits.canarySeconds)
        if let text = setting(pollInterval, "ABSURD_WORKER_POLL_INTERVAL", "poll-interval") {
            guard let seconds = Double(text.value), (0.05...3600).contains(seconds) else {
                throw Self.refusal("poll-interval", text, "0.05 to 3600 seconds")
            }
            configuration.pollInterval = .seconds(seconds)
        }
        return configuration
    }

    /// The defaults for tasks that say nothing themselves, where this node was told some.
    func taskDefaults() throws -> (timeoutSeconds: Int?, retriesMax: Int?) {
        let file = try config.map { try SettingsFile(path: $0) } ?? SettingsFile()
        let timeout = Given(taskTimeout, Paths.environment["ABSURD_TASK_TIMEOUT"] ?? file["task-timeout"])
        let retries = Given(maxRetries, Paths.environment["ABSURD_MAX_RETRIES"] ?? file["max-retries"])
        return (
            try timeout.map { try whole($0, "task-timeout", 1...604_800) },
            try retries.map { try whole($0, "max-retries", 0...1000) }
        )
    }

    /// A value and whose fault it is when it is wrong: the command line's, or the environment's and the file's.
    private struct Given {
        var value: String
        var isFlag: Bool

        init(value: String, isFlag: Bool) {
            self.value = value
            self.isFlag = isFlag
        }

        init?(_ flag: String?, _ other: String?) {
            guard let value = flag ?? other else { return nil }
            self.init(value: value, isFlag: flag != nil)
        }
    }

    private func whole(_ given: Given, _ name: String, _ range: ClosedRange<Int>) throws -> Int {
        guard let number = Int(given.value), range.contains(number) else {
            throw Self.refusal(name, given, "\(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func refusal(_ name: String, _ given: Given, _ allowed: String) -> Refusal {
        Refusal(
            "setting \(name)", why: "\"\(given.value)\" is not allowed", remedy: "use \(allowed)",
            exit: given.isFlag ? .usage : .configuration)
    }

    static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, 255) == 0 else { return "node" }
        return buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }
}
