import Absurd
import AbsurdHost
import AbsurdRing
import Glibc
import Testing

/// A leader in this process and workers in others.
@Suite struct TwoProcessTests {
    /// Sleeps in poll as the leader does in epoll, until a worker rings; nothing may be overlooked on the way.
    private func sleepUntilRung(_ leader: SharedSegment, _ lane: Lane) -> SlotView? {
        while true {
            if let view = lane.pollResult() { return view }
            leader.leaderWillSleep()
            if let view = lane.pollResult() {
                leader.leaderIsAwake()
                return view
            }
            var state = pollfd(fd: leader.bell, events: Int16(POLLIN), revents: 0)
            poll(&state, 1, -1)
            leader.leaderIsAwake()
            leader.drainBell()
        }
    }

    @Test func `sleepers on both sides are woken for every task, one at a time`() throws {
        let bench = try Bench(SegmentShape(workers: 1, seatsPerWorker: 1, slotsPerLane: 4, arenaBytes: 64 << 10))
        let peer = try Peer.start(bench.leader, worker: 0)
        let lane = bench.leader.lane(worker: 0, seat: 0)
        for number in 0..<3000 {
            let bytes = pattern(number % 50 * 40, seed: number)
            guard case .offered = lane.offer(number, bytes) else {
                Issue.record("not offered")
                break
            }
            lane.wake()
            let done = try #require(sleepUntilRung(bench.leader, lane))
            #expect(done.fence == fence(number))
            #expect(Array(done.bytes) == bytes.reversed())
            lane.free(done.position)
        }
        lane.askToLeave()
        #expect(peer.process.waitForEnd().cause == .exited(code: 0))
        peer.process.close()
    }

    @Test func `workers that are killed again and again lose no task and do none twice`() throws {
        let bench = try Bench(SegmentShape(workers: 1, seatsPerWorker: 1, slotsPerLane: 16, arenaBytes: 16 << 10))
        let lane = bench.leader.lane(worker: 0, seat: 0)
        var generator = SystemRandomNumberGenerator()
        var waiting = Array(0..<4000)
        var finished = Set<Int>()
        var peer = try Peer.start(bench.leader, worker: 0)
        var kills = 0
        var lost = 0
        while finished.count < 4000 {
            while let number = waiting.last, case .offered = lane.offer(number, pattern(number % 300, seed: number)) {
                waiting.removeLast()
            }
            lane.wake()
            while let done = lane.pollResult() {
                let number = Int(done.tag)
                #expect(Array(done.bytes) == pattern(number % 300, seed: number).reversed())
                #expect(finished.insert(number).inserted, "a result came twice")
                lane.free(done.position)
            }
            if kills < 40, UInt32.random(in: 0..<400, using: &generator) == 0 {
                peer.kill()
                kills += 1
                while let done = lane.pollResult() {
                    #expect(finished.insert(Int(done.tag)).inserted)
                    lane.free(done.position)
                }
                lane.reclaim { view, fate in
                    if fate == .lost { lost += 1 }
                    waiting.append(Int(view.tag))
                }
                peer = try Peer.start(bench.leader, worker: 0)
            }
            sched_yield()
        }
        #expect(lost <= kills, "at most the running task is lost with its worker")
        peer.kill()
    }

    @Test func `a successor finds what its predecessor left, live workers and finished results included`() throws {
        var bench: Bench? = try Bench(
            SegmentShape(workers: 1, seatsPerWorker: 1, slotsPerLane: 16, arenaBytes: 16 << 10))
        let directory = bench!.runDirectory
        let peer = try Peer.start(bench!.leader, worker: 0)
        let first = bench!.leader
        bench!.leader.takeTerm(processID: getpid(), startTicks: 1)
        let lane = first.lane(worker: 0, seat: 0)
        for number in 0..<10 { _ = lane.offer(number, pattern(100, seed: number)) }
        lane.wake()
        // The predecessor dies here: it sees nothing more.
        let second = try #require(try SharedSegment.adopt(runDirectory: directory))
        #expect(second.corruptLanes.isEmpty)
        #expect(second.takeTerm(processID: getpid(), startTicks: 2) == 2)
        let row = second.workerRow(0)
        #expect(row.state == .ready || row.state == .starting)
        let adopted = second.lane(worker: 0, seat: 0)
        for number in 0..<10 {
            let done = try #require(sleepUntilRung(second, adopted))
            #expect(done.fence == fence(number))
            #expect(Array(done.bytes) == pattern(100, seed: number).reversed())
            adopted.free(done.position)
        }
        #expect(adopted.offer(10, pattern(5000, seed: 10)) == .offered(position: 10))
        adopted.wake()
        #expect(sleepUntilRung(second, adopted)?.length == 5000)
        adopted.askToLeave()
        #expect(peer.process.waitForEnd().cause == .exited(code: 0))
        peer.process.close()
        second.remove()
        bench = nil
    }

    @Test func `a worker that a successor does not expect leaves without touching a lane`() throws {
        let bench = try Bench()
        let incarnation = bench.leader.openWorkerRow(0)
        #expect(bench.leader.openWorkerRow(0) == incarnation + 1)
        #expect(!bench.worker.enterWorkerRow(0, incarnation: incarnation, processID: 77, startTicks: 1))
        #expect(bench.worker.enterWorkerRow(0, incarnation: incarnation + 1, processID: 78, startTicks: 5))
        let row = bench.leader.workerRow(0)
        #expect(row.state == .ready && row.processID == 78 && row.startTicks == 5)
        #expect(!bench.worker.enterWorkerRow(0, incarnation: incarnation + 1, processID: 79, startTicks: 6))
        bench.leader.closeWorkerRow(0, quarantined: true)
        #expect(bench.leader.workerRow(0).state == .quarantined)
    }

    @Test func `a stopped worker holds up nobody, and what it has not begun is taken back`() throws {
        let bench = try Bench(SegmentShape(workers: 2, seatsPerWorker: 1, slotsPerLane: 8, arenaBytes: 4096))
        let peers = try (0..<2).map { try Peer.start(bench.leader, worker: $0) }
        let stopped = bench.leader.lane(worker: 0, seat: 0)
        let other = bench.leader.lane(worker: 1, seat: 0)
        _ = stopped.offer(0, [0])
        stopped.wake()
        #expect(sleepUntilRung(bench.leader, stopped)?.position == 0)
        stopped.free(0)
        peers[0].process.signal(SIGSTOP)
        for number in 1..<4 { _ = stopped.offer(number, [1]) }
        stopped.wake()
        // It may have taken the first before the signal arrived; the rest is the leader's again.
        let back = (1..<4).filter { stopped.revoke(UInt64($0)) }
        for position in back { stopped.free(UInt64(position)) }
        for number in back {
            _ = other.offer(number, [1])
            other.wake()
            #expect(sleepUntilRung(bench.leader, other)?.fence == fence(number))
            other.free(UInt64(number) - UInt64(back[0]))
        }
        peers[0].process.signal(SIGCONT)
        for peer in peers { peer.kill() }
    }
}

extension SlotView {
    var length: Int { bytes.count }
}
