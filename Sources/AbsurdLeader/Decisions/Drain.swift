import Absurd

/// Ending well: what runs may end, what has not begun goes back, what is finished is delivered, and then good-bye.
extension LeaderStateMachine {
    mutating func startDrain(exit: Bool, at now: Moment) {
        if case .draining(let deadline, let willExit) = mode {
            // Asked a second time: no more waiting.
            mode = .draining(deadline: exit && willExit ? now : deadline, exit: exit || willExit)
            return
        }
        guard mode == .serving else { return }
        mode = .draining(deadline: now + settings.drain, exit: exit)
        actions.append(.say(.draining(running: active.count)))
        for workClass in WorkClass.allCases {
            for fence in backlog[workClass] ?? [] { requestStop(fence, .released, at: now) }
        }
        for (fence, attempt) in attempts {
            if case .offered(let seat) = attempt.state {
                attempts[fence]?.wantedStop = .released
                actions.append(.revoke(seat, fence))
            }
        }
    }

    mutating func driveDrain(at now: Moment) {
        guard case .draining(let deadline, let exit) = mode else { return }
        if deadline <= now {
            for fence in active { requestStop(fence, .released, at: now) }
        }
        guard exit, attempts.isEmpty else { return }
        if finished.isEmpty, inFlight == nil {
            if database == .ready { actions.append(.leave) }
        } else if database == .ready || database == .registering || now < deadline {
            return
        } else {
            actions.append(.say(.gaveUpResults(finished.count + (inFlight?.count ?? 0))))
        }
        mode = .left
        actions.append(.exit)
    }
}
