import Absurd
import Testing

@testable import AbsurdLeader

/// A database in memory, as far as a leader sees one: what is ready, who holds what under which token, and what ended.
struct MemoryStore {
    struct Running {
        var task: ClaimedTask
        var session: Int
    }

    var ready: [ClaimedTask] = []
    var running: [TaskID: Running] = [:]
    var ended: [TaskID: [AttemptOutcome]] = [:]
    var session = 0

    mutating func claim(_ request: ClaimRequest, _ workClass: (String) -> WorkClass) -> [ClaimedTask] {
        var taken: [ClaimedTask] = []
        ready.removeAll { task in
            guard taken.count < request.limit, workClass(task.name) == request.workClass else { return false }
            taken.append(task)
            return true
        }
        for task in taken { running[task.fence.task] = Running(task: task, session: session) }
        return taken
    }

    /// Finishing by fence; what is not terminal becomes ready again under a new token.
    mutating func finish(_ attempt: FinishedAttempt) -> Bool {
        let id = attempt.fence.task
        guard let row = running[id], row.task.fence == attempt.fence, row.session == session else { return false }
        running[id] = nil
        if attempt.outcome == .completed {
            ended[id, default: []].append(.completed)
        } else {
            giveBack(row.task)
        }
        return true
    }

    mutating func giveBack(_ task: ClaimedTask) {
        var next = task
        next.fence = Fence(task: task.fence.task, attempt: task.fence.attempt + 1, token: .random())
        ready.append(next)
    }

    mutating func register(keep: [Fence]) {
        session += 1
        for (id, row) in running {
            if keep.contains(row.task.fence) {
                running[id]?.session = session
            } else {
                running[id] = nil
                giveBack(row.task)
            }
        }
    }
}

/// A world of seats, a database and accidents around the state machine. The seed is the bug report.
struct LeaderWorld {
    var rig: Rig
    var store = MemoryStore()
    var random: UInt64
    /// What each seat really holds: the first of them may be running.
    var seats: [SeatID: [(task: ClaimedTask, isRunning: Bool)]] = [:]
    var alive: Set<Int> = []
    var isConnected = false
    var sent: (finish: [FinishedAttempt], claims: [ClaimRequest])?
    var begun: [Fence: Int] = [:]
    var isOver = false

    init(seed: UInt64) {
        random = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493
        rig = Rig(workers: 3, laneSlots: 8, cores: 4)
    }

    mutating func chance(_ count: Int) -> Int {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((random >> 33) % UInt64(count))
    }

    mutating func send(_ event: LeaderEvent, after seconds: Double = 0) {
        var events = [event]
        var delay = seconds
        while !events.isEmpty {
            let actions = rig.send(events.removeFirst(), after: delay)
            delay = 0
            for action in actions { events += act(action) }
        }
    }

    mutating func act(_ action: LeaderAction) -> [LeaderEvent] {
        switch action {
        case .connect:
            isConnected = chance(3) > 0
            return isConnected ? [.connected] : [.disconnected(reason: "refused")]
        case .register(let keep):
            guard isConnected else { return [] }
            store.register(keep: keep)
            return [.registered]
        case .renew: return isConnected ? [.renewed(stops: [])] : []
        case .maintain: return isConnected ? [.maintained(nextDue: nil)] : []
        case .exchange(let finish, let claims):
            #expect(sent == nil, "one exchange at a time")
            sent = (finish, claims)
        case .offer(let seat, let task, _):
            #expect(alive.contains(seat.worker), "offered to a dead worker")
            seats[seat, default: []].append((task, false))
        case .revoke(let seat, let fence):
            guard let place = seats[seat]?.firstIndex(where: { $0.task.fence == fence }) else { return [] }
            if seats[seat]?[place].isRunning == true { return [.taken([SeatStart(seat: seat, fence: fence)])] }
            seats[seat]?.remove(at: place)
            return [.revoked(fence)]
        case .spawnWorker(let index):
            alive.insert(index)
            return [.workerUp(worker: index, seats: 2)]
        case .scan:
            return [
                .taken(
                    seats.flatMap { seat, queue in
                        queue.filter(\.isRunning).map { SeatStart(seat: seat, fence: $0.task.fence) }
                    })
            ]
        case .exit: isOver = true
        case .reportProgress, .sendCanary, .stop, .killProcesses, .killWorker, .free, .leave, .say: break
        }
        return []
    }

    /// The answer to the exchange under way, or the loss of it before or after the database did it.
    mutating func answer() {
        guard let exchange = sent else { return }
        sent = nil
        let fate = isConnected ? chance(12) : 0
        var accepted: [Bool] = []
        var claims: [(request: ClaimRequest, tasks: [ClaimedTask])] = []
        if fate > 0 {
            accepted = exchange.finish.map { store.finish($0) }
            for claim in exchange.claims {
                claims.append((claim, store.claim(claim) { rig.machine.workClass(of: $0) }))
            }
        }
        if fate <= 1 {
            isConnected = false
            send(.disconnected(reason: "lost"))
        } else {
            send(.exchanged(ExchangeReply(claims: claims, accepted: accepted)))
        }
    }

    mutating func step(accidents: Bool) {
        switch chance(accidents ? 8 : 6) {
        case 0, 1: answer()
        case 2: begin()
        case 3, 4: complete()
        case 5: send(.timer, after: Double(chance(20)) / 10)
        case 6: killWorker()
        default:
            if isConnected, sent == nil {
                isConnected = false
                send(.disconnected(reason: "terminated"))
            }
        }
    }

    private var busySeats: [SeatID] {
        seats.filter { !$0.value.isEmpty }.keys.sorted { ($0.worker, $0.seat) < ($1.worker, $1.seat) }
    }

    mutating func begin() {
        for seat in busySeats where seats[seat]?[0].isRunning == false {
            seats[seat]?[0].isRunning = true
            if let fence = seats[seat]?[0].task.fence { begun[fence, default: 0] += 1 }
            return
        }
    }

    mutating func complete() {
        let running = busySeats.filter { seats[$0]?[0].isRunning == true }
        guard !running.isEmpty else { return }
        let seat = running[chance(running.count)]
        guard let (task, _) = seats[seat]?.removeFirst() else { return }
        let outcome: AttemptOutcome = chance(10) == 0 ? .failed : .completed
        let attempt = FinishedAttempt(fence: task.fence, outcome: outcome, result: [])
        send(.completed([SeatCompletion(seat: seat, attempt: attempt, duration: .milliseconds(chance(40)))]))
    }

    mutating func killWorker() {
        guard let index = alive.sorted().first, chance(4) == 0 else { return }
        alive.remove(index)
        let begun = seats.filter { $0.key.worker == index }.flatMap { seat, queue in
            queue.filter(\.isRunning).map { SeatStart(seat: seat, fence: $0.task.fence) }
        }
        for seat in seats.keys where seat.worker == index { seats[seat] = [] }
        send(.taken(begun))
        send(.workerDied(worker: index, cause: "killed"))
    }
}

@Suite struct LeaderWorldTests {
    @Test(arguments: UInt64(1)...40)
    func whateverHappensEveryTaskEndsOnceAndNoAttemptBeginsTwice(seed: UInt64) {
        var world = LeaderWorld(seed: seed)
        let names = ["echo", "echo", "echo", "imaging", "validation"]
        let tasks = (0..<80).map { task(names[$0 % names.count], timeout: 0) }
        world.store.ready = tasks
        world.send(.timer)
        for _ in 0..<1500 { world.step(accidents: true) }
        var calm = 0
        while world.store.ended.count < tasks.count, calm < 20_000 {
            world.step(accidents: false)
            calm += 1
        }
        #expect(world.store.ended.count == tasks.count, "seed \(seed): \(world.store.running.count) running")
        #expect(world.store.ended.values.allSatisfy { $0 == [.completed] }, "seed \(seed)")
        #expect(world.begun.values.allSatisfy { $0 == 1 }, "seed \(seed)")
    }

    @Test(arguments: UInt64(1)...20)
    func aDrainAmidAccidentsEndsWithNothingHeldAndNothingLost(seed: UInt64) {
        var world = LeaderWorld(seed: seed)
        let tasks = (0..<40).map { _ in task(timeout: 0) }
        world.store.ready = tasks
        world.send(.timer)
        for _ in 0..<200 { world.step(accidents: true) }
        world.send(.drain(exit: true))
        var steps = 0
        while !world.isOver, steps < 20_000 {
            world.step(accidents: false)
            steps += 1
        }
        #expect(world.isOver, "seed \(seed)")
        let accounted = world.store.ended.count + world.store.ready.count + world.store.running.count
        #expect(accounted == tasks.count, "seed \(seed)")
        #expect(world.store.ended.values.allSatisfy { $0 == [.completed] }, "seed \(seed)")
    }
}
