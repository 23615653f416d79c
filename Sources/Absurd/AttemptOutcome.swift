/// How an attempt ended, as the database hears it.
public enum AttemptOutcome: UInt8, Sendable, Hashable, CaseIterable {
    case completed = 1
    case failed
    /// Bad input: another attempt can't do better.
    case failedPermanent
    case cancelled
    case timedOut
    /// The worker or the stage died under it; does not use up a retry until the cap on crashes.
    case crashed
    /// Given back unharmed: the node shuts down.
    case released

    /// The name that `finish_batch` takes.
    public var databaseName: String {
        switch self {
        case .completed: "completed"
        case .failed: "failed"
        case .failedPermanent: "failed_permanent"
        case .cancelled: "cancelled"
        case .timedOut: "timed_out"
        case .crashed: "crashed"
        case .released: "released"
        }
    }
}

/// Why a running attempt must stop. Travels from the leader to the worker in the lane.
public enum StopReason: UInt8, Sendable, Hashable, CaseIterable {
    case cancelled = 1
    case timedOut
    /// The node drains, and its deadline is over.
    case released
    /// The database has given the task to somebody else; the result won't be accepted.
    case lost

    public var outcome: AttemptOutcome {
        switch self {
        case .cancelled: .cancelled
        case .timedOut: .timedOut
        case .released, .lost: .released
        }
    }

    /// Between SIGTERM and SIGKILL. Who cancels waits for it; who ran out of time may still save something.
    public var graceMilliseconds: Int {
        switch self {
        case .cancelled, .lost: Limits.cancelGraceMilliseconds
        case .timedOut, .released: Limits.killGraceSeconds * 1000
        }
    }
}
