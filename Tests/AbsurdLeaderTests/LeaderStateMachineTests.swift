import Absurd
import Testing

@testable import AbsurdLeader

private let seat0 = SeatID(worker: 0, seat: 0)

@Suite struct LeaderStateMachineTests {
    @Test func aFreshLeaderConnectsRegistersAndSpawnsItsWorkers() {
        var rig = Rig(workers: 2)
        let first = rig.send(.timer)
        #expect(first.contains(.connect))
        #expect(first.contains(.spawnWorker(0)) && first.contains(.spawnWorker(1)))
        #expect(rig.send(.connected).contains(.register(keep: [])))
        #expect(rig.send(.registered).contains(.maintain))
    }

    @Test func aClaimAsksForNoMoreThanTheSeatsHaveRoomFor() {
        var rig = Rig.ready(workers: 2, seats: 3)
        let claims = rig.send(.doorbell).claims
        #expect(claims.first { $0.workClass == .inline }?.limit == 6)
        #expect(claims.first { $0.workClass == .stage }?.limit == 1)
    }

    @Test func aClaimedTaskIsOfferedAtOnce() {
        var rig = Rig.ready()
        let work = task()
        let offers = rig.claim([work]).offers
        #expect(offers.count == 1)
        #expect(offers.first?.task == work)
        #expect(offers.first?.seat == seat0)
    }

    @Test func aFullBatchIsFollowedByAnotherClaimAsSoonAsThereIsRoom() {
        var rig = Rig.ready(workers: 1, seats: 2)
        let work = [task(), task()]
        let full = rig.claim(work)
        #expect(full.claims.isEmpty, "no seat is free")
        let next = rig.complete(work[0], on: seat0)
        #expect(next.finishes.map(\.fence) == [work[0].fence])
        #expect(next.claims.contains { $0.workClass == .inline }, "finished and claimed in one round trip")
    }

    @Test func aStageThatEndedIsFollowedByALookForStagesWhenTheDatabaseKnowsOfIt() {
        var rig = Rig.ready(workers: 1, seats: 2)
        let stage = task("validation")
        _ = rig.claim([stage])
        let ended = rig.complete(stage, on: seat0)
        #expect(ended.finishes.count == 1)
        #expect(!ended.claims.contains { $0.workClass == .stage }, "a limited queue would still count it as running")
        let known = rig.send(.exchanged(ExchangeReply(claims: ended.claims.map { ($0, []) }, accepted: [true])))
        #expect(known.claims.contains { $0.workClass == .stage })
    }

    @Test func resultsGatherWhileAnExchangeIsUnderWay() {
        var rig = Rig.ready(workers: 1, seats: 3)
        let work = [task(), task(), task()]
        _ = rig.claim(work)
        #expect(rig.complete(work[0], on: seat0).finishes.count == 1)
        let sent = rig.exchange
        #expect(rig.complete(work[1], on: SeatID(worker: 0, seat: 1)).finishes.isEmpty)
        #expect(rig.complete(work[2], on: SeatID(worker: 0, seat: 2)).finishes.isEmpty)
        let claims = (sent?.claims ?? []).map { ($0, [ClaimedTask]()) }
        let next = rig.send(.exchanged(ExchangeReply(claims: claims, accepted: [true])))
        #expect(Set(next.finishes.map(\.fence)) == [work[1].fence, work[2].fence])
        #expect(next.contains(.free(seat0, work[0].fence)))
    }

    @Test func aSlotIsFreedOnlyAfterTheDatabaseHasTheResult() {
        var rig = Rig.ready()
        let work = task()
        _ = rig.claim([work])
        let done = rig.complete(work, on: seat0)
        #expect(!done.contains(.free(seat0, work.fence)))
        rig.answer()
        #expect(rig.lastActions.contains(.free(seat0, work.fence)) || rig.machine.counters.accepted == 1)
    }

    @Test func oneResultThatTheDatabaseRefusesDoesNotHoldUpTheOthers() {
        var rig = Rig.ready(workers: 1, seats: 3)
        let work = [task(), task(), task()]
        _ = rig.claim(work)
        _ = rig.complete(work[0], on: seat0)
        _ = rig.complete(work[1], on: SeatID(worker: 0, seat: 1))
        _ = rig.complete(work[2], on: SeatID(worker: 0, seat: 2))
        rig.exchange = nil
        _ = rig.send(.exchanged(ExchangeReply(claims: [], accepted: [true])))
        #expect(rig.exchange?.finish.count == 2)
        #expect(rig.send(.exchangeRefused(reason: "22P05")).finishes.count == 1)
        let second = rig.send(.exchangeRefused(reason: "22P05")).finishes
        #expect(second.map(\.outcome) == [.failedPermanent])
        rig.answer()
        #expect(rig.machine.counters.accepted == 3)
    }

    @Test func polledAtThePollIntervalEvenWithoutADoorbell() {
        var rig = Rig.ready()
        let wait = rig.machine.nextWake - rig.now
        #expect(wait <= .seconds(1))
        #expect(!rig.send(.timer, after: 1.01).claims.isEmpty)
    }

    @Test func anIdleLeaderWakesSeldom() {
        var rig = Rig.ready()
        var wakes = 0
        let end = rig.now + .seconds(60)
        while rig.now < end {
            rig.now = rig.machine.nextWake
            _ = rig.send(.timer)
            for action in rig.lastActions {
                switch action {
                case .renew: _ = rig.send(.renewed(stops: []))
                case .maintain: _ = rig.send(.maintained(nextDue: nil))
                default: break
                }
            }
            rig.answer()
            wakes += 1
        }
        #expect(wakes < 60, "woke \(wakes) times in a minute")
    }

    @Test func theLeaseIsRenewedThreeTimesInItsLength() {
        var rig = Rig.ready()
        #expect(rig.send(.timer, after: 10.1).contains(.renew))
        #expect(!rig.send(.timer, after: 5).contains(.renew), "one renewal under way is enough")
    }
}

@Suite struct StoppingTests {
    @Test func aCancelledAttemptIsStoppedThenKilledThenItsWorkerIs() {
        var rig = Rig.ready()
        let work = task()
        _ = rig.claim([work])
        _ = rig.send(.taken([SeatStart(seat: seat0, fence: work.fence)]))
        let asked = rig.send(.renewed(stops: [StopRequest(fence: work.fence, reason: .cancelled)]))
        #expect(asked.contains(.stop(seat0, work.fence, .cancelled)))
        #expect(!rig.send(.timer, after: 1).contains(.killProcesses(seat0, work.fence)))
        #expect(rig.send(.timer, after: 0.5).contains(.killProcesses(seat0, work.fence)))
        #expect(rig.send(.timer, after: 1.1).contains(.killWorker(0)))
        let died = rig.send(.workerDied(worker: 0, cause: "killed by signal 9"))
        #expect(died.finishes.map(\.outcome) == [.cancelled])
    }

    @Test func aTaskCancelledBeforeItBeganNeverBegins() {
        var rig = Rig.ready()
        let work = task()
        _ = rig.claim([work])
        let asked = rig.send(.renewed(stops: [StopRequest(fence: work.fence, reason: .cancelled)]))
        #expect(asked.contains(.revoke(seat0, work.fence)))
        let back = rig.send(.revoked(work.fence))
        #expect(back.finishes.map(\.outcome) == [.cancelled])
        #expect(back.offers.isEmpty)
    }

    @Test func aCancelThatMeetsTheBeginningIsObeyedAfterIt() {
        var rig = Rig.ready()
        let work = task()
        _ = rig.claim([work])
        _ = rig.send(.renewed(stops: [StopRequest(fence: work.fence, reason: .cancelled)]))
        let begun = rig.send(.taken([SeatStart(seat: seat0, fence: work.fence)]))
        #expect(begun.contains(.stop(seat0, work.fence, .cancelled)))
    }

    @Test func timeIsCountedFromTheBeginningNotFromTheOffer() {
        var rig = Rig.ready()
        let work = task(timeout: 5)
        _ = rig.claim([work])
        #expect(!rig.send(.timer, after: 6).contains(.stop(seat0, work.fence, .timedOut)))
        _ = rig.send(.taken([SeatStart(seat: seat0, fence: work.fence)]))
        #expect(!rig.send(.timer, after: 4.9).contains(.stop(seat0, work.fence, .timedOut)))
        #expect(rig.machine.nextWake <= rig.now + .seconds(0.1))
        #expect(rig.send(.timer, after: 0.1).contains(.stop(seat0, work.fence, .timedOut)))
        let ended = rig.complete(work, on: seat0, .timedOut)
        #expect(ended.finishes.map(\.outcome) == [.timedOut])
    }
}

@Suite struct WorkforceTests {
    @Test func aDeadWorkerCostsOnlyWhatItHadBegun() {
        var rig = Rig.ready(workers: 2, seats: 1)
        rig.machine.meanDuration = 0.001
        let work = (0..<6).map { _ in task() }
        let offers = rig.claim(work).offers
        let atWorker0 = offers.filter { $0.seat.worker == 0 }.map(\.task)
        _ = rig.send(.taken([SeatStart(seat: seat0, fence: atWorker0[0].fence)]))
        let died = rig.send(.workerDied(worker: 0, cause: "killed by signal 9"))
        #expect(died.finishes.map(\.fence) == [atWorker0[0].fence])
        #expect(died.finishes.map(\.outcome) == [.crashed])
        #expect(Set(died.offers.map(\.task.fence)) == Set(atWorker0.dropFirst().map(\.fence)))
        #expect(died.offers.allSatisfy { $0.seat.worker == 1 })
        #expect(died.contains(.spawnWorker(0)), "the first death costs no wait")
    }

    @Test func aCrashLoopSlowsDownAndThenStopsForAWhile() {
        var policy = RespawnPolicy()
        var now = Moment.seconds(0)
        var verdicts: [RespawnPolicy.Verdict] = []
        for _ in 0..<RespawnPolicy.breakerDeaths {
            now = now + .seconds(0.1)
            verdicts.append(policy.died(at: now))
        }
        #expect(verdicts.first == .now)
        #expect(verdicts.last == .broken(deaths: RespawnPolicy.breakerDeaths, pause: RespawnPolicy.breakerPause))
        #expect(verdicts.contains(.after(.milliseconds(100))))
        #expect(policy.died(at: now + .seconds(3600)) == .now)
    }

    @Test func workBehindALongTaskMovesToASeatThatIsIdle() {
        var rig = Rig.ready(workers: 1, seats: 2)
        rig.machine.meanDuration = 0.001
        let work = (0..<3).map { _ in task() }
        let offers = rig.claim(work).offers
        let seat1 = SeatID(worker: 0, seat: 1)
        let long = offers.filter { $0.seat == seat0 }.map(\.task)
        let short = offers.filter { $0.seat == seat1 }.map(\.task)
        _ = rig.send(.taken([SeatStart(seat: seat0, fence: long[0].fence)]))
        let idle = rig.complete(short[0], on: seat1)
        #expect(idle.contains(.revoke(seat0, long[1].fence)))
        let moved = rig.send(.revoked(long[1].fence)).offers
        #expect(moved.map(\.seat) == [seat1])
    }

    @Test func aSmallerNodeLetsItsWorkersEndWhatTheyRun() {
        var rig = Rig.ready(workers: 2, seats: 1)
        let work = [task(), task()]
        let offers = rig.claim(work).offers
        let at1 = offers.first { $0.seat.worker == 1 }
        guard let at1 else { return #expect(Bool(false), "worker 1 got nothing") }
        _ = rig.send(.taken([SeatStart(seat: at1.seat, fence: at1.task.fence)]))
        #expect(!rig.send(.resize(workers: 1)).contains(.killWorker(1)))
        _ = rig.complete(at1.task, on: at1.seat)
        rig.answer()
        #expect(rig.send(.timer).contains(.killWorker(1)))
        #expect(!rig.send(.workerDied(worker: 1, cause: "left")).contains(.spawnWorker(1)))
    }
}

@Suite struct StagePlacementTests {
    @Test func aStageGetsItsCoresAndGivesThemBack() {
        var rig = Rig.ready(workers: 2, seats: 1, cores: 2)
        let imaging = task("imaging")
        let offers = rig.claim([imaging]).offers
        #expect(offers.first?.grant?.cpus.members == [0, 1])
        #expect(!rig.send(.doorbell).claims.contains { $0.workClass == .stage }, "no core is free")
        rig.answer()
        guard let seat = offers.first?.seat else { return }
        let done = rig.complete(imaging, on: seat)
        #expect(done.claims.contains { $0.workClass == .stage })
    }

    @Test func aSeatThatRunsAStageGetsNothingElse() {
        var rig = Rig.ready(workers: 1, seats: 2, cores: 2)
        rig.machine.meanDuration = 0.001
        let stage = rig.claim([task("validation")]).offers[0]
        let others = rig.claim((0..<4).map { _ in task() }).offers
        #expect(others.count == 4)
        #expect(others.allSatisfy { $0.seat != stage.seat })
    }

    @Test func aStageThatWaitsForTheWholeNodeIsNotOvertaken() {
        var rig = Rig.ready(workers: 3, seats: 1, cores: 2)
        let first = task("validation")
        let seat = rig.claim([first]).offers[0].seat
        let whole = task("imaging")
        #expect(rig.claim([whole]).offers.isEmpty)
        #expect(!rig.send(.doorbell).claims.contains { $0.workClass == .stage })
        #expect(rig.complete(first, on: seat).offers.map(\.task) == [whole])
    }
}

@Suite struct DatabaseAwayTests {
    @Test func resultsWaitAndAreSaidAloudAndSentAgain() {
        var rig = Rig.ready()
        let work = task()
        _ = rig.claim([work])
        _ = rig.complete(work, on: seat0)
        let away = rig.send(.disconnected(reason: "server closed the connection"))
        #expect(away.contains(.say(.databaseAway(reason: "server closed the connection", waitingResults: 1))))
        #expect(away.finishes.isEmpty)
        #expect(rig.send(.timer, after: 1).contains(.connect))
        #expect(rig.send(.connected).contains(.renew), "the session is still ours to renew")
        #expect(rig.send(.renewed(stops: [])).contains(.register(keep: [work.fence])))
        let back = rig.send(.registered)
        #expect(back.finishes.map(\.fence) == [work.fence])
    }

    @Test func aClaimWhoseAnswerWasLostIsUndone() {
        var rig = Rig.ready(workers: 1, seats: 2)
        _ = rig.send(.doorbell)
        _ = rig.send(.disconnected(reason: "gone"))
        _ = rig.send(.timer, after: 1)
        _ = rig.send(.connected)
        #expect(rig.send(.renewed(stops: [])).contains(.register(keep: [])), "the database gives those tasks away")
    }

    @Test func reconnectingBacksOffWithJitterAndABound() {
        var rig = Rig.ready()
        var waits: [Double] = []
        for _ in 0..<12 {
            _ = rig.send(.disconnected(reason: "refused"))
            waits.append((rig.machine.nextWake - rig.now).seconds)
            rig.now = rig.machine.nextWake
            while !rig.send(.timer).contains(.connect) { rig.now = rig.machine.nextWake }
        }
        #expect(waits[0] < 0.2)
        #expect(waits.allSatisfy { $0 <= 7.5 })
        #expect(Set(waits).count > 6)
    }

    @Test func aNodesNameTakenByAnotherLeaderEndsThisOne() {
        var rig = Rig.ready()
        let lost = rig.send(.sessionLost, after: 1)
        #expect(lost.contains(.say(.takenOver)) && lost.contains(.exit))
        #expect(!lost.contains(.register(keep: [])))
    }

    @Test func aLostSessionStopsWhatRunsAndDropsItsResults() {
        var rig = Rig.ready()
        let work = task()
        _ = rig.claim([work])
        _ = rig.send(.taken([SeatStart(seat: seat0, fence: work.fence)]))
        _ = rig.send(.disconnected(reason: "gone"))
        _ = rig.send(.timer, after: 40)
        #expect(rig.send(.connected).contains(.renew))
        let lost = rig.send(.sessionLost)
        #expect(lost.contains(.stop(seat0, work.fence, .lost)) && lost.contains(.register(keep: [])))
        _ = rig.send(.registered)
        rig.answer()
        let ended = rig.complete(work, on: seat0, .released)
        #expect(ended.finishes.isEmpty)
        #expect(ended.contains(.free(seat0, work.fence)))
    }
}

@Suite struct DrainTests {
    @Test func aDrainFinishesWhatRunsAndGivesBackTheRest() {
        var rig = Rig.ready()
        rig.machine.meanDuration = 0.001
        let work = [task(), task()]
        _ = rig.claim(work)
        _ = rig.send(.taken([SeatStart(seat: seat0, fence: work[0].fence)]))
        let drain = rig.send(.drain(exit: true))
        #expect(drain.contains(.revoke(seat0, work[1].fence)))
        let back = rig.send(.revoked(work[1].fence))
        #expect(back.finishes.map(\.outcome) == [.released])
        #expect(back.claims.isEmpty)
        rig.answer()
        #expect(!rig.lastActions.contains(.exit))
        _ = rig.complete(work[0], on: seat0)
        let reply = ExchangeReply(claims: [], accepted: [true])
        let last = rig.send(.exchanged(reply))
        #expect(last.suffix(2) == [.leave, .exit])
    }

    @Test func aTaskThatOutlastsTheDeadlineIsStoppedAndGivenBack() {
        var rig = Rig.ready()
        let work = task(timeout: 3600)
        _ = rig.claim([work])
        _ = rig.send(.taken([SeatStart(seat: seat0, fence: work.fence)]))
        _ = rig.send(.drain(exit: true))
        #expect(rig.send(.timer, after: 31).contains(.stop(seat0, work.fence, .released)))
        #expect(rig.complete(work, on: seat0, .released).finishes.map(\.outcome) == [.released])
    }

    @Test func aDrainWithoutADatabaseEndsAtItsDeadlineAndSaysWhatItGaveUp() {
        var rig = Rig.ready()
        let work = task()
        _ = rig.claim([work])
        _ = rig.complete(work, on: seat0)
        _ = rig.send(.disconnected(reason: "gone"))
        #expect(!rig.send(.drain(exit: true)).contains(.exit))
        let end = rig.send(.timer, after: 31)
        #expect(end.contains(.exit) && end.contains(.say(.gaveUpResults(1))))
    }

    @Test func aDrainWithoutExitCanBeTakenBack() {
        var rig = Rig.ready()
        _ = rig.send(.drain(exit: false))
        #expect(rig.send(.doorbell).claims.isEmpty)
        #expect(!rig.send(.resume).claims.isEmpty)
    }

    @Test func aPausedQueueIsNotClaimedFrom() {
        var rig = Rig.ready()
        _ = rig.send(.pause(queue: "q"))
        #expect(rig.send(.doorbell).claims.isEmpty)
        #expect(!rig.send(.unpause(queue: "q")).claims.isEmpty)
    }
}
