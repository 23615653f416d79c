import Absurd
import AbsurdHost

/// All that a leader decides, without doing any of it.
///
/// ```
/// database:  away ──connected──▶ registering ──registered──▶ ready ──sessionLost──▶ registering
///              ▲──────────────────disconnected──────────────────┘
/// attempt:   waiting ──offer──▶ offered ──taken──▶ running ──▶ (completed) ──▶ finished ──accepted──▶ gone
///              ▲─────revoked──────┘                  └─ stop ─▶ stopping ─▶ killProcesses ─▶ killWorker
/// worker:    starting ──up──▶ up ──died──▶ down ──back-off──▶ starting;  up ──resize, restart──▶ retiring
/// ```
/// An attempt is in exactly one place: `attempts` while a worker may touch it, then `finished` until the database has
/// answered. Whatever the order of events, every claimed task leaves by exactly one `FinishedAttempt`, or by
/// `sessionLost`, after which the database has already given it away.
public struct LeaderStateMachine: Sendable {
    enum Database: Sendable, Equatable {
        case away(retryAt: Moment?, since: Moment)
        case connecting
        case registering
        case ready
    }

    enum Mode: Sendable, Equatable {
        case serving
        case draining(deadline: Moment, exit: Bool)
        case left
    }

    struct Attempt: Sendable {
        enum State: Sendable {
            case waiting
            case offered(SeatID)
            case running(SeatID, deadline: Moment?)
            case stopping(SeatID, reason: StopReason, next: Moment, step: Int)
        }

        var task: ClaimedTask
        var workClass: WorkClass
        var claimedAt: Moment
        var state: State = .waiting
        var grant: GrantBook.Grant?
        /// Asked for while the attempt was on its way to a seat: obeyed as soon as it is known where it is.
        var wantedStop: StopReason?
        var isLost = false
    }

    struct Seat: Sendable {
        /// Offered and running, in the order in which the worker takes them.
        var queue = SeatQueue()
        /// Completed, but not yet freed: their slots are still in use.
        var unfreed = 0
        var holdsStage = false

        var isEmpty: Bool { queue.isEmpty && !holdsStage }
    }

    struct Worker: Sendable {
        enum State: Sendable, Equatable {
            case down(until: Moment)
            case starting
            case up
            case retiring(respawn: Bool)
        }
        var state: State
        var seats: [Seat] = []
        var respawn = RespawnPolicy()

        /// Seats that could begin a stage now.
        var freeSeats: Int { state == .up ? seats.count(where: \.isEmpty) : 0 }
    }

    let settings: LeaderSettings
    var random: UInt64
    var cores: any CoreGranting

    var database: Database
    var connectFailures = 0
    var awaySince: Moment?
    var hasSession = false
    /// Set by `sessionLost`: everything must stop.
    var lostAttempts = false
    var mode = Mode.serving
    var pausedQueues: Set<String> = []

    var attempts: [Fence: Attempt] = [:]
    /// Those of `attempts` that run or are being stopped: at most one a seat.
    var active: Set<Fence> = []
    var backlog: [WorkClass: [Fence]] = [.inline: [], .stage: []]
    var finished: [FinishedAttempt] = []
    var finishedBytes = 0
    var inFlight: [FinishedAttempt]?
    /// So many results are sent one by one, because one of them made the database refuse its whole batch.
    var suspects = 0
    var finishedSeats: [Fence: SeatID] = [:]
    /// A claim was in flight when its connection broke: the database may have given us tasks that we don't know.
    var mustReconcile = false

    var wantsClaim: Set<WorkClass> = []
    /// A stage has ended whose result the database does not have yet: it may make room under a queue's limit.
    var stageEnded = false
    var pollAt: Moment
    var idlePolls = 0
    var renewAt: Moment
    var renewInFlight = false
    var lastRenewal: Moment
    var maintainAt: Moment
    var lastMaintenance: Moment
    var maintainInFlight = false
    var progressAt: Moment
    var scanAt: Moment?
    var noticeAt: Moment

    var workers: [Worker] = []
    var wantedWorkers: Int
    /// Running mean of the duration of tiny tasks, in seconds: how deep to prefetch. Unknown, it counts as long.
    var meanDuration = 1.0
    var durationsLearned = 0

    var canaryAt: Moment
    /// One is out since then.
    var canarySentAt: Moment?
    var canaryFence: Fence?
    var exchangeSentAt: Moment

    public private(set) var counters = LeaderCounters()
    public internal(set) var measures = LeaderMeasures()
    var actions: [LeaderAction] = []
    var handledAt: Moment

    public init(_ settings: LeaderSettings, cores: any CoreGranting, at now: Moment) {
        self.settings = settings
        self.cores = cores
        random = settings.seed
        wantedWorkers = settings.workers
        database = .away(retryAt: now, since: now)
        pollAt = now
        renewAt = now
        lastRenewal = now
        maintainAt = now
        lastMaintenance = now
        progressAt = now
        noticeAt = now
        handledAt = now
        canaryAt = now
        exchangeSentAt = now
        for _ in 0..<settings.workers { workers.append(Worker(state: .down(until: now))) }
    }

    public mutating func handle(_ event: LeaderEvent, at now: Moment) -> [LeaderAction] {
        actions.removeAll(keepingCapacity: true)
        handledAt = now
        apply(event, at: now)
        superviseWorkers(at: now)
        enforceDeadlines(at: now)
        // The database gets its next exchange before the tasks of the last one are handed out: it works meanwhile.
        driveDatabase(at: now)
        dispatch(at: now)
        if inFlight == nil { driveDatabase(at: now) }
        driveDrain(at: now)
        return actions
    }

    private mutating func apply(_ event: LeaderEvent, at now: Moment) {
        switch event {
        case .timer: break
        case .connected, .disconnected, .registered, .sessionLost: applyDatabase(event, at: now)
        case .doorbell:
            wantsClaim = [.inline, .stage]
            idlePolls = 0
            // It may also mean that something new will be due.
            maintainAt = min(maintainAt, max(now, lastMaintenance + .seconds(1)))
            // A doorbell may also mean that somebody wants a running attempt stopped.
            if !attempts.isEmpty { renewAt = min(renewAt, max(now, lastRenewal + .milliseconds(100))) }
        case .exchanged(let reply): exchanged(reply, at: now)
        case .exchangeRefused(let reason, let claims):
            exchangeRefused(reason, at: now)
            for (request, tasks) in claims { received(tasks, for: request, at: now) }
        case .renewed(let stops):
            renewInFlight = false
            lastRenewal = now
            renewAt = now + settings.lease * (1.0 / 3)
            if database == .registering {
                if mustReconcile { register() } else { becomeReady(at: now) }
            }
            for stop in stops { requestStop(stop.fence, stop.reason, at: now) }
        case .maintained(let nextDue, let rescued):
            measures.rescued += UInt64(rescued)
            maintainInFlight = false
            lastMaintenance = now
            maintainAt = now + min(nextDue ?? Self.maintainAtMost, Self.maintainAtMost)
        case .workerUp(let worker, let seats):
            guard workers.indices.contains(worker) else { return }
            if workers[worker].seats.count != seats {
                workers[worker].seats = Array(repeating: Seat(), count: seats)
            }
            if workers[worker].state == .starting { workers[worker].state = .up }
            if worker >= wantedWorkers { retire(worker, respawn: false) }
        case .taken(let starts): for start in starts { taken(start, at: now) }
        case .completed(let completions): for completion in completions { completed(completion) }
        case .revoked(let fence): revoked(fence, at: now)
        case .workerDied(let worker, let cause): workerDied(worker, cause: cause, at: now)
        case .drain(let exit): startDrain(exit: exit, at: now)
        case .resume:
            guard case .draining(_, exit: false) = mode else { return }
            mode = .serving
            wantsClaim = [.inline, .stage]
        case .pause(let queue): pausedQueues.insert(queue)
        case .unpause(let queue):
            pausedQueues.remove(queue)
            wantsClaim = [.inline, .stage]
        case .resize(let count): resize(count, at: now)
        case .restart(let worker): retire(worker, respawn: true)
        }
    }

    mutating func count(_ change: (inout LeaderCounters) -> Void) { change(&counters) }

    /// When `handle(.timer)` must be called at the latest.
    public var nextWake: Moment {
        var next = noticeAt
        func consider(_ moment: Moment?) { if let moment { next = min(next, moment) } }
        switch database {
        case .away(let retryAt, _): consider(retryAt)
        case .connecting, .registering: break
        case .ready:
            if inFlight == nil { consider(pollAt) }
            if !renewInFlight { consider(renewAt) }
            if !maintainInFlight { consider(maintainAt) }
            if !active.isEmpty { consider(progressAt) }
            if settings.canaryEvery != nil, mode == .serving { consider(canaryAt) }
        }
        consider(scanAt)
        for fence in active {
            switch attempts[fence]?.state {
            case .running(_, let deadline): consider(deadline)
            case .stopping(_, _, let moment, _): consider(moment)
            case .waiting, .offered, nil: break
            }
        }
        for worker in workers.prefix(wantedWorkers) {
            if case .down(let until) = worker.state { consider(until) }
        }
        // Once the deadline is over, its consequences have deadlines of their own.
        if case .draining(let deadline, _) = mode, deadline > handledAt { consider(deadline) }
        return next
    }

    static let maintainAtMost = Span.seconds(10)
}

/// Figures since the start, for `absurdctl status` and the metrics.
public struct LeaderCounters: Sendable, Hashable {
    public var claimed: UInt64 = 0
    public var outcomes: [AttemptOutcome: UInt64] = [:]
    public var accepted: UInt64 = 0
    public var refused: UInt64 = 0
    public var exchanges: UInt64 = 0
    public var emptyClaims: UInt64 = 0
    public var workerDeaths: UInt64 = 0
    public var reconnects: UInt64 = 0
}
