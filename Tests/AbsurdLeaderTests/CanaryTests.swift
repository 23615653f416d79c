import Absurd
import Testing

@testable import AbsurdLeader

@Suite struct CanaryTests {
    private func rig() -> Rig {
        var rig = Rig()
        let settings = LeaderSettings(
            queues: ["q"], workers: 1, laneSlots: 8, canaryEvery: .seconds(60), canaryQueue: "absurd-canary/n",
            taskTypes: Rig.types, seed: 7)
        rig.machine = LeaderStateMachine(settings, cores: CountedCores(2), at: rig.now)
        _ = rig.send(.timer)
        _ = rig.send(.connected)
        return rig
    }

    private func canary() -> ClaimedTask {
        var canary = task()
        canary.queue = "absurd-canary/n"
        return canary
    }

    @Test func aCanaryIsSentWhenTheSessionBeginsAndThenOnceAMinute() {
        var rig = rig()
        #expect(rig.send(.registered).contains(.sendCanary))
        rig.answer()
        #expect(!rig.send(.timer, after: 59).contains(.sendCanary))
        rig.answer()
        #expect(rig.send(.timer, after: 1).contains(.sendCanary))
        #expect(!rig.send(.timer).contains(.sendCanary))
    }

    @Test func itsQueueIsClaimedOnlyWhileItIsOut() {
        var rig = rig()
        _ = rig.send(.registered)
        _ = rig.send(.workerUp(worker: 0, seats: 1))
        let work = canary()
        _ = rig.claim([work])
        #expect(rig.machine.canaryFence == work.fence)
        _ = rig.send(.taken([SeatStart(seat: SeatID(worker: 0, seat: 0), fence: work.fence)]), after: 0.01)
        _ = rig.complete(work, on: SeatID(worker: 0, seat: 0))
        rig.answer()
        #expect(rig.send(.doorbell).claims.first?.queues == ["q"])
        #expect(rig.machine.measures.canaryTrip == .milliseconds(10))
    }

    @Test func itsAgeGrowsUntilOneComesBack() {
        var rig = rig()
        #expect(rig.machine.canaryAge(at: rig.now) == nil, "none was due yet")
        _ = rig.send(.registered)
        rig.answer()
        _ = rig.send(.timer, after: 45)
        rig.answer()
        #expect(rig.machine.canaryAge(at: rig.now) == .seconds(45))
        _ = rig.send(.timer, after: 15)
        rig.answer()
        _ = rig.send(.workerUp(worker: 0, seats: 1))
        let work = canary()
        _ = rig.claim([work])
        _ = rig.complete(work, on: SeatID(worker: 0, seat: 0))
        rig.answer()
        #expect(rig.machine.canaryAge(at: rig.now) == .seconds(0))
    }

    @Test func aDrainedNodeSendsNoneAndIsNotBlamedForIt() {
        var rig = rig()
        _ = rig.send(.registered)
        rig.answer()
        _ = rig.send(.drain(exit: false))
        #expect(!rig.send(.timer, after: 120).contains(.sendCanary))
        #expect(rig.machine.canaryAge(at: rig.now) == nil)
    }

    @Test func theMeasuresKnowHowLongAttemptsWaitedForTheirWorker() {
        var rig = Rig.ready()
        var work = task()
        work.waited = .milliseconds(5)
        _ = rig.claim([work])
        rig.now = rig.now + .milliseconds(21)
        _ = rig.complete(work, on: SeatID(worker: 0, seat: 0))
        let measures = rig.machine.measures
        #expect(measures.wait.sumMicroseconds == 5000)
        #expect(measures.dispatch.sumMicroseconds == 20_000)
        #expect(measures.execution["echo"]?.sumMicroseconds == 1000)
        _ = rig.send(.workerDied(worker: 0, cause: "killed by signal 9 (Killed)"))
        #expect(rig.machine.measures.workerExits == [.signal: 1])
    }
}
