import Absurd
import AbsurdObserve
import AbsurdStore

/// What load to make.
public struct LoadPlan: Sendable {
    public var queue: String
    public var task = "test-task"
    public var ratePerSecond: Double
    public var tasks: Int
    public var producers: Int
    /// How long to wait at the end for what is not finished, counted from the last finish.
    public var settleSeconds = Double(Limits.loadSettleSeconds)

    /// - Parameters:
    ///   - tasks, durationSeconds: whichever is reached first; a minute when neither is given.
    ///   - producers: nil: one for every 200 tasks a second, two at least.
    /// - Throws: `Refusal` (usage).
    public init(
        queue: String, ratePerSecond: Double, tasks: Int? = nil, durationSeconds: Double? = nil, producers: Int? = nil
    ) throws(Refusal) {
        guard ratePerSecond.isFinite, ratePerSecond > 0, ratePerSecond <= Double(Limits.loadRatePerSecondMax) else {
            throw Refusal(
                "rate \(ratePerSecond)", why: "not between 0 and \(Limits.loadRatePerSecondMax) tasks a second",
                remedy: "give --rate 200, say", exit: .usage)
        }
        let seconds = durationSeconds ?? (tasks == nil ? 60 : .infinity)
        let total = min(Double(tasks ?? .max), (seconds * ratePerSecond).rounded(.up))
        guard total >= 1, total <= Double(Limits.loadTasksMax) else {
            throw Refusal(
                "load", why: "\(rounded(total)) tasks; 1 to \(Limits.loadTasksMax) can be followed",
                remedy: "change --rate, --tasks or --duration", exit: .usage)
        }
        self.queue = queue
        self.ratePerSecond = ratePerSecond
        self.tasks = Int(total)
        self.producers = producers ?? min(max(2, Int(ratePerSecond / 200)), Limits.loadProducersMax)
        guard (1...Limits.loadProducersMax).contains(self.producers) else {
            throw Refusal(
                "producers \(self.producers)", why: "not between 1 and \(Limits.loadProducersMax)",
                remedy: "leave --producers out", exit: .usage)
        }
    }

    /// - Throws: `Refusal` when this load cannot show that tier, however well the system does.
    public func require(canShow tier: TargetTier) throws(Refusal) {
        guard ratePerSecond < tier.throughputPerSecondMin else { return }
        throw Refusal(
            "tier \(tier.rawValue)",
            why:
                "it means \(rounded(tier.throughputPerSecondMin)) tasks/s, and only \(rounded(ratePerSecond)) are sent",
            remedy: "raise --rate", exit: .usage)
    }

    var schedule: ArrivalSchedule {
        ArrivalSchedule(ratePerSecond: ratePerSecond, total: tasks, producers: producers)
    }
}
