import AbsurdObserve

/// What a run has shown, in the terms of the guide's target tiers.
///
/// The guide's two other rows, worker count and database connections, are sizes and not qualities: a node here needs
/// three connections where the guide allows for 40 to 80.
public struct TierEvidence: Sendable, Hashable {
    public var tasksPerSecond: Double
    /// From the intended start to the end that a waiting client sees.
    public var p50Seconds: Double
    public var p95Seconds: Double
    /// Tasks that are not at an end; nil when it was not measured.
    public var depth: Int?
    public var successRatio: Double

    public var tierReached: TargetTier? {
        TargetTier.best(
            throughputPerSecond: tasksPerSecond, p50Seconds: p50Seconds, p95Seconds: p95Seconds,
            successRatio: successRatio, queueDepth: depth)
    }
}

extension TargetTier {
    /// Each target that the evidence misses, as a phrase; none when the tier is reached.
    public func misses(_ evidence: TierEvidence) -> [String] {
        var misses: [String] = []
        func demand(_ isMet: Bool, _ what: String, _ found: String, _ wanted: String) {
            if !isMet { misses.append("\(what) \(found), \(wanted) wanted") }
        }
        demand(
            evidence.tasksPerSecond >= throughputPerSecondMin, "throughput", "\(rounded(evidence.tasksPerSecond))/s",
            "at least \(rounded(throughputPerSecondMin))/s")
        demand(
            evidence.p50Seconds < latencyP50SecondsMax, "p50", milliseconds(evidence.p50Seconds),
            "below \(milliseconds(latencyP50SecondsMax))")
        demand(
            evidence.p95Seconds < latencyP95SecondsMax, "p95", milliseconds(evidence.p95Seconds),
            "below \(milliseconds(latencyP95SecondsMax))")
        if let depth = evidence.depth { demand(depth < queueDepthMax, "depth", "\(depth)", "below \(queueDepthMax)") }
        demand(
            evidence.successRatio > successRatioMin, "success", "\(rounded(evidence.successRatio * 100)) %",
            "above \(rounded(successRatioMin * 100)) %")
        return misses
    }
}
