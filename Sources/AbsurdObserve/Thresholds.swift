/// From which value on people are to be told. `monitor`, `doctor`, the dashboard and the Prometheus rules use these.
public enum Thresholds {
    /// Pending and claimed tasks of a queue.
    public static let depth = Threshold(warning: 500, alert: 1000)
    public static let oldestPendingSeconds = Threshold(warning: 600, alert: 3600)
    public static let databaseLatencySeconds = Threshold(warning: 0.5, alert: 1)
    /// Below this share of active workers: a warning.
    public static let activeWorkersRatioMin = 0.5
    /// With a backlog and no completion for so long: an alert.
    public static let stallSeconds = 300.0
    /// A canary that came back is sent again after a minute; one that is older than this has got lost on its way.
    public static let canaryAgeSeconds = Threshold(warning: 180, alert: 600)

    /// Seconds since a worker's (or node's) last heartbeat.
    public static let workerActiveSecondsMax = 10.0
    public static let workerIdleSecondsMax = 60.0
    public static let workerStaleSecondsMax = 180.0
}

public struct Threshold: Sendable, Hashable {
    public var warning: Double
    public var alert: Double

    public init(warning: Double, alert: Double) {
        self.warning = warning
        self.alert = alert
    }

    /// What a value beyond a threshold is called; nil up to the warning.
    public func severity(of value: Double) -> Severity? {
        if value > alert { return .alert }
        return value > warning ? .warning : nil
    }
}

public enum Severity: String, Sendable, Hashable, Comparable {
    case warning, alert

    public static func < (left: Severity, right: Severity) -> Bool { left == .warning && right == .alert }
}

/// What the whole system is, in one word.
public enum Health: String, Sendable, Hashable {
    case healthy, degraded, critical, down

    public init(databaseIsUp: Bool, findings: [Finding]) {
        guard databaseIsUp else {
            self = .down
            return
        }
        switch findings.map(\.severity).max() {
        case .alert: self = .critical
        case .warning: self = .degraded
        case nil: self = .healthy
        }
    }
}

/// The three target tiers that a benchmark or a load test is judged by.
public enum TargetTier: String, Sendable, Hashable, CaseIterable {
    case development, production
    case highPerformance = "high-performance"

    /// Tasks completed per second, sustained.
    public var throughputPerSecondMin: Double {
        switch self {
        case .development: 5
        case .production: 15
        case .highPerformance: 30
        }
    }

    /// From the spawn to the end of a task that does nothing.
    public var latencyP50SecondsMax: Double {
        switch self {
        case .development: 0.1
        case .production: 0.05
        case .highPerformance: 0.02
        }
    }

    public var latencyP95SecondsMax: Double {
        switch self {
        case .development: 0.5
        case .production: 0.2
        case .highPerformance: 0.1
        }
    }

    public var queueDepthMax: Int {
        switch self {
        case .development: 100
        case .production: 50
        case .highPerformance: 20
        }
    }

    public var successRatioMin: Double {
        switch self {
        case .development: 0.95
        case .production: 0.99
        case .highPerformance: 0.999
        }
    }

    /// The best tier whose every figure is met; a figure that was not measured is nil and is not asked for.
    public static func best(
        throughputPerSecond: Double?, p50Seconds: Double?, p95Seconds: Double?, successRatio: Double?,
        queueDepth: Int? = nil
    ) -> TargetTier? {
        allCases.last { tier in
            (throughputPerSecond.map { $0 >= tier.throughputPerSecondMin } ?? true)
                && (p50Seconds.map { $0 < tier.latencyP50SecondsMax } ?? true)
                && (p95Seconds.map { $0 < tier.latencyP95SecondsMax } ?? true)
                && (successRatio.map { $0 > tier.successRatioMin } ?? true)
                && (queueDepth.map { $0 < tier.queueDepthMax } ?? true)
        }
    }
}
