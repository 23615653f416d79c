import Absurd
import AbsurdHost
import AbsurdRing
import AbsurdStore
import CLinux
import Glibc
import Logging

/// The leader's thread: waits in epoll, turns what happened into events, and does what the state machine answers.
///
/// Who writes what: this thread alone touches everything here. Other threads put requests into the `Mailbox` and write to
/// its eventfd. Order of a turn: announce the sleep, look at the lanes once more, sleep, take in everything that is
/// ready, decide, act. Death: the kernel releases the lock and kills the workers; results in the segment stay, and
/// a successor delivers them under the session that it registers.
final class LeaderLoop {
    let configuration: LeaderConfiguration
    let run: RunDirectory
    let segment: SharedSegment
    let mailbox: Mailbox
    let poller = Poller()
    var machine: LeaderStateMachine
    let crew: WorkerCrew
    let database: DatabaseLink
    let admin: AdminListener
    let startedAt: Moment
    var logger: Logger
    private var pending: [LeaderEvent] = []
    private var isOver = false
    private var signals: Int32 = -1
    private let notifier: ServiceNotifier
    private var aliveAt: Moment

    init(_ configuration: LeaderConfiguration, _ run: RunDirectory, _ segment: SharedSegment, _ mailbox: Mailbox) throws
    {
        self.configuration = configuration
        self.run = run
        self.segment = segment
        self.mailbox = mailbox
        logger = configuration.logger
        let now = Self.now()
        startedAt = now
        aliveAt = now
        let settings = LeaderSettings(
            queues: configuration.queues, workers: configuration.placement.workers.count,
            laneSlots: segment.shape.slotsPerLane, pollInterval: configuration.pollInterval,
            lease: configuration.lease, drain: configuration.drain, canaryEvery: configuration.canaryEvery,
            canaryQueue: configuration.canaryQueue, taskTypes: configuration.taskTypes,
            seed: UInt64.random(in: .min ... .max))
        machine = LeaderStateMachine(settings, cores: GrantBook(configuration.placement), at: now)
        crew = WorkerCrew(configuration, segment: segment, poller: poller)
        database = DatabaseLink(configuration, poller: poller)
        admin = try AdminListener(path: configuration.adminSocket, poller: poller)
        notifier = ServiceNotifier(environment: ConnectionSettings.processEnvironment)
    }

    static func now() -> Moment {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Moment(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    func runToEnd() {
        signal(SIGPIPE, SIG_IGN)
        // An exchange brings and takes half a megabyte; without this glibc gives it back to the kernel each time.
        mallopt(M_MMAP_THRESHOLD, Int32(Limits.leaderHeapKeptBytes))
        mallopt(M_TRIM_THRESHOLD, Int32(Limits.leaderHeapKeptBytes))
        segment.takeTerm(processID: getpid(), startTicks: ProcessIdentity.current.startTicks)
        let inherited = crew.inherit()
        Sweeper.sweepRoots(configuration)
        mkdir(configuration.stateDirectory + "/work", 0o755)
        machine.inherit(inherited)
        if !inherited.isEmpty {
            logger.notice("found what a dead leader left", metadata: ["attempts": "\(inherited.count)"])
        }
        if configuration.handlesSignals {
            signals = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
            linux_catch_stop_signals(signals)
            poller.watch(signals, tag: ReadyTag.signals)
        }
        poller.watch(segment.bell, tag: ReadyTag.bell)
        poller.watch(mailbox.doorbell, tag: ReadyTag.commands)
        notifier.ready("leading \(configuration.node)")
        decide(.timer)
        while !isOver { turn() }
        sayGoodBye()
    }

    private func turn() {
        segment.leaderWillSleep()
        let found = crew.collect()
        let ready: [UInt64]
        if found.isEmpty {
            ready = poller.wait(milliseconds: milliseconds())
        } else {
            ready = poller.wait(milliseconds: 0)
        }
        segment.leaderIsAwake()
        for event in found { decide(event) }
        for tag in ready { take(in: tag) }
        for event in crew.collect() { decide(event) }
        let now = Self.now()
        for event in database.timeOut(at: now) { decide(event) }
        if machine.nextWake <= now { decide(.timer) }
        if let interval = notifier.watchdogIntervalSeconds, aliveAt <= now {
            notifier.alive()
            aliveAt = now + .seconds(interval)
        }
    }

    private func milliseconds() -> Int32 {
        var next = machine.nextWake
        if let timeOut = database.nextTimeOut { next = min(next, timeOut) }
        if notifier.watchdogIntervalSeconds != nil { next = min(next, aliveAt) }
        let left = (next - Self.now()).nanoseconds
        return Int32(clamping: max(0, (left + 999_999) / 1_000_000))
    }

    private func take(in tag: UInt64) {
        switch tag {
        case ReadyTag.bell: segment.drainBell()
        case ReadyTag.signals: takeSignals()
        case ReadyTag.commands:
            for request in mailbox.take() { request.reply(answer(request.request)) }
        case ReadyTag.listener: admin.accept()
        case ReadyTag.databaseCommand, ReadyTag.databaseSide:
            for event in database.advance() { decide(event) }
        case _ where tag & ReadyTag.workers != 0:
            for event in crew.buryIfDead(Int(tag & ~ReadyTag.workers)) { decide(event) }
        default:
            admin.serve(tag) { line in
                do { return answer(try AdminRequest(line)) } catch {
                    return ["error": .string("\(error)")]
                }
            }
        }
    }

    private func takeSignals() {
        var count: UInt64 = 0
        guard read(signals, &count, 8) == 8 else { return }
        logger.notice("was asked to stop by a signal")
        for _ in 0..<min(count, 2) { decide(.drain(exit: true)) }
    }

    // MARK: Deciding and acting

    func decide(_ event: LeaderEvent) {
        pending.append(event)
        guard pending.count == 1 else { return }
        // Acting may bring further events; they are decided after the actions of this one.
        var next = 0
        while next < pending.count {
            let event = pending[next]
            next += 1
            for action in machine.handle(event, at: Self.now()) { act(action) }
        }
        pending.removeAll(keepingCapacity: true)
        crew.wakeSeats()
    }

    private func queue(_ event: LeaderEvent?) { if let event { pending.append(event) } }

    private func act(_ action: LeaderAction) {
        switch action {
        case .connect: for event in database.connect(at: Self.now()) { queue(event) }
        case .register(let keep): database.register(info: info(), keep: keep)
        case .exchange(let finish, let claims): database.exchange(finish: finish, claims: claims)
        case .renew: database.renew(info: info())
        case .maintain: database.maintain()
        case .sendCanary: database.sendCanary()
        case .leave: database.leave()
        case .reportProgress(let starts): database.report(crew.progress(starts))
        case .offer(let seat, let task, let grant): crew.offer(seat, task, grant)
        case .revoke(let seat, let fence): queue(crew.revoke(seat, fence))
        case .scan: for event in crew.scan() { queue(event) }
        case .stop(let seat, let fence, let reason): crew.stop(seat, fence, reason)
        case .killProcesses(_, let fence): crew.killProcesses(fence)
        case .spawnWorker(let index): queue(crew.spawn(index, at: Self.now()))
        case .killWorker(let index): crew.kill(index)
        case .free(let seat, let fence): crew.free(seat, fence)
        case .say(let notice): notice.say(to: logger)
        case .exit: isOver = true
        }
    }

    private func sayGoodBye() {
        notifier.stopping()
        let deadline = Self.now() + .seconds(2)
        while !database.isQuiet, Self.now() < deadline {
            _ = poller.wait(milliseconds: 50)
            for event in database.advance() { if case .disconnected = event { break } }
        }
        // A clean end leaves nothing to a successor; if results were given up, it may still find them.
        let isClean = machine.hasDeliveredEverything
        database.close()
        for index in crew.workers.keys { crew.kill(index) }
        while let index = crew.workers.keys.first {
            _ = crew.workers[index]?.process.waitForEndWithoutReaping()
            _ = crew.buryIfDead(index)
        }
        if isClean {
            segment.remove()
            rmdir(configuration.scratchRoot)
        }
        admin.close()
        run.release()
    }
}

extension SpawnedProcess {
    /// Sleeps until it has ended; reaping is left to others.
    fileprivate func waitForEndWithoutReaping() {
        var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        poll(&state, 1, 5000)
    }
}
