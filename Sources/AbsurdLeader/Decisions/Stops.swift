import Absurd

/// Cancelling and timing out: the worker is asked first, then its processes are killed, then the worker itself.
extension LeaderStateMachine {
    mutating func requestStop(_ fence: Fence, _ reason: StopReason, at now: Moment) {
        guard var attempt = attempts[fence] else { return }
        switch attempt.state {
        case .waiting:
            backlog[attempt.workClass]?.removeAll { $0 == fence }
            let isLost = attempt.isLost
            remove(fence)
            if !isLost { finish(FinishedAttempt(fence: fence, outcome: reason.outcome, error: Self.sentence(reason))) }
        case .offered(let seat):
            attempt.wantedStop = reason
            attempts[fence] = attempt
            actions.append(.revoke(seat, fence))
        case .running(let seat, _):
            let next = now + .milliseconds(reason.graceMilliseconds + Limits.escalationMilliseconds)
            attempt.state = .stopping(seat, reason: reason, next: next, step: 0)
            attempts[fence] = attempt
            actions.append(.stop(seat, fence, reason))
        case .stopping: break
        }
    }

    mutating func enforceDeadlines(at now: Moment) {
        for fence in active {
            guard var attempt = attempts[fence] else { continue }
            switch attempt.state {
            case .running(_, let deadline):
                if let deadline, deadline <= now { requestStop(fence, .timedOut, at: now) }
            case .stopping(let seat, let reason, let next, let step) where next <= now:
                actions.append(step == 0 ? .killProcesses(seat, fence) : .killWorker(seat.worker))
                if step == 1 { actions.append(.say(.attemptStuck(task: fence.task, worker: seat.worker))) }
                let later = now + .milliseconds(Limits.escalationMilliseconds)
                attempt.state = .stopping(seat, reason: reason, next: later, step: step + 1)
                attempts[fence] = attempt
            case .waiting, .offered, .stopping: break
            }
        }
    }

    static func sentence(_ reason: StopReason) -> String {
        switch reason {
        case .cancelled: "cancelled"
        case .timedOut: "ran out of time"
        case .released: "given back: the node shuts down"
        case .lost: "given to another attempt"
        }
    }
}
