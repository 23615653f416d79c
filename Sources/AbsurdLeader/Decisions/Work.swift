import Absurd

/// A task that the database has given to this node, as `claim_batch` returns it.
public struct ClaimedTask: Sendable, Hashable {
    public var fence: Fence
    public var queue: String
    public var name: String
    /// JSON text, passed on unread.
    public var params: [UInt8]
    public var timeoutSeconds: Int32

    public init(fence: Fence, queue: String, name: String, params: [UInt8], timeoutSeconds: Int32) {
        self.fence = fence
        self.queue = queue
        self.name = name
        self.params = params
        self.timeoutSeconds = timeoutSeconds
    }
}

/// The end of an attempt, on its way to `finish_batch`.
public struct FinishedAttempt: Sendable, Hashable {
    public var fence: Fence
    public var outcome: AttemptOutcome
    /// JSON text; empty means NULL.
    public var result: [UInt8]
    public var error: String?

    public init(fence: Fence, outcome: AttemptOutcome, result: [UInt8] = [], error: String? = nil) {
        self.fence = fence
        self.outcome = outcome
        self.result = result
        self.error = error
    }
}

/// One thread of one worker process, and its lane.
public struct SeatID: Sendable, Hashable {
    public var worker: Int
    public var seat: Int

    public init(worker: Int, seat: Int) {
        self.worker = worker
        self.seat = seat
    }
}

/// CPUs and memory that a stage may use while it runs.
public struct CoreGrant: Sendable, Hashable {
    public var cpus: [Int]
    public var numaNode: Int
    public var memoryBytes: Int64

    public init(cpus: [Int], numaNode: Int = 0, memoryBytes: Int64) {
        self.cpus = cpus
        self.numaNode = numaNode
        self.memoryBytes = memoryBytes
    }
}

/// The node's cores as the decisions see them.
public protocol CoreGranting: Sendable {
    /// - Parameter cores: 0 asks for a whole NUMA node.
    /// - Returns: nil while too few are free. A request larger than the machine is cut to the machine.
    mutating func grant(cores: Int, memoryBytes: Int64) -> CoreGrant?
    mutating func giveBack(_ grant: CoreGrant)
    /// Whether a task that asks for one core could start now.
    var hasFreeCore: Bool { get }
}

/// Tiny handlers and stages are claimed apart: one kind waits for seats, the other for cores as well, and a stage
/// claimed too early would keep other nodes from running it.
public enum WorkClass: Sendable, Hashable, CaseIterable {
    case inline, stage
}

public struct ClaimRequest: Sendable, Hashable {
    public var workClass: WorkClass
    public var queues: [String]
    public var limit: Int

    public init(workClass: WorkClass, queues: [String], limit: Int) {
        self.workClass = workClass
        self.queues = queues
        self.limit = limit
    }
}

public struct LeaderSettings: Sendable {
    public var queues: [String]
    public var workers: Int
    /// Slots of one lane: the deepest prefetch.
    public var laneSlots: Int
    public var pollInterval: Span
    public var lease: Span
    public var drain: Span
    public var taskTypes: [String: TaskType]
    /// Of the jitter in reconnecting; a test gives its own.
    public var seed: UInt64

    public init(
        queues: [String], workers: Int, laneSlots: Int, pollInterval: Span = .seconds(1),
        lease: Span = .seconds(Double(Limits.leaseSeconds)), drain: Span = .seconds(Double(Limits.drainSeconds)),
        taskTypes: [TaskType], seed: UInt64
    ) {
        self.queues = queues
        self.workers = workers
        self.laneSlots = laneSlots
        self.pollInterval = pollInterval
        self.lease = lease
        self.drain = drain
        self.taskTypes = Dictionary(taskTypes.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.seed = seed
    }
}
