import Absurd
import AbsurdRing
import Testing

/// Random histories of a lane against a queue in plain Swift.
@Suite struct PropertyTests {
    /// What a lane promises, without sharing, slots or generations.
    struct PlainQueue {
        enum State { case offered, running, done, delivered, revoked, freed }
        struct Entry {
            var number: Int
            var size: Int
            var state: State
        }
        var entries: [Entry] = []

        var oldest: Int { entries.firstIndex { $0.state != .freed } ?? entries.count }
        func first(_ state: State) -> Int? { entries.firstIndex { $0.state == state } }

        /// The successor sees delivered results again and frees what was revoked.
        mutating func leaderDied() {
            for index in entries.indices {
                if entries[index].state == .delivered { entries[index].state = .done }
                if entries[index].state == .revoked { entries[index].state = .freed }
            }
        }
    }

    /// What the worker ran is lost, what it had not begun comes back, its results stay.
    private func workerDied(_ lane: Lane, _ model: inout PlainQueue) {
        var fates: [Int: Lane.Fate] = [:]
        lane.reclaim { fates[Int($0.position)] = $1 }
        for index in model.entries.indices {
            switch model.entries[index].state {
            case .offered: #expect(fates.removeValue(forKey: index) == .notBegun)
            case .running: #expect(fates.removeValue(forKey: index) == .lost)
            default: continue
            }
            model.entries[index].state = .freed
        }
        #expect(fates.isEmpty)
    }

    @Test(arguments: 0..<60) func `a lane behaves as a plain queue through every attach, adoption and reclaim`(
        seed: Int
    ) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let slots = [2, 4, 16][seed % 3]
        let bench = try Bench(SegmentShape(workers: 1, seatsPerWorker: 1, slotsPerLane: slots, arenaBytes: 4096))
        var leader = bench.leader
        var worker = bench.worker
        var lane = leader.lane(worker: 0, seat: 0)
        var seat = worker.seat(worker: 0, seat: 0)
        var model = PlainQueue()
        for number in 0..<1500 {
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<30:
                let size = [0, 8, 64, 65, 700, 3000].randomElement(using: &generator)!
                switch lane.offer(number, pattern(size, seed: number)) {
                case .offered(let position):
                    #expect(Int(position) == model.entries.count)
                    #expect(model.entries.count - model.oldest < slots)
                    model.entries.append(.init(number: number, size: size, state: .offered))
                case .full: #expect(model.entries.count - model.oldest == slots)
                case .noRoom: #expect(size > 64 && model.oldest < model.entries.count)
                case .tooLarge: Issue.record("3000 bytes fit into 4096")
                }
            case 30..<55:
                guard model.first(.running) == nil else { continue }
                switch seat.take() {
                case .nothing: #expect(model.first(.offered) == nil)
                case .corrupt: Issue.record("corrupt")
                case .task(let view):
                    let index = try #require(model.first(.offered))
                    #expect(Int(view.position) == index)
                    let entry = model.entries[index]
                    #expect(Array(view.bytes) == pattern(entry.size, seed: entry.number))
                    model.entries[index].state = .running
                }
            case 55..<75:
                guard let index = model.first(.running) else { continue }
                let entry = model.entries[index]
                switch seat.complete(UInt32(entry.number), pattern(entry.size, seed: entry.number + 1)) {
                case .completed: model.entries[index].state = .done
                case .noRoom: #expect(entry.size > 32)
                case .tooLarge: Issue.record("too large")
                }
            case 75..<85:
                guard let index = model.first(.done) else {
                    #expect(lane.pollResult() == nil)
                    continue
                }
                // Results come in the order of the offers.
                let view = try #require(lane.pollResult())
                #expect(Int(view.position) == index && view.fence == fence(model.entries[index].number))
                #expect(Array(view.bytes) == pattern(model.entries[index].size, seed: model.entries[index].number + 1))
                model.entries[index].state = .delivered
            case 85..<92:
                let free = model.entries.indices.filter {
                    model.entries[$0].state == .delivered || model.entries[$0].state == .revoked
                }
                guard let index = free.randomElement(using: &generator) else { continue }
                #expect(lane.free(UInt64(index)))
                model.entries[index].state = .freed
            case 92..<96:
                guard let index = model.entries.indices.suffix(slots).randomElement(using: &generator) else { continue }
                let isOffered = model.entries[index].state == .offered
                #expect(lane.revoke(UInt64(index)) == isOffered)
                if isOffered { model.entries[index].state = .revoked }
            case 96..<98:
                leader = try #require(try SharedSegment.adopt(runDirectory: bench.runDirectory))
                #expect(leader.corruptLanes.isEmpty)
                lane = leader.lane(worker: 0, seat: 0)
                model.leaderDied()
            default:
                worker = try Bench.attach(leader)
                workerDied(lane, &model)
                seat = worker.seat(worker: 0, seat: 0)
            }
        }
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
