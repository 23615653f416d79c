import Absurd
import AbsurdObserve

/// What the decisions have seen since the start, for the metrics.
///
/// Part of the state machine, so the leader's thread alone writes it, at nanoseconds a task; others get a copy by asking.
public struct LeaderMeasures: Sendable {
    public enum WorkerExit: String, Sendable, CaseIterable {
        /// Told to go: a resize or a restart.
        case asked
        case exit, signal
        /// It could not be started.
        case spawn
    }

    public var wait = Histogram()
    public var exchange = Histogram()
    public var dispatch = Histogram()
    public var execution: [String: Histogram] = [:]
    public var workerExits: [WorkerExit: UInt64] = [:]
    public var rescued: UInt64 = 0
    public var canaryTrip: Span?
    /// When a canary last came back, or the first one was due.
    public var canarySeenAt: Moment?

    /// An attempt's result has come back: its beginning was its duration ago.
    mutating func ended(_ name: String, claimedAt: Moment, duration: Span, at now: Moment) {
        dispatch.record(nanoseconds: (now - claimedAt).nanoseconds - duration.nanoseconds)
        execution[name, default: Histogram()].record(nanoseconds: duration.nanoseconds)
    }

    mutating func workerDied(cause: String, wasExpected: Bool) {
        let reason: WorkerExit =
            wasExpected
            ? .asked : cause.hasPrefix("killed by signal") ? .signal : cause.hasPrefix("ended") ? .exit : .spawn
        workerExits[reason, default: 0] += 1
    }

    public var json: JSONValue {
        [
            "wait": Self.json(wait), "exchange": Self.json(exchange), "dispatch": Self.json(dispatch),
            "execution": .object(execution.mapValues(Self.json)),
            "worker_exits": .object(
                Dictionary(
                    uniqueKeysWithValues: WorkerExit.allCases.map {
                        ($0.rawValue, .integer(Int64(workerExits[$0] ?? 0)))
                    })),
            "rescued": .integer(Int64(rescued)),
        ]
    }

    private static func json(_ histogram: Histogram) -> JSONValue {
        [
            "counts": .array(histogram.counts.map { .integer(Int64($0)) }),
            "sum_microseconds": .integer(Int64(clamping: histogram.sumMicroseconds)),
        ]
    }
}

/// A task that does nothing and goes through the whole system, sent as often as the settings say. One at a time: the
/// database deletes the one before. While one is out, the claims look into its queue as well.
extension LeaderStateMachine {
    mutating func driveCanary(at now: Moment) {
        guard let every = settings.canaryEvery, mode == .serving, canaryAt <= now else { return }
        if measures.canarySeenAt == nil { measures.canarySeenAt = now }
        canaryAt = now + every
        canarySentAt = now
        canaryFence = nil
        actions.append(.sendCanary)
    }

    mutating func noteCanary(_ attempt: FinishedAttempt, at now: Moment) {
        guard attempt.fence == canaryFence, attempt.outcome == .completed, let sent = canarySentAt else { return }
        measures.canaryTrip = now - sent
        measures.canarySeenAt = now
        canarySentAt = nil
        canaryFence = nil
    }

    /// nil: none is sent, or none is expected now.
    func canaryAge(at now: Moment) -> Span? {
        guard settings.canaryEvery != nil, mode == .serving else { return nil }
        return measures.canarySeenAt.map { now - $0 }
    }
}
