import Absurd
import AbsurdHost

@testable import AbsurdLeader

/// Cores of one node, without a machine.
struct CountedCores: CoreGranting {
    var free: [Int]
    let total: Int

    init(_ count: Int) {
        free = Array(0..<count)
        total = count
    }

    mutating func grant(_ type: TaskType, freeSeats: [Int]) -> GrantBook.Answer {
        let wanted = type.cores == 0 ? total : min(type.cores, total)
        guard let worker = freeSeats.firstIndex(where: { $0 > 0 }), free.count >= wanted else { return .later }
        let cpus = CPUSet(free.prefix(wanted))
        free.removeFirst(wanted)
        return .granted(GrantBook.Grant(worker: worker, node: 0, cpus: cpus, memoryBytes: type.memoryBytes))
    }

    mutating func release(_ grant: GrantBook.Grant) { free.append(contentsOf: grant.cpus.members) }

    var hasFreeCore: Bool { !free.isEmpty }
}

/// A state machine and a clock that the test turns.
struct Rig {
    var machine: LeaderStateMachine
    var now = Moment.seconds(100)

    static let types = [
        TaskType("echo", runner: .worker, cores: 1, memoryBytes: 0, timeoutSeconds: 60),
        TaskType("imaging", runner: .stage, cores: 0, memoryBytes: 1 << 30, timeoutSeconds: 1800),
        TaskType("validation", runner: .stage, cores: 1, memoryBytes: 1 << 30, timeoutSeconds: 300),
    ]

    init(workers: Int = 1, laneSlots: Int = 8, cores: Int = 2) {
        let settings = LeaderSettings(
            queues: ["q"], workers: workers, laneSlots: laneSlots, taskTypes: Self.types, seed: 7)
        machine = LeaderStateMachine(settings, cores: CountedCores(cores), at: now)
    }

    /// Connected, registered, with every worker up.
    static func ready(workers: Int = 1, seats: Int = 1, laneSlots: Int = 8, cores: Int = 2) -> Rig {
        var rig = Rig(workers: workers, laneSlots: laneSlots, cores: cores)
        _ = rig.send(.timer)
        _ = rig.send(.connected)
        _ = rig.send(.registered)
        rig.answer()
        for worker in 0..<workers { _ = rig.send(.workerUp(worker: worker, seats: seats)) }
        rig.answer()
        return rig
    }

    mutating func send(_ event: LeaderEvent, after seconds: Double = 0) -> [LeaderAction] {
        now = now + .seconds(seconds)
        if case .exchanged = event { exchange = nil }
        if case .disconnected = event { exchange = nil }
        let actions = machine.handle(event, at: now)
        lastActions = actions
        for case .exchange(let finish, let claims) in actions { exchange = (finish, claims) }
        return actions
    }

    var lastActions: [LeaderAction] = []

    /// The exchange under way, if one is.
    var exchange: (finish: [FinishedAttempt], claims: [ClaimRequest])?

    /// Answers the exchange under way, and those it leads to, with nothing to do.
    mutating func answer() {
        while let exchange {
            _ = send(
                .exchanged(
                    ExchangeReply(
                        claims: exchange.claims.map { ($0, []) }, accepted: exchange.finish.map { _ in true })))
        }
    }

    /// Lets the database give these tasks to the next claim that asks for their kind.
    mutating func claim(_ tasks: [ClaimedTask]) -> [LeaderAction] {
        answer()
        _ = send(.doorbell)
        guard let exchange else { return [] }
        let claims = exchange.claims.map { request in
            (request, tasks.filter { machine.workClass(of: $0.name) == request.workClass })
        }
        let actions = send(.exchanged(ExchangeReply(claims: claims, accepted: exchange.finish.map { _ in true })))
        answer()
        return actions
    }

    mutating func complete(_ task: ClaimedTask, on seat: SeatID, _ outcome: AttemptOutcome = .completed)
        -> [LeaderAction]
    {
        let attempt = FinishedAttempt(fence: task.fence, outcome: outcome, result: Array("{}".utf8))
        return send(.completed([SeatCompletion(seat: seat, attempt: attempt, duration: .milliseconds(1))]))
    }
}

func task(_ name: String = "echo", timeout: Int32 = 60, attempt: Int32 = 1, id: TaskID = .random()) -> ClaimedTask {
    ClaimedTask(
        fence: Fence(task: id, attempt: attempt, token: .random()), queue: "q", name: name, params: Array("{}".utf8),
        timeoutSeconds: timeout)
}

extension [LeaderAction] {
    var offers: [(seat: SeatID, task: ClaimedTask, grant: GrantBook.Grant?)] {
        compactMap { if case .offer(let seat, let task, let grant) = $0 { (seat, task, grant) } else { nil } }
    }
    var finishes: [FinishedAttempt] {
        var all: [FinishedAttempt] = []
        for case .exchange(let finish, _) in self { all += finish }
        return all
    }
    var claims: [ClaimRequest] {
        var all: [ClaimRequest] = []
        for case .exchange(_, let claims) in self { all += claims }
        return all
    }
}
