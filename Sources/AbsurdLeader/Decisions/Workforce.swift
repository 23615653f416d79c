import Absurd

/// Life and death of the workers.
extension LeaderStateMachine {
    mutating func superviseWorkers(at now: Moment) {
        for index in workers.indices {
            switch workers[index].state {
            case .down(let until) where until <= now && mode != .left && index < wantedWorkers:
                workers[index].state = .starting
                actions.append(.spawnWorker(index))
            case .retiring where workers[index].seats.allSatisfy({ $0.queue.isEmpty && $0.unfreed == 0 }):
                actions.append(.killWorker(index))
            default: break
            }
        }
    }

    /// The attempts that the dead worker had begun have crashed, and nothing else is lost by it.
    mutating func workerDied(_ index: Int, cause: String, at now: Moment) {
        guard workers.indices.contains(index) else { return }
        count { $0.workerDeaths += 1 }
        let wasExpected: Bool
        if case .retiring = workers[index].state { wasExpected = true } else { wasExpected = false }
        measures.workerDied(cause: cause, wasExpected: wasExpected)
        var crashed = 0
        for seat in workers[index].seats {
            var handBack: [WorkClass: [Fence]] = [:]
            for fence in seat.queue {
                guard let attempt = attempts[fence] else { continue }
                switch attempt.state {
                case .running, .stopping:
                    crashed += 1
                    crash(fence, attempt, cause: "worker \(index): \(cause)")
                case .offered, .waiting:
                    if let grant = attempt.grant { cores.release(grant) }
                    attempts[fence]?.grant = nil
                    attempts[fence]?.state = .waiting
                    if let reason = attempt.wantedStop {
                        requestStop(fence, reason, at: now)
                    } else {
                        handBack[attempt.workClass, default: []].append(fence)
                    }
                }
            }
            for (workClass, fences) in handBack { backlog[workClass]?.insert(contentsOf: fences, at: 0) }
        }
        // Finished results still lie in the lanes until the database has them.
        for seat in workers[index].seats.indices {
            workers[index].seats[seat].queue.removeAll()
            workers[index].seats[seat].holdsStage = false
        }
        settle(index, wasExpected: wasExpected, at: now)
        if !wasExpected {
            actions.append(.say(.workerDied(worker: index, cause: cause, crashedAttempts: crashed)))
        }
    }

    private mutating func crash(_ fence: Fence, _ attempt: Attempt, cause: String) {
        let outcome: AttemptOutcome
        if case .stopping(_, let reason, _, _) = attempt.state { outcome = reason.outcome } else { outcome = .crashed }
        let isLost = attempt.isLost
        remove(fence)
        if !isLost { finish(FinishedAttempt(fence: fence, outcome: outcome, error: cause)) }
    }

    private mutating func settle(_ index: Int, wasExpected: Bool, at now: Moment) {
        if wasExpected {
            workers[index].state = .down(until: now)
        } else {
            switch workers[index].respawn.died(at: now) {
            case .now: workers[index].state = .down(until: now)
            case .after(let wait): workers[index].state = .down(until: now + wait)
            case .broken(let deaths, let pause):
                workers[index].state = .down(until: now + pause)
                actions.append(.say(.crashLoop(worker: index, deaths: deaths, pause: pause)))
            }
        }
    }

    mutating func resize(_ count: Int, at now: Moment) {
        wantedWorkers = max(0, count)
        while workers.count < wantedWorkers { workers.append(Worker(state: .down(until: now))) }
        for index in workers.indices where index >= wantedWorkers { retire(index, respawn: false) }
        for index in workers.indices where index < wantedWorkers {
            if case .retiring(respawn: false) = workers[index].state { workers[index].state = .retiring(respawn: true) }
        }
    }

    /// A retiring worker gets no more work, hands back what it has not begun, and ends when it is idle.
    mutating func retire(_ index: Int, respawn: Bool) {
        guard workers.indices.contains(index), workers[index].state == .up else { return }
        workers[index].state = .retiring(respawn: respawn)
        for (number, seat) in workers[index].seats.enumerated() {
            for fence in seat.queue.reversed() where !active.contains(fence) {
                actions.append(.revoke(SeatID(worker: index, seat: number), fence))
            }
        }
    }
}
