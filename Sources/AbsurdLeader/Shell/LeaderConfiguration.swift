import Absurd
import AbsurdHost
import AbsurdStore
import Glibc
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
    /// How often a task that does nothing is sent through the whole system; nil: never.
    public var canaryEvery: Span?
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
        scratchRoot = Self.scratchRoot(stateDirectory, environment)
        self.environment = environment.filter { name, _ in
            !name.hasPrefix("PG") && !name.hasPrefix("ABSURD_") && name != "NOTIFY_SOCKET" && name != "WATCHDOG_USEC"
                && name != "CREDENTIALS_DIRECTORY"
        }
    }

    /// One a state directory, because its leader empties it: in $CONTIMG_TMPFS_DIR, else in /dev/shm.
    static func scratchRoot(_ state: String, _ environment: [String: String]) -> String {
        let mark = state.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return "\(environment["CONTIMG_TMPFS_DIR"] ?? "/dev/shm")/absurd-\(getuid())-\(String(mark, radix: 36))"
    }

    public var runDirectory: String { stateDirectory + "/run" }
    public var adminSocket: String { runDirectory + "/absurdctl.sock" }

    /// As absurd.canary_send names it.
    var canaryQueue: String { "absurd-canary/" + String(String.UnicodeScalarView(node.unicodeScalars.prefix(100))) }

    var inlineNames: [String] { taskTypes.filter { $0.runner == .worker }.map(\.name) }
    var stageNames: [String] { taskTypes.filter { $0.runner == .stage }.map(\.name) }
}
