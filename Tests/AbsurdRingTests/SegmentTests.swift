import Absurd
import AbsurdRing
import CLane
import Glibc
import Testing

@Suite struct SegmentTests {
    @Test func `a shape out of range is refused before anything is made`() throws {
        for shape in [
            SegmentShape(workers: 0, seatsPerWorker: 1), .init(workers: 1, seatsPerWorker: 1, slotsPerLane: 3),
            .init(workers: 1, seatsPerWorker: 1, arenaBytes: 5000), .init(workers: 2000, seatsPerWorker: 9),
            .init(workers: -1, seatsPerWorker: 1),
        ] {
            #expect(shape.segmentBytes == nil)
            #expect(throws: Refusal.self) { try SharedSegment.create(runDirectory: "/tmp", shape: shape) }
        }
    }

    @Test func `the memory is reserved in full and readable by its owner only`() throws {
        let bench = try Bench()
        var status = stat()
        try #require(fstat(bench.leader.descriptor, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(Int(status.st_size) == bench.leader.shape.segmentBytes)
        #expect(Int(status.st_blocks) * 512 >= Int(status.st_size))
    }

    @Test func `more than the shared memory holds is refused at once, and leaves nothing behind`() throws {
        var space = statvfs()
        try #require(statvfs("/dev/shm", &space) == 0)
        let total = Int(space.f_blocks) * Int(space.f_frsize)
        let shape = SegmentShape(workers: 1024, seatsPerWorker: 4, slotsPerLane: 2, arenaBytes: 8 << 20)
        let bytes = try #require(shape.segmentBytes)
        try #require(bytes > total, "this machine has \(total) bytes of /dev/shm, more than the largest segment")
        var template = Array("/tmp/absurd-ring-XXXXXX".utf8CString)
        let directory = String(cString: mkdtemp(&template))
        #expect(throws: Refusal.self) { try SharedSegment.create(runDirectory: directory, shape: shape) }
        var after = statvfs()
        statvfs("/dev/shm", &after)
        #expect(Int(after.f_bfree) * Int(after.f_frsize) > total / 4)
        #expect(rmdir(directory) == 0, "no file stays in the run directory")
    }

    @Test func `nothing to adopt is nil, and so is a segment of another make`() throws {
        #expect(try SharedSegment.adopt(runDirectory: "/nowhere") == nil)
        let bench = try Bench()
        let descriptor = bench.leader.descriptor
        for (offset, size) in [(0, 8), (8, 4), (16, 8), (24, 8), (32, 4), (40, 4), (44, 4)] {
            var before = [UInt8](repeating: 0, count: size)
            try #require(pread(descriptor, &before, size, off_t(offset)) == size)
            let wrong = before.map { ~$0 }
            try #require(pwrite(descriptor, wrong, size, off_t(offset)) == size)
            #expect(try SharedSegment.adopt(runDirectory: bench.runDirectory) == nil, "field at \(offset)")
            #expect(throws: Refusal.self) { try Bench.attach(bench.leader) }
            try #require(pwrite(descriptor, before, size, off_t(offset)) == size)
        }
        #expect(try SharedSegment.adopt(runDirectory: bench.runDirectory) != nil)
    }

    @Test func `the memory of each worker's lanes is whole pages of its own`() throws {
        let bench = try Bench(SegmentShape(workers: 3, seatsPerWorker: 2, slotsPerLane: 4, arenaBytes: 4096))
        let memories = (0..<3).map { bench.leader.laneMemory(worker: $0) }
        for memory in memories {
            #expect(UInt(bitPattern: memory.baseAddress) % 4096 == 0 && memory.count % 4096 == 0)
        }
        #expect(memories[0].baseAddress! + memories[0].count == memories[1].baseAddress!)
    }
}

/// A worker that writes nonsense: the leader notices, and survives.
@Suite struct CorruptionTests {
    /// The four parts of position 0's slot in the leader's mapping.
    private struct Slot {
        let gate: UnsafeMutablePointer<lane_gate>
        let reply: UnsafeMutablePointer<lane_reply>
        let identity: UnsafeMutablePointer<lane_identity>
        let body: UnsafeMutableRawPointer

        init(_ bench: Bench) {
            let base = bench.leader.laneMemory(worker: 0).baseAddress!
            let shape = CorruptionTests.rawShape(bench)
            gate = (base + Int(lane_gates_offset())).assumingMemoryBound(to: lane_gate.self)
            reply = (base + Int(lane_replies_offset(shape))).assumingMemoryBound(to: lane_reply.self)
            identity = (base + Int(lane_identities_offset(shape))).assumingMemoryBound(to: lane_identity.self)
            body = base + Int(lane_bodies_offset(shape))
        }
    }

    private static func rawShape(_ bench: Bench) -> lane_shape {
        let shape = bench.leader.shape
        return lane_shape(
            workers: UInt32(shape.workers), seats: UInt32(shape.seatsPerWorker), slots: UInt32(shape.slotsPerLane),
            arena_bytes: UInt32(shape.arenaBytes))
    }

    private func finishOne(_ bench: Bench, bytes: Int) -> Lane {
        let lane = bench.leader.lane(worker: 0, seat: 0)
        let seat = bench.worker.seat(worker: 0, seat: 0)
        _ = lane.offer(0, [1])
        _ = seat.takeTask()
        _ = seat.complete(0, pattern(bytes, seed: 0))
        return lane
    }

    private func expectCorrupt(_ lane: Lane, _ comment: Comment) {
        guard case .corrupt(position: 0) = lane.poll() else {
            Issue.record(comment)
            return
        }
        var fates: [Lane.Fate] = []
        lane.reclaim { fates.append($1) }
        #expect(fates == [.lost], comment)
        lane.repair()
        guard case .offered = lane.offer(1, pattern(200, seed: 1)) else {
            Issue.record("a repaired lane takes offers")
            return
        }
    }

    @Test func `a result outside of its arena, of another length or another generation is refused`() throws {
        let changes: [(Comment, (inout lane_extent) -> Void)] = [
            ("offset beyond the arena", { $0.offset = 4096 - 64 }), ("wild offset", { $0.offset = .max - 63 }),
            ("offset between lines", { $0.offset += 8 }), ("length", { $0.length += 1 }),
            ("wild length", { $0.length = .max }), ("generation", { $0.generation += 1 }),
            ("checksum", { $0.checksum ^= 1 }),
        ]
        for (comment, change) in changes {
            let bench = try Bench()
            let lane = finishOne(bench, bytes: 500)
            let body = Slot(bench).body
            var extent = body.load(fromByteOffset: 32, as: lane_extent.self)
            change(&extent)
            body.storeBytes(of: extent, toByteOffset: 32, as: lane_extent.self)
            expectCorrupt(lane, comment)
        }
    }

    @Test func `a result under another fence, of another position or with an impossible length word is refused`() throws
    {
        let changes: [(Comment, (Slot) -> Void)] = [
            ("task", { $0.identity.pointee.task_low ^= 1 }), ("token", { $0.identity.pointee.token_high ^= 1 }),
            ("attempt", { $0.identity.pointee.attempt += 1 }), ("length word", { $0.reply.pointee.result = 65 }),
            ("unknown bits", { $0.reply.pointee.result = 0x8000_0001 }),
            ("position to come", { $0.reply.pointee.done += 8 }), ("another slot", { $0.reply.pointee.done = 3 }),
            ("arena without extent", { $0.reply.pointee.result = 0x0100_0005 }),
        ]
        for (comment, change) in changes {
            let bench = try Bench()
            let lane = finishOne(bench, bytes: 5)
            change(Slot(bench))
            expectCorrupt(lane, comment)
        }
    }

    @Test func `a control word that can't be is found while the leader waits for its result`() throws {
        let changes: [(Comment, (inout UInt64) -> Void)] = [
            ("state", { $0 |= 7 }), ("generation", { $0 += 8 }), ("free", { $0 = 0 }),
        ]
        for (comment, change) in changes {
            let bench = try Bench()
            let lane = bench.leader.lane(worker: 0, seat: 0)
            _ = lane.offer(0, [1])
            _ = bench.worker.seat(worker: 0, seat: 0).takeTask()
            change(&Slot(bench).gate.pointee.control)
            for _ in 1..<LANE_IDLE_LOOKS { guard case .nothing = lane.poll() else { break } }
            expectCorrupt(lane, comment)
        }
    }

    @Test func `flipped bytes of a large result are noticed`() throws {
        for offset in [0, 63, 64, 300, 499] {
            let bench = try Bench()
            let lane = finishOne(bench, bytes: 500)
            let memory = bench.leader.laneMemory(worker: 0)
            let arena = memory.count - 4096
            memory[arena + offset] ^= 0x10
            expectCorrupt(lane, "byte \(offset)")
        }
    }

    @Test func `a request that was overwritten is not run`() throws {
        let bench = try Bench()
        let lane = bench.leader.lane(worker: 0, seat: 0)
        let seat = bench.worker.seat(worker: 0, seat: 0)
        _ = lane.offer(0, pattern(500, seed: 0))
        let memory = bench.leader.laneMemory(worker: 0)
        memory[memory.count - 8192 + 77] ^= 1
        guard case .corrupt(let view) = seat.take() else {
            Issue.record("an overwritten request was run")
            return
        }
        #expect(view.fence == fence(0))
        #expect(seat.complete(9, []) == .completed)
        #expect(lane.pollResult()?.outcome == 9)
    }

    @Test func `whatever bytes the slots hold, adoption ends in a lane that works or in a refusal`() throws {
        var generator = SeededGenerator(seed: 3)
        for round in 0..<300 {
            let bench = try Bench()
            let lane = bench.leader.lane(worker: 0, seat: 0)
            for number in 0..<5 { _ = lane.offer(number, pattern(number * 60, seed: number)) }
            let memory = bench.leader.laneMemory(worker: 0)
            for _ in 0..<(1 + round % 8) {
                let first = Int(lane_gates_offset())
                let end = Int(lane_watches_offset(Self.rawShape(bench)))
                let at = Int.random(in: first..<end, using: &generator)
                memory[at] = UInt8.random(in: 0...255, using: &generator)
            }
            let adopted = try #require(try SharedSegment.adopt(runDirectory: bench.runDirectory))
            let second = adopted.lane(worker: 0, seat: 0)
            if adopted.corruptLanes.isEmpty {
                while second.pollResult() != nil {}
                second.reclaim { _, _ in }
            }
            second.repair()
            let seat = bench.worker.seat(worker: 0, seat: 0)
            guard case .offered = second.offer(9, pattern(300, seed: 9)) else {
                Issue.record("a repaired lane takes offers")
                return
            }
            #expect(seat.takeTask().map { Array($0.bytes) } == pattern(300, seed: 9))
            #expect(seat.complete(0, pattern(400, seed: 8)) == .completed)
            #expect(second.pollResult().map { Array($0.bytes) } == pattern(400, seed: 8))
        }
    }
}
