import Absurd

/// What others may see of the decisions.
extension LeaderStateMachine {
    var modeName: String {
        switch mode {
        case .serving: "serving"
        case .draining: "draining"
        case .left: "left"
        }
    }

    var databaseName: String {
        switch database {
        case .ready: "connected"
        case .connecting, .registering: "connecting"
        case .away: "away"
        }
    }

    func workerState(_ index: Int) -> String {
        switch workers[index].state {
        case .down: index < wantedWorkers ? "down" : "gone"
        case .starting: "starting"
        case .up: workers[index].seats.contains { !$0.queue.isEmpty } ? "busy" : "idle"
        case .retiring: "retiring"
        }
    }

    var hasDeliveredEverything: Bool { finished.isEmpty && inFlight == nil && attempts.isEmpty }

    /// What a dead leader's workers had finished is delivered by its successor.
    mutating func inherit(_ left: [FinishedAttempt]) {
        for attempt in left { finish(attempt) }
    }
}

extension LeaderStateMachine.Attempt {
    var seat: SeatID? {
        switch state {
        case .waiting: nil
        case .offered(let seat): seat
        case .running(let seat, _): seat
        case .stopping(let seat, _, _, _): seat
        }
    }
}
