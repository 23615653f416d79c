import Absurd
import AbsurdHost

/// What happens to a leader. Events carry facts only; the time comes beside them.
public enum LeaderEvent: Sendable {
    /// Nothing but time has passed.
    case timer
    /// Connections to the database are open, and nobody is registered on them yet.
    case connected
    case disconnected(reason: String)
    /// The database has accepted this node under a session of its own.
    case registered
    /// Another session of this node has taken over, or the lease was over and the tasks were given away.
    case sessionLost
    case doorbell
    case exchanged(ExchangeReply)
    /// The database is there, but some data in the exchange is not to its liking, and nothing of it was done but for these
    /// claims, which were apart.
    case exchangeRefused(reason: String, claims: [(request: ClaimRequest, tasks: [ClaimedTask])] = [])
    case renewed(stops: [StopRequest])
    /// - Parameter nextDue: until something scheduled is due; nil when nothing is.
    case maintained(nextDue: Span?, rescued: Int = 0)

    case workerUp(worker: Int, seats: Int)
    /// A seat has begun these attempts, which the leader had only offered.
    case taken([SeatStart])
    case completed([SeatCompletion])
    /// An offered attempt is back: no worker has seen it.
    case revoked(Fence)
    /// The worker is gone. Its completed slots were reported before this; what was offered or running is known here.
    case workerDied(worker: Int, cause: String)

    case drain(exit: Bool)
    case resume
    case pause(queue: String)
    case unpause(queue: String)
    case resize(workers: Int)
    case restart(worker: Int)
}

public struct ExchangeReply: Sendable {
    public var claims: [(request: ClaimRequest, tasks: [ClaimedTask])]
    /// In the order in which they were sent: whether the result was accepted.
    public var accepted: [Bool]

    public init(claims: [(request: ClaimRequest, tasks: [ClaimedTask])], accepted: [Bool]) {
        self.claims = claims
        self.accepted = accepted
    }
}

public struct StopRequest: Sendable, Hashable {
    public var fence: Fence
    public var reason: StopReason

    public init(fence: Fence, reason: StopReason) {
        self.fence = fence
        self.reason = reason
    }
}

public struct SeatStart: Sendable, Hashable {
    public var seat: SeatID
    public var fence: Fence

    public init(seat: SeatID, fence: Fence) {
        self.seat = seat
        self.fence = fence
    }
}

public struct SeatCompletion: Sendable, Hashable {
    public var seat: SeatID
    public var attempt: FinishedAttempt
    /// What the worker measured.
    public var duration: Span

    public init(seat: SeatID, attempt: FinishedAttempt, duration: Span) {
        self.seat = seat
        self.attempt = attempt
        self.duration = duration
    }
}

/// What the shell is to do. The order matters.
public enum LeaderAction: Sendable, Equatable {
    case connect
    /// Ask for a new session, under which these attempts go on; what else the database believes this
    /// node to have is given away.
    case register(keep: [Fence])
    /// Finish these and claim in one round trip; answered by `exchanged` or `disconnected`.
    case exchange(finish: [FinishedAttempt], claims: [ClaimRequest])
    case renew
    case maintain
    /// Spawn a canary into the queue that only this node claims.
    case sendCanary
    /// Say good-bye to the database; the session ends.
    case leave
    /// Send the progress of these attempts where it has changed.
    case reportProgress([SeatStart])

    case offer(SeatID, ClaimedTask, GrantBook.Grant?)
    case revoke(SeatID, Fence)
    /// Look for attempts that have begun or ended.
    case scan
    /// Raise the stop flag in the attempt's slot.
    case stop(SeatID, Fence, StopReason)
    /// The worker did not do it: kill the attempt's processes from here.
    case killProcesses(SeatID, Fence)
    case spawnWorker(Int)
    case killWorker(Int)
    /// The slot's result is safe in the database, or refused by it: the slot is free again.
    case free(SeatID, Fence)

    case say(LeaderNotice)
    case exit
}

/// What a person should hear.
public enum LeaderNotice: Sendable, Hashable {
    case databaseAway(reason: String, waitingResults: Int)
    case databaseBack(waitingResults: Int)
    case resultsRefused(Int)
    case sessionLost(attempts: Int)
    case workerDied(worker: Int, cause: String, crashedAttempts: Int)
    case crashLoop(worker: Int, deaths: Int, pause: Span)
    case attemptStuck(task: TaskID, worker: Int)
    case draining(running: Int)
    case gaveUpResults(Int)
    /// Another leader runs under this node's name.
    case takenOver
}
