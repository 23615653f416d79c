// What Swift costs over C on the ring's hot path: the same loop in both, interleaved, the median of the ratios.
// Usage: RingOverhead [rounds] [repeats]; goal 1.05, exit 1 above 1.2.
import Absurd
import AbsurdRing
import CRingLoop
import Glibc

let rounds = UInt64(CommandLine.arguments.dropFirst().first ?? "400000") ?? 400_000
let repeats = Int(CommandLine.arguments.dropFirst(2).first ?? "15") ?? 15
let slots = 64
let arenaBytes = 64 << 10

/// Both sides through one mapping, as in C: two mappings of the same memory would fight over cache ways.
func loopInSwift(_ leader: SharedSegment, rounds: UInt64, length: Int) -> Double {
    let lane = leader.lane(worker: 0, seat: 0)
    let seat = leader.seat(worker: 0, seat: 0)
    let payload = [UInt8](repeating: 0, count: length)
    return payload.withUnsafeBytes { bytes in
        var sum: UInt64 = 0
        let start = Seat.nowNanoseconds
        var round: UInt64 = 0
        while round < rounds {
            for place in 0..<UInt64(8) {
                let fence = Fence(
                    task: TaskID(high: round, low: place), attempt: 1, token: TaskID(high: 1, low: 2))
                guard case .offered = lane.offer(fence, bytes, tag: round) else { return -1 }
            }
            lane.wake()
            while case .task(let view) = seat.take() {
                sum &+= UInt64(view.bytes.count)
                guard seat.complete(0, bytes) == .completed else { return -1 }
            }
            while case .result(let view) = lane.poll() {
                sum &+= view.tag
                lane.free(view.position)
            }
            round += 8
        }
        let elapsed = Double(Seat.nowNanoseconds - start) / Double(rounds)
        return sum == 1 ? -1 : elapsed
    }
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

func segmentInC() -> UnsafeMutablePointer<UInt8> {
    let shape = lane_shape(workers: 1, seats: 1, slots: UInt32(slots), arena_bytes: UInt32(arenaBytes))
    let bytes = Int(lane_segment_bytes(shape))
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
    memset(memory, 0, bytes)
    lane_segment_make(memory.assumingMemoryBound(to: UInt8.self), shape)
    return memory.assumingMemoryBound(to: UInt8.self)
}

var template = Array("/tmp/absurd-overhead-XXXXXX".utf8CString)
let directory = String(cString: mkdtemp(&template))
let leader = try SharedSegment.create(
    runDirectory: directory,
    shape: SegmentShape(workers: 1, seatsPerWorker: 1, slotsPerLane: slots, arenaBytes: arenaBytes))
let memory = segmentInC()
var worst = 0.0
for length in [64, 512] {
    var inC: [Double] = []
    var inSwift: [Double] = []
    for _ in 0..<repeats {
        inC.append(ring_loop_in_c(memory, UInt32(slots), UInt32(arenaBytes), rounds, UInt32(length)))
        inSwift.append(loopInSwift(leader, rounds: rounds, length: length))
    }
    let ratio = median(zip(inSwift, inC).map { $0 / $1 })
    worst = max(worst, ratio)
    print(
        "\(length) B, one thread: C \((median(inC) * 10).rounded() / 10) ns, Swift "
            + "\((median(inSwift) * 10).rounded() / 10) ns, ratio \((ratio * 1000).rounded() / 1000) (goal 1.05)")
}
leader.remove()
rmdir(directory)
exit(worst <= 1.2 ? 0 : 1)
