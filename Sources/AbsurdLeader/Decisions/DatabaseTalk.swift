import Absurd

/// When to speak to the database, and what its answers mean.
extension LeaderStateMachine {
    mutating func applyDatabase(_ event: LeaderEvent, at now: Moment) {
        switch event {
        case .connected:
            database = .registering
            renewInFlight = false
            maintainInFlight = false
            if hasSession { actions.append(.renew) } else { register() }
        case .registered: becomeReady(at: now)
        case .sessionLost: loseSession(at: now)
        case .disconnected(let reason): disconnected(reason, at: now)
        default: break
        }
    }

    mutating func becomeReady(at now: Moment) {
        if connectFailures > 0 {
            count { $0.reconnects += 1 }
            actions.append(.say(.databaseBack(waitingResults: finished.count)))
        }
        database = .ready
        connectFailures = 0
        hasSession = true
        lastRenewal = now
        renewAt = now + settings.lease * (1.0 / 3)
        maintainAt = now
        wantsClaim = [.inline, .stage]
    }

    /// What this node holds is kept; a claim whose answer was lost is undone.
    mutating func register() {
        mustReconcile = false
        let held = attempts.filter { !$0.value.isLost }.keys
        actions.append(.register(keep: held + finished.map(\.fence)))
    }

    /// The database has given our tasks away: what runs is stopped, and its results are dropped without a word.
    /// When that happens within a live lease, another leader has taken this node's name; two would take it from each
    /// other for ever, so this one ends.
    private mutating func loseSession(at now: Moment) {
        if database == .ready, now < lastRenewal + settings.lease {
            actions.append(.say(.takenOver))
            mode = .left
            actions.append(.exit)
            return
        }
        actions.append(.say(.sessionLost(attempts: attempts.count)))
        hasSession = false
        mustReconcile = false
        database = .registering
        renewInFlight = false
        maintainInFlight = false
        if let sent = inFlight {
            finished.insert(contentsOf: sent, at: 0)
            inFlight = nil
        }
        for fence in Array(attempts.keys) {
            attempts[fence]?.isLost = true
            attempts[fence]?.wantedStop = .lost
        }
        lostAttempts = true
        register()
    }

    private mutating func disconnected(_ reason: String, at now: Moment) {
        connectFailures += 1
        let since: Moment
        if case .away(_, let earlier) = database { since = earlier } else { since = awaySince ?? now }
        awaySince = since
        // The claims' fate is unknown. Results are sent again: finishing is idempotent for the same fence.
        if let sent = inFlight {
            finished.insert(contentsOf: sent, at: 0)
            inFlight = nil
            mustReconcile = hasSession
        }
        renewInFlight = false
        maintainInFlight = false
        database = .away(retryAt: now + reconnectWait(), since: since)
        if connectFailures == 1 || now >= noticeAt {
            actions.append(.say(.databaseAway(reason: reason, waitingResults: finished.count)))
            noticeAt = now + Self.noticeEvery
        }
    }

    /// Doubling with jitter, so that a fleet does not come back in one moment.
    private mutating func reconnectWait() -> Span {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let jitter = 0.5 + Double(random >> 11) / Double(1 << 53)
        return min(Self.reconnectFirst * Double(1 << min(connectFailures - 1, 10)), Self.reconnectLongest) * jitter
    }

    mutating func driveDatabase(at now: Moment) {
        if lostAttempts {
            lostAttempts = false
            for fence in Array(attempts.keys) { requestStop(fence, .lost, at: now) }
        }
        switch database {
        case .away(let retryAt?, _) where retryAt <= now:
            database = .connecting
            actions.append(.connect)
        case .ready:
            if !renewInFlight, renewAt <= now {
                renewInFlight = true
                actions.append(.renew)
            }
            if !maintainInFlight, maintainAt <= now {
                maintainInFlight = true
                actions.append(.maintain)
            }
            if progressAt <= now, !active.isEmpty { reportProgress(at: now) }
            driveCanary(at: now)
            driveExchange(at: now)
        default: break
        }
        if noticeAt <= now { noticeAt = now + Self.noticeEvery }
    }

    private mutating func reportProgress(at now: Moment) {
        progressAt = now + Self.progressEvery
        let starts = active.compactMap { fence -> SeatStart? in
            guard case .running(let seat, _) = attempts[fence]?.state else { return nil }
            return SeatStart(seat: seat, fence: fence)
        }
        actions.append(.reportProgress(starts))
    }

    private mutating func driveExchange(at now: Moment) {
        guard inFlight == nil else { return }
        if pollAt <= now {
            wantsClaim = [.inline, .stage]
            idlePolls += 1
        }
        var claims: [ClaimRequest] = []
        // Results go together with a claim for the seats that they have left. A look for stages walks over every tiny task
        // that waits, so it needs a reason of its own: a doorbell, the poll, a stage that was found before, or one that has ended.
        for workClass in WorkClass.allCases
        where wantsClaim.contains(workClass) || !finished.isEmpty && workClass == .inline {
            let limit = room(workClass)
            if limit > 0 { claims.append(ClaimRequest(workClass: workClass, queues: openQueues, limit: limit)) }
        }
        if pollAt <= now { pollAt = now + pollWait }
        guard !claims.isEmpty || !finished.isEmpty else { return }
        inFlight = Array(finished.prefix(suspects > 0 ? 1 : Limits.claimBatchMax))
        suspects = max(0, suspects - 1)
        finished.removeFirst(inFlight?.count ?? 0)
        finishedBytes = finished.reduce(0) { $0 + $1.result.count }
        wantsClaim.subtract(claims.map(\.workClass))
        count { $0.exchanges += 1 }
        exchangeSentAt = now
        actions.append(.exchange(finish: inFlight ?? [], claims: claims))
    }

    mutating func exchanged(_ reply: ExchangeReply, at now: Moment) {
        let sent = inFlight ?? []
        inFlight = nil
        measures.exchange.record(nanoseconds: (now - exchangeSentAt).nanoseconds)
        for (attempt, isAccepted) in zip(sent, reply.accepted) {
            count { if isAccepted { $0.accepted += 1 } else { $0.refused += 1 } }
            if isAccepted, canaryFence != nil { noteCanary(attempt, at: now) }
            if let seat = finishedSeats.removeValue(forKey: attempt.fence) {
                if workers.indices.contains(seat.worker), workers[seat.worker].seats.indices.contains(seat.seat) {
                    workers[seat.worker].seats[seat.seat].unfreed -= 1
                }
                actions.append(.free(seat, attempt.fence))
            }
        }
        // A cancelled task was ended by whoever cancelled it; that its attempt says so too is no surprise.
        let refused = zip(sent, reply.accepted).count { !$1 && $0.outcome != .cancelled }
        if refused > 0 { actions.append(.say(.resultsRefused(refused))) }
        for (request, tasks) in reply.claims { received(tasks, for: request, at: now) }
        if stageEnded, finished.isEmpty {
            stageEnded = false
            wantsClaim.insert(.stage)
        }
    }

    mutating func received(_ tasks: [ClaimedTask], for request: ClaimRequest, at now: Moment) {
        if tasks.isEmpty { count { $0.emptyClaims += 1 } } else { idlePolls = 0 }
        if tasks.count >= request.limit { wantsClaim.insert(request.workClass) }
        for task in tasks { adopt(task, request.workClass, at: now) }
        if !tasks.isEmpty { pollAt = now + pollWait }
    }

    /// One bad result must not hold up the others: the batch goes out again one by one, and the culprit, alone, fails.
    mutating func exchangeRefused(_ reason: String, at now: Moment) {
        let sent = inFlight ?? []
        inFlight = nil
        switch sent.count {
        case 0: disconnected(reason, at: now)
        case 1:
            let error = "the database refused its result: \(reason)"
            finished.insert(FinishedAttempt(fence: sent[0].fence, outcome: .failedPermanent, error: error), at: 0)
        default:
            finished.insert(contentsOf: sent, at: 0)
            suspects = sent.count
        }
    }

    private mutating func adopt(_ task: ClaimedTask, _ workClass: WorkClass, at now: Moment) {
        count { $0.claimed += 1 }
        attempts[task.fence] = Attempt(task: task, workClass: workClass, claimedAt: now)
        measures.wait.record(nanoseconds: task.waited.nanoseconds)
        if canarySentAt != nil, task.queue == settings.canaryQueue { canaryFence = task.fence }
        if mode == .serving {
            backlog[workClass]?.append(task.fence)
        } else {
            requestStop(task.fence, .released, at: now)
        }
    }

    func workClass(of name: String) -> WorkClass {
        settings.taskTypes[name]?.runner == .stage ? .stage : .inline
    }

    private var openQueues: [String] {
        let open = settings.queues.filter { !pausedQueues.contains($0) }
        return canarySentAt == nil ? open : open + [settings.canaryQueue]
    }

    private func room(_ workClass: WorkClass) -> Int {
        guard mode == .serving, !openQueues.isEmpty, finished.count < Limits.waitingResultsMax else { return 0 }
        switch workClass {
        case .inline:
            let limit = depth
            var free = 0
            // Slots of finished attempts count as free: the answer that brings the tasks frees them first.
            for worker in workers where worker.state == .up {
                for seat in worker.seats where !seat.holdsStage { free += max(0, limit - seat.queue.count) }
            }
            return min(free - (backlog[.inline]?.count ?? 0), Limits.claimBatchMax)
        case .stage:
            return cores.hasFreeCore && workers.contains { $0.freeSeats > 0 } && backlog[.stage]?.isEmpty ?? true
                ? 1 : 0
        }
    }

    /// Polling at the poll interval is the safety net under the doorbell; when nothing comes it slows down.
    private var pollWait: Span { settings.pollInterval * Double(min(1 << min(max(idlePolls - 1, 0), 3), 5)) }

    static let noticeEvery = Span.seconds(10)
    static let progressEvery = Span.seconds(1)
    static let reconnectFirst = Span.milliseconds(100)
    static let reconnectLongest = Span.seconds(5)
}
