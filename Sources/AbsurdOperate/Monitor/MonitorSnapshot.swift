public import Absurd
public import AbsurdObserve

/// Everything that one look at the system gave. Facts, and what they are judged to be.
public struct MonitorSnapshot: Sendable {
    /// What happened in the last so many seconds.
    public struct Window: Sendable, Hashable {
        public var seconds: Double
        public var spawned: Int64
        public var completed: Int64
        public var failed: Int64
        public var cancelled: Int64
        public var retried: Int64
        public var timedOut: Int64
        public var completedPerSecond: Double
        /// Nil when nothing ended.
        public var successRatio: Double?
        /// p50, p95, p99.
        public var wait: [Double?]
        public var run: [Double?]

        public init(
            seconds: Double, spawned: Int64, completed: Int64, failed: Int64, cancelled: Int64, retried: Int64,
            timedOut: Int64, completedPerSecond: Double, successRatio: Double?, wait: [Double?], run: [Double?]
        ) {
            self.seconds = seconds
            self.spawned = spawned
            self.completed = completed
            self.failed = failed
            self.cancelled = cancelled
            self.retried = retried
            self.timedOut = timedOut
            self.completedPerSecond = completedPerSecond
            self.successRatio = successRatio
            self.wait = wait
            self.run = run
        }
    }

    public struct Queue: Sendable, Hashable {
        public var name: String
        /// By status, as the contract names them.
        public var counts: [TaskState: Int64]
        public var deadLetters: Int64
        public var oldestPendingSeconds: Double?
        public var secondsSinceCompletion: Double?
        public var isPaused: Bool

        public init(
            name: String, counts: [TaskState: Int64], deadLetters: Int64 = 0, oldestPendingSeconds: Double? = nil,
            secondsSinceCompletion: Double? = nil, isPaused: Bool = false
        ) {
            self.name = name
            self.counts = counts
            self.deadLetters = deadLetters
            self.oldestPendingSeconds = oldestPendingSeconds
            self.secondsSinceCompletion = secondsSinceCompletion
            self.isPaused = isPaused
        }
    }

    /// A task that is claimed now, and where it runs as far as its node has told.
    public struct Task: Sendable, Hashable {
        public var id: TaskID
        public var name: String
        public var queue: String
        public var node: String
        public var worker: Int?
        public var numaNode: Int?
        public var attempt: Int
        public var seconds: Double
        public var progress: Double?
        public var message: String

        public init(
            id: TaskID, name: String, queue: String, node: String, worker: Int? = nil, numaNode: Int? = nil,
            attempt: Int = 1, seconds: Double, progress: Double? = nil, message: String = ""
        ) {
            self.id = id
            self.name = name
            self.queue = queue
            self.node = node
            self.worker = worker
            self.numaNode = numaNode
            self.attempt = attempt
            self.seconds = seconds
            self.progress = progress
            self.message = message
        }
    }

    public var takenAt: Timestamp
    /// Nil: the database did not answer, and `failure` says why.
    public var latencySeconds: Double?
    public var failure: String?
    public var windows: [Window] = []
    public var queues: [Queue] = []
    public var nodes: [NodeFacts] = []
    public var tasks: [Task] = []

    public init(takenAt: Timestamp) { self.takenAt = takenAt }

    public var observation: Observation {
        let workers = nodes.filter(\.isAlive).flatMap(\.workers).filter { $0.state != "gone" }
        return Observation(
            queues: queues.map { queue in
                Observation.Queue(
                    name: queue.name, pending: Int(queue.counts[.pending] ?? 0),
                    claimed: Int(queue.counts[.claimed] ?? 0),
                    oldestPendingSeconds: queue.oldestPendingSeconds,
                    secondsSinceCompletion: queue.secondsSinceCompletion, isPaused: queue.isPaused)
            },
            workers: workers.count, activeWorkers: activeWorkers, databaseLatencySeconds: latencySeconds)
    }

    public var findings: [Finding] { failure == nil ? observation.findings() : [] }
    public var health: Health { Health(databaseIsUp: failure == nil, findings: findings) }

    /// Workers that are up on nodes that are heard of.
    public var activeWorkers: Int {
        nodes.filter { $0.isAlive && $0.activity == .active }.flatMap(\.workers).count {
            ["busy", "idle", "retiring"].contains($0.state)
        }
    }

    public var workers: [NodeFacts.Worker] { nodes.filter(\.isAlive).flatMap(\.workers).filter { $0.state != "gone" } }
}

extension NodeFacts {
    public enum Activity: String, Sendable, Hashable { case active, idle, stale, crashed }

    /// A leader renews every third of its lease: only what goes beyond that is silence.
    public var activity: Activity {
        let silence = max(0, (secondsSinceRenewal ?? 0) - Double(Limits.leaseSeconds) / 3)
        if silence < Thresholds.workerActiveSecondsMax { return .active }
        if silence < Thresholds.workerIdleSecondsMax { return .idle }
        return silence < Thresholds.workerStaleSecondsMax ? .stale : .crashed
    }
}
