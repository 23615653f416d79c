import Absurd
import AbsurdHost

/// Attempts on their way through the seats.
extension LeaderStateMachine {
    /// How many attempts a seat may hold. About 20 ms of work hides the round trip to the database; a long task is
    /// fetched only when its seat is free, so that other nodes may have it first.
    var depth: Int {
        let deep = Int(0.020 / max(meanDuration, 1e-6)) + 1
        return min(max(deep, 1), settings.laneSlots)
    }

    mutating func dispatch(at now: Moment) {
        guard finished.count < Limits.waitingResultsMax, finishedBytes < Limits.waitingResultBytesMax else { return }
        dispatchStages()
        dispatchInline()
        stealForIdleSeats()
        let unseen = workers.contains { worker in
            worker.seats.contains { seat in seat.queue.first.map { !active.contains($0) } ?? false }
        }
        if !unseen {
            scanAt = nil
        } else if let due = scanAt, due <= now {
            actions.append(.scan)
            scanAt = now + Self.scanEvery
        } else if scanAt == nil {
            scanAt = now + Self.scanEvery
        }
    }

    /// First come, first served: a stage that waits for many cores is not overtaken for ever by smaller ones.
    private mutating func dispatchStages() {
        while let fence = backlog[.stage]?.first, let attempt = attempts[fence],
            let type = settings.taskTypes[attempt.task.name]
        {
            switch cores.grant(type, freeSeats: workers.map(\.freeSeats)) {
            case .later: return
            case .never(let refusal):
                backlog[.stage]?.removeFirst()
                remove(fence)
                finish(FinishedAttempt(fence: fence, outcome: .failedPermanent, error: refusal.description))
            case .granted(let grant):
                guard let number = workers[grant.worker].seats.firstIndex(where: \.isEmpty) else {
                    return cores.release(grant)
                }
                backlog[.stage]?.removeFirst()
                workers[grant.worker].seats[number].holdsStage = true
                offer(fence, to: SeatID(worker: grant.worker, seat: number), grant: grant)
            }
        }
    }

    private mutating func dispatchInline() {
        guard let waiting = backlog[.inline], !waiting.isEmpty else { return }
        var seats = openSeats(below: depth)
        var taken = 0
        for fence in waiting {
            guard let place = seats.indices.min(by: { seats[$0].load < seats[$1].load }) else { break }
            offer(fence, to: seats[place].id, grant: nil)
            taken += 1
            seats[place].load += 1
            if seats[place].load >= seats[place].limit { seats.remove(at: place) }
        }
        backlog[.inline] = Array(waiting.dropFirst(taken))
    }

    /// Seats that take tiny tasks, each with what it has and what it may have.
    private func openSeats(below limit: Int) -> [(id: SeatID, load: Int, limit: Int)] {
        var open: [(id: SeatID, load: Int, limit: Int)] = []
        for (index, worker) in workers.enumerated() where worker.state == .up {
            for (number, seat) in worker.seats.enumerated() where !seat.holdsStage {
                let most = min(limit, settings.laneSlots - seat.unfreed)
                guard seat.queue.count < most else { continue }
                open.append((SeatID(worker: index, seat: number), seat.queue.count, most))
            }
        }
        return open
    }

    private mutating func offer(_ fence: Fence, to seat: SeatID, grant: GrantBook.Grant?) {
        guard let place = attempts.index(forKey: fence) else { return }
        attempts.values[place].state = .offered(seat)
        attempts.values[place].grant = grant
        workers[seat.worker].seats[seat.seat].queue.append(fence)
        actions.append(.offer(seat, attempts.values[place].task, grant))
    }

    /// Late binding: an attempt that was offered to a seat whose current one takes long goes to a seat with nothing to do.
    private mutating func stealForIdleSeats() {
        guard backlog[.inline]?.isEmpty ?? true, !openSeats(below: 1).isEmpty else { return }
        for worker in workers.indices {
            for seat in workers[worker].seats.indices {
                let queue = workers[worker].seats[seat].queue
                guard queue.count > 1, let first = queue.first, active.contains(first), let last = queue.last,
                    case .offered = attempts[last]?.state
                else { continue }
                actions.append(.revoke(SeatID(worker: worker, seat: seat), last))
                return
            }
        }
    }

    mutating func taken(_ start: SeatStart, at now: Moment) {
        guard var attempt = attempts[start.fence], case .offered(let seat) = attempt.state, seat == start.seat else {
            return
        }
        let timeout = attempt.task.timeoutSeconds
        attempt.state = .running(seat, deadline: timeout > 0 ? now + .seconds(Double(timeout)) : nil)
        attempts[start.fence] = attempt
        active.insert(start.fence)
        if let reason = attempt.wantedStop { requestStop(start.fence, reason, at: now) }
    }

    mutating func completed(_ completion: SeatCompletion) {
        let fence = completion.attempt.fence
        guard let attempt = attempts[fence], workers.indices.contains(completion.seat.worker),
            workers[completion.seat.worker].seats.indices.contains(completion.seat.seat)
        else {
            actions.append(.free(completion.seat, fence))
            return
        }
        if attempt.workClass == .inline { learn(completion.duration) }
        measures.ended(
            attempt.task.name, claimedAt: attempt.claimedAt, duration: completion.duration, at: handledAt)
        leaveSeat(fence, completion.seat, attempt.workClass)
        let isLost = attempt.isLost
        remove(fence)
        if isLost {
            actions.append(.free(completion.seat, fence))
        } else {
            workers[completion.seat.worker].seats[completion.seat.seat].unfreed += 1
            finishedSeats[fence] = completion.seat
            finish(completion.attempt)
        }
    }

    mutating func revoked(_ fence: Fence, at now: Moment) {
        guard var attempt = attempts[fence], case .offered(let seat) = attempt.state else { return }
        leaveSeat(fence, seat, attempt.workClass)
        if let grant = attempt.grant {
            cores.release(grant)
            attempt.grant = nil
        }
        attempt.state = .waiting
        attempts[fence] = attempt
        if let reason = attempt.wantedStop {
            requestStop(fence, reason, at: now)
        } else {
            backlog[attempt.workClass]?.insert(fence, at: 0)
        }
    }

    /// Takes the attempt off its seat's books.
    mutating func leaveSeat(_ fence: Fence, _ seat: SeatID, _ workClass: WorkClass) {
        guard workers.indices.contains(seat.worker), workers[seat.worker].seats.indices.contains(seat.seat),
            workers[seat.worker].seats[seat.seat].queue.remove(fence)
        else { return }
        if workClass == .stage { workers[seat.worker].seats[seat.seat].holdsStage = false }
    }

    /// Quickly at first: a full queue of tiny tasks should not begin with batches of one.
    private mutating func learn(_ duration: Span) {
        meanDuration += (duration.seconds - meanDuration) * (durationsLearned < 32 ? 0.5 : 0.1)
        durationsLearned = min(durationsLearned + 1, 32)
    }

    /// Forgets an attempt and gives its cores back.
    mutating func remove(_ fence: Fence) {
        if !active.isEmpty { active.remove(fence) }
        guard let attempt = attempts.removeValue(forKey: fence) else { return }
        if attempt.workClass == .stage { stageEnded = true }
        if let grant = attempt.grant { cores.release(grant) }
    }

    mutating func finish(_ attempt: FinishedAttempt) {
        finished.append(attempt)
        finishedBytes += attempt.result.count
        count { $0.outcomes[attempt.outcome, default: 0] += 1 }
    }

    /// A worker rings when it completes, not when it begins; beginnings matter for time-outs, which are in seconds.
    static let scanEvery = Span.milliseconds(50)
}
