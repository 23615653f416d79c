import Absurd
import AbsurdObserve

/// What a load has shown.
public struct LoadReport: Sendable {
    public var plan: LoadPlan
    public var check: LoadCheck
    /// From the intended start to the end that a waiting client sees.
    public var latencies: Latencies
    /// From the intended start to the acknowledgement.
    public var spawns: Latencies
    public var lateness: Latencies
    var depths: Latencies
    /// Spawns that were not acknowledged.
    public var refused: Int
    public var lastRefusal: String?
    /// From the first arrival to the last end.
    public var seconds: Double
    public var wasStopped: Bool

    public var tasksPerSecond: Double { seconds > 0 ? Double(check.completed) / seconds : 0 }

    public var evidence: TierEvidence {
        let asked = check.acknowledged + refused
        return TierEvidence(
            // The last task may end a little after the last arrival: that is latency, not lack of throughput.
            tasksPerSecond: min(plan.ratePerSecond, tasksPerSecond * (1 + 1 / max(seconds, 1))),
            p50Seconds: latencies.percentile(50), p95Seconds: latencies.percentile(95),
            depth: Int((depths.percentile(95) * 1e6).rounded()),
            successRatio: asked == 0 ? 0 : Double(check.completed) / Double(asked))
    }

    /// Nothing lost, nothing doubled, everything at an end.
    public var isWhole: Bool { check.isWhole }

    /// - Parameter tier: the one that was asked for.
    public func json(asking tier: TargetTier?) -> JSONValue {
        let evidence = evidence
        return [
            "queue": .string(plan.queue), "task": .string(plan.task), "rate_per_second": .number(plan.ratePerSecond),
            "producers": .integer(Int64(plan.producers)), "planned": .integer(Int64(plan.tasks)),
            "acknowledged": .integer(Int64(check.acknowledged)), "refused": .integer(Int64(refused)),
            "refusal": lastRefusal.map { .string($0) } ?? .null,
            "completed": .integer(Int64(check.completed)), "failed": .integer(Int64(check.failed)),
            "cancelled": .integer(Int64(check.cancelled)), "lost": .integer(Int64(check.lost)),
            "doubled": .integer(Int64(check.doubled)), "unfinished": .integer(Int64(check.unfinished)),
            "attempted_again": .integer(Int64(check.attemptedAgain)),
            "suspects": .array(check.suspects.map { .string("\($0)") }), "seconds": .number(seconds),
            "tasks_per_second": .number(tasksPerSecond), "success_ratio": .number(evidence.successRatio),
            "depth_p95": .integer(Int64(evidence.depth ?? 0)), "latency": latencies.json, "spawn": spawns.json,
            "sent_late": lateness.json, "was_stopped": .bool(wasStopped),
            "tier_reached": evidence.tierReached.map { .string($0.rawValue) } ?? .null,
            "tier_asked": tier.map { .string($0.rawValue) } ?? .null,
            "tier_misses": .array(tier.map { $0.misses(evidence).map { .string($0) } } ?? []),
        ]
    }

    public func lines(asking tier: TargetTier?) -> [String] {
        let evidence = evidence
        var lines = [
            "sent       \(check.acknowledged + refused) of \(plan.tasks) planned at \(rounded(plan.ratePerSecond))/s by "
                + "\(plan.producers) producers; acknowledged \(check.acknowledged)"
                + (refused > 0 ? ", refused \(refused) (\(lastRefusal ?? ""))" : ""),
            "ended      completed \(check.completed), failed \(check.failed), cancelled \(check.cancelled)"
                + (check.attemptedAgain > 0 ? "; \(check.attemptedAgain) took more than one attempt" : ""),
            "proof      lost \(check.lost), doubled \(check.doubled), unfinished \(check.unfinished)"
                + (check.suspects.isEmpty ? "" : ": " + check.suspects.map { "\($0)" }.joined(separator: " ")),
            "rate       \(rounded(tasksPerSecond)) completed/s over \(rounded(seconds)) s",
            "latency    \(latencies.sentence)  (intended start to end)",
            "spawn      \(spawns.sentence)  (intended start to acknowledgement)",
            "depth      p95 \(evidence.depth ?? 0) tasks under way as each arrived",
        ]
        if lateness.percentile(99) > 0.005 {
            lines.append("generator  sent late: \(lateness.sentence); this machine is too busy to load itself evenly")
        }
        lines.append("tier       \(evidence.tierReached?.rawValue ?? "none") reached")
        for miss in tier?.misses(evidence) ?? [] { lines.append("missed     \(tier?.rawValue ?? ""): \(miss)") }
        return lines
    }
}
