import Absurd
import AbsurdRing
import Testing

@Suite struct LaneTests {
    @Test(arguments: [0, 1, 31, 32, 33, 63, 64, 65, 500, 4095, 4096])
    func `a task and its result arrive as they were sent, at every size`(bytes: Int) throws {
        let bench = try Bench()
        let lane = bench.leader.lane(worker: 0, seat: 0)
        let seat = bench.worker.seat(worker: 0, seat: 0)
        for round in 0..<40 {
            let request = pattern(bytes, seed: round)
            let result = pattern(bytes, seed: round + 1000)
            #expect(lane.offer(round, request) == .offered(position: UInt64(round)))
            let task = try #require(seat.takeTask())
            #expect(task.fence == fence(round))
            #expect(task.deadlineNanoseconds == 5)
            #expect(Array(task.bytes) == request)
            #expect(seat.complete(7, result) == .completed)
            let done = try #require(lane.pollResult())
            #expect(done.fence == fence(round))
            #expect(done.tag == UInt64(round))
            #expect(done.outcome == 7)
            #expect(Array(done.bytes) == result)
            #expect(lane.free(done.position))
        }
    }

    @Test func `a large request with a small result, and the other way round, share a slot's body`() throws {
        let bench = try Bench()
        let lane = bench.leader.lane(worker: 0, seat: 0)
        let seat = bench.worker.seat(worker: 0, seat: 0)
        for (request, result) in [(200, 32), (200, 33), (64, 200), (1, 200), (200, 0)] {
            let position = lane.outstanding.upperBound
            #expect(lane.offer(1, pattern(request, seed: 1)) == .offered(position: position))
            #expect(seat.takeTask().map { Array($0.bytes) } == pattern(request, seed: 1))
            #expect(seat.complete(0, pattern(result, seed: 2)) == .completed)
            #expect(lane.pollResult().map { Array($0.bytes) } == pattern(result, seed: 2))
            #expect(lane.free(position))
        }
    }

    @Test func `what does not fit is refused and not cut`() throws {
        let bench = try Bench()
        let lane = bench.leader.lane(worker: 0, seat: 0)
        let seat = bench.worker.seat(worker: 0, seat: 0)
        #expect(lane.offer(0, pattern(4097, seed: 0)) == .tooLarge)
        #expect(lane.offer(0, pattern(4000, seed: 0)) == .offered(position: 0))
        #expect(lane.offer(1, pattern(4000, seed: 0)) == .noRoom)
        #expect(lane.offer(1, pattern(64, seed: 0)) == .offered(position: 1))
        #expect(seat.takeTask()?.position == 0)
        #expect(seat.complete(0, pattern(4097, seed: 0)) == .tooLarge)
        #expect(seat.complete(0, pattern(4096, seed: 0)) == .completed)
        #expect(seat.takeTask()?.position == 1)
        #expect(seat.complete(0, pattern(100, seed: 0)) == .noRoom)
        #expect(lane.pollResult()?.position == 0)
        #expect(lane.free(0))
        #expect(seat.complete(0, pattern(100, seed: 0)) == .completed)
    }

    @Test func `a full lane says so and goes on when a result is freed`() throws {
        let bench = try Bench()
        let lane = bench.leader.lane(worker: 0, seat: 0)
        let seat = bench.worker.seat(worker: 0, seat: 0)
        for number in 0..<8 { #expect(lane.offer(number, [1]) == .offered(position: UInt64(number))) }
        #expect(lane.freeSlots == 0)
        #expect(lane.offer(8, [1]) == .full)
        #expect(seat.takeTask()?.position == 0)
        #expect(seat.complete(0, []) == .completed)
        #expect(lane.offer(8, [1]) == .full)
        let done = try #require(lane.pollResult())
        #expect(lane.free(done.position))
        #expect(!lane.free(done.position))
        #expect(lane.offer(8, [1]) == .offered(position: 8))
    }

    @Test func `a revoked offer is never taken, and one that was taken can't be revoked`() throws {
        let bench = try Bench()
        let lane = bench.leader.lane(worker: 0, seat: 0)
        let seat = bench.worker.seat(worker: 0, seat: 0)
        for number in 0..<3 { _ = lane.offer(number, [UInt8(number)]) }
        #expect(seat.takeTask()?.position == 0)
        #expect(!lane.revoke(0))
        #expect(lane.revoke(1))
        #expect(!lane.revoke(1))
        #expect(lane.state(1) == .revoked)
        #expect(lane.free(1))
        #expect(seat.complete(0, []) == .completed)
        #expect(seat.takeTask()?.position == 2)
        #expect(seat.complete(0, []) == .completed)
        #expect(lane.pollResult()?.position == 0)
        #expect(lane.pollResult()?.position == 2)
    }

    @Test func `a seat that was lapped by revoked offers finds its next task`() throws {
        let bench = try Bench()
        let lane = bench.leader.lane(worker: 0, seat: 0)
        let seat = bench.worker.seat(worker: 0, seat: 0)
        for number in 0..<100 {
            let position = UInt64(number)
            #expect(lane.offer(number, [1]) == .offered(position: position))
            #expect(lane.revoke(position))
            #expect(lane.free(position))
        }
        #expect(lane.offer(100, [9]) == .offered(position: 100))
        #expect(seat.takeTask()?.position == 100)
    }

    @Test func `cancel, deadline and progress reach the task that they are meant for and no other`() throws {
        let bench = try Bench()
        let lane = bench.leader.lane(worker: 0, seat: 0)
        let seat = bench.worker.seat(worker: 0, seat: 0)
        _ = lane.offer(0, [])
        _ = seat.takeTask()
        #expect(!seat.isCancelled)
        #expect(seat.deadlineNanoseconds == 5)
        #expect(lane.progress(0) == nil)
        lane.cancel(0, reason: 3)
        lane.setDeadline(0, nanoseconds: 99)
        seat.report(fraction: 0.25, message: "sub-band 4 of 16")
        #expect(seat.cancelReason == 3)
        #expect(seat.waitForCancel(timeoutNanoseconds: -1) == 3)
        #expect(seat.deadlineNanoseconds == 99)
        #expect(lane.progress(0) == Lane.Progress(fraction: 0.25, message: "sub-band 4 of 16"))
        _ = seat.complete(0, [])
        _ = lane.pollResult()
        lane.free(0)
        for number in 1...8 {
            _ = lane.offer(number, [])
            _ = seat.takeTask()
            #expect(!seat.isCancelled)
            #expect(seat.deadlineNanoseconds == 5)
            #expect(lane.progress(UInt64(number)) == nil)
            _ = seat.complete(0, [])
            _ = lane.pollResult()
            lane.free(UInt64(number))
        }
    }

    @Test func `a spilled payload comes back whole, and a damaged one is refused`() throws {
        let bench = try Bench()
        let bytes = pattern(1 << 20, seed: 5)
        let path = try bytes.withUnsafeBytes { try Spill.write($0, directory: bench.runDirectory, name: "p") }
        #expect(try Spill.read(path) == bytes)
        try damage(path, at: 5000)
        #expect(throws: Refusal.self) { try Spill.read(path) }
        remove(path)
        #expect(throws: Refusal.self) { try Spill.read(path) }
    }
}
