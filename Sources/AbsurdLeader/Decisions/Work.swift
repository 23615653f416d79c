import Absurd
import AbsurdHost

/// A task that the database has given to this node, as `claim_batch` returns it.
public struct ClaimedTask: Sendable, Hashable {
    public var fence: Fence
    public var queue: String
    public var name: String
    /// JSON text, passed on unread.
    public var params: [UInt8]
    public var timeoutSeconds: Int32
    /// From the spawn to the claim, by the database's clock.
    public var waited: Span

    public init(
        fence: Fence, queue: String, name: String, params: [UInt8], timeoutSeconds: Int32, waited: Span = .seconds(0)
    ) {
        self.waited = waited
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

/// The node's cores as the decisions see them.
public protocol CoreGranting: Sendable {
    /// - Parameter freeSeats: per worker, the seats that could begin a stage now.
    mutating func grant(_ type: TaskType, freeSeats: [Int]) -> GrantBook.Answer
    mutating func release(_ grant: GrantBook.Grant)
    /// Whether a stage that asks for one core could start now.
    var hasFreeCore: Bool { get }
}

extension GrantBook: CoreGranting {
    public var hasFreeCore: Bool { free.contains { !$0.cpus.isEmpty } }
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
    /// nil: no canaries.
    public var canaryEvery: Span?
    public var canaryQueue: String
    public var taskTypes: [String: TaskType]
    /// Of the jitter in reconnecting; a test gives its own.
    public var seed: UInt64

    public init(
        queues: [String], workers: Int, laneSlots: Int, pollInterval: Span = .seconds(1),
        lease: Span = .seconds(Double(Limits.leaseSeconds)), drain: Span = .seconds(Double(Limits.drainSeconds)),
        canaryEvery: Span? = nil, canaryQueue: String = "", taskTypes: [TaskType], seed: UInt64
    ) {
        self.canaryEvery = canaryEvery
        self.canaryQueue = canaryQueue
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
