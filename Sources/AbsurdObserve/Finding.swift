/// Something that an operator should know, with what it was judged by.
public struct Finding: Sendable, Hashable {
    public enum Cause: String, Sendable, Hashable {
        case depth
        case oldestPending = "oldest_pending"
        case stalled
        case noWorkers = "no_workers"
        case fewWorkers = "few_workers"
        case databaseLatency = "database_latency"
        case canary
    }

    public var cause: Cause
    public var severity: Severity
    /// The queue, where it is one queue's.
    public var queue: String?
    /// In the unit of its threshold: tasks, seconds or a ratio.
    public var value: Double
    public var threshold: Double
    public var message: String

    public init(
        _ cause: Cause, _ severity: Severity, queue: String? = nil, value: Double, threshold: Double, message: String
    ) {
        self.cause = cause
        self.severity = severity
        self.queue = queue
        self.value = value
        self.threshold = threshold
        self.message = message
    }
}

/// What is judged. Facts alone: whoever gathers them says nothing about them.
public struct Observation: Sendable, Hashable {
    public struct Queue: Sendable, Hashable {
        public var name: String
        public var pending: Int
        public var claimed: Int
        public var oldestPendingSeconds: Double?
        public var secondsSinceCompletion: Double?
        public var isPaused: Bool

        public init(
            name: String, pending: Int, claimed: Int, oldestPendingSeconds: Double? = nil,
            secondsSinceCompletion: Double? = nil, isPaused: Bool = false
        ) {
            self.name = name
            self.pending = pending
            self.claimed = claimed
            self.oldestPendingSeconds = oldestPendingSeconds
            self.secondsSinceCompletion = secondsSinceCompletion
            self.isPaused = isPaused
        }
    }

    public var queues: [Queue]
    public var workers: Int
    public var activeWorkers: Int
    public var databaseLatencySeconds: Double?
    /// Of the oldest canary that should have come back by now.
    public var canaryAgeSeconds: Double?

    public init(
        queues: [Queue], workers: Int, activeWorkers: Int, databaseLatencySeconds: Double? = nil,
        canaryAgeSeconds: Double? = nil
    ) {
        self.queues = queues
        self.workers = workers
        self.activeWorkers = activeWorkers
        self.databaseLatencySeconds = databaseLatencySeconds
        self.canaryAgeSeconds = canaryAgeSeconds
    }

    /// Alerts first, then by cause.
    public func findings() -> [Finding] {
        var found = queues.flatMap(Self.findings)
        found += workerFindings()
        if let latency = databaseLatencySeconds,
            let severity = Thresholds.databaseLatencySeconds.severity(of: latency)
        {
            let threshold = Thresholds.databaseLatencySeconds.bound(severity)
            found.append(
                Finding(
                    .databaseLatency, severity, value: latency, threshold: threshold,
                    message: "the database takes \(Int(latency * 1000)) ms to answer (> \(Int(threshold * 1000)) ms)"))
        }
        if let age = canaryAgeSeconds, let severity = Thresholds.canaryAgeSeconds.severity(of: age) {
            let threshold = Thresholds.canaryAgeSeconds.bound(severity)
            found.append(
                Finding(
                    .canary, severity, value: age, threshold: threshold,
                    message: "no canary has come back for \(Self.words(age)) (> \(Self.words(threshold)))"))
        }
        return found.sorted { left, right in
            left.severity == right.severity
                ? left.cause.rawValue < right.cause.rawValue : left.severity > right.severity
        }
    }

    private static func findings(of queue: Queue) -> [Finding] {
        var found: [Finding] = []
        let depth = queue.pending + queue.claimed
        if let severity = Thresholds.depth.severity(of: Double(depth)) {
            let threshold = Thresholds.depth.bound(severity)
            found.append(
                Finding(
                    .depth, severity, queue: queue.name, value: Double(depth), threshold: threshold,
                    message: "queue \(queue.name): \(depth) tasks pending or claimed (> \(Int(threshold)))"))
        }
        if let age = queue.oldestPendingSeconds, let severity = Thresholds.oldestPendingSeconds.severity(of: age) {
            let threshold = Thresholds.oldestPendingSeconds.bound(severity)
            found.append(
                Finding(
                    .oldestPending, severity, queue: queue.name, value: age, threshold: threshold,
                    message: "queue \(queue.name): a task has been pending for \(words(age)) (> \(words(threshold)))"))
        }
        // A backlog counts as stalled from the time at which it could have begun to move.
        let still = min(queue.secondsSinceCompletion ?? .infinity, queue.oldestPendingSeconds ?? 0)
        if queue.pending > 0, !queue.isPaused, still > Thresholds.stallSeconds {
            found.append(
                Finding(
                    .stalled, .alert, queue: queue.name, value: still, threshold: Thresholds.stallSeconds,
                    message:
                        "queue \(queue.name): \(queue.pending) pending and nothing has completed for \(words(still))"))
        }
        return found
    }

    private func workerFindings() -> [Finding] {
        let backlog = queues.reduce(0) { $0 + ($1.isPaused ? 0 : $1.pending) }
        if workers == 0 || activeWorkers == 0 {
            guard backlog > 0 else { return [] }
            let what = workers == 0 ? "there are no workers" : "none of \(workers) workers is active"
            return [
                Finding(
                    .noWorkers, .alert, value: 0, threshold: 1, message: "\(what), and \(backlog) tasks are pending")
            ]
        }
        let ratio = Double(activeWorkers) / Double(workers)
        guard ratio < Thresholds.activeWorkersRatioMin else { return [] }
        return [
            Finding(
                .fewWorkers, .warning, value: ratio, threshold: Thresholds.activeWorkersRatioMin,
                message: "only \(activeWorkers) of \(workers) workers are active")
        ]
    }

    static func words(_ seconds: Double) -> String {
        switch seconds {
        case ..<120: "\(Int(seconds)) s"
        case ..<7200: "\(Int(seconds / 60)) min"
        default: "\(Int(seconds / 3600)) h"
        }
    }
}

extension Threshold {
    public func bound(_ severity: Severity) -> Double { severity == .alert ? alert : warning }
}
