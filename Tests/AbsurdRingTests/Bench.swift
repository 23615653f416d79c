import Absurd
import AbsurdRing
import Glibc

/// A leader's and a worker's mapping of the same segment, in one process, with a run directory of their own.
final class Bench {
    let runDirectory: String
    let leader: SharedSegment
    let worker: SharedSegment

    init(_ shape: SegmentShape = SegmentShape(workers: 1, seatsPerWorker: 1, slotsPerLane: 8, arenaBytes: 4096)) throws
    {
        var template = Array("/tmp/absurd-ring-XXXXXX".utf8CString)
        runDirectory = String(cString: mkdtemp(&template))
        leader = try SharedSegment.create(runDirectory: runDirectory, shape: shape)
        worker = try Bench.attach(leader)
    }

    deinit {
        leader.remove()
        rmdir(runDirectory)
    }

    static func attach(_ leader: SharedSegment) throws -> SharedSegment {
        try SharedSegment.attach(descriptor: dup(leader.descriptor), bell: dup(leader.bell))
    }
}

func fence(_ number: Int) -> Fence {
    Fence(
        task: TaskID(high: UInt64(number), low: 1), attempt: Int32(number % 7),
        token: TaskID(high: UInt64(number), low: 2))
}

/// `count` bytes that differ from place to place and from `seed` to `seed`.
func pattern(_ count: Int, seed: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ seed &* 17 &+ $0 >> 8) }
}

extension Lane {
    func offer(_ number: Int, _ bytes: [UInt8], spilled: Bool = false) -> Offer {
        bytes.withUnsafeBytes {
            offer(fence(number), $0, deadlineNanoseconds: 5, tag: UInt64(number), spilled: spilled)
        }
    }
}

extension Seat {
    func complete(_ outcome: UInt32, _ bytes: [UInt8], spilled: Bool = false) -> Completion {
        bytes.withUnsafeBytes { complete(outcome, $0, spilled: spilled) }
    }

    /// Takes the next task, or fails the test's expectation by returning nil.
    func takeTask() -> SlotView? {
        guard case .task(let view) = take() else { return nil }
        return view
    }
}

extension Lane {
    func pollResult() -> SlotView? {
        guard case .result(let view) = poll() else { return nil }
        return view
    }
}
