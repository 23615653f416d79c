import Absurd
import AbsurdHost
import AbsurdStore
import Logging

/// Everything that a leader needs to know before it starts.
public struct LeaderConfiguration: Sendable {
    /// The node's name in the database; one leader a name.
    public var node: String
    public var queues: [String]
    public var database: ConnectionSettings
    /// Absolute.
    public var stateDirectory: String
    public var placement: Placement
    public var taskTypes: [TaskType]
    public var workerExecutable: String
    public var stageExecutable: String
    public var scratchRoot: String
    public var pollInterval = Span.seconds(1)
    public var lease = Span.seconds(Double(Limits.leaseSeconds))
    public var drain = Span.seconds(Double(Limits.drainSeconds))
    /// SIGTERM and SIGINT drain and end the leader, a second one at once; for the rest of the process's life.
    public var handlesSignals = false
    public var logger: Logger
    /// For the workers and the stages; never the database's address or password.
    public var environment: [String: String]

    public init(
        node: String, queues: [String], database: ConnectionSettings, stateDirectory: String, placement: Placement,
        taskTypes: [TaskType], workerExecutable: String, stageExecutable: String, logger: Logger,
        environment: [String: String] = ConnectionSettings.processEnvironment
    ) {
        self.node = node
        self.queues = queues
        self.database = database
        self.stateDirectory = stateDirectory
        self.placement = placement
        self.taskTypes = taskTypes
        self.workerExecutable = workerExecutable
        self.stageExecutable = stageExecutable
        self.logger = logger
        scratchRoot = environment["CONTIMG_TMPFS_DIR"] ?? "/dev/shm/absurd-\(getuidText())"
        self.environment = environment.filter { name, _ in
            !name.hasPrefix("PG") && !name.hasPrefix("ABSURD_") && name != "NOTIFY_SOCKET" && name != "WATCHDOG_USEC"
                && name != "CREDENTIALS_DIRECTORY"
        }
    }

    public var runDirectory: String { stateDirectory + "/run" }
    public var adminSocket: String { runDirectory + "/absurdctl.sock" }

    var inlineNames: [String] { taskTypes.filter { $0.runner == .worker }.map(\.name) }
    var stageNames: [String] { taskTypes.filter { $0.runner == .stage }.map(\.name) }
}
