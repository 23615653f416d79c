import Absurd
import CLane
import Glibc

/// The shared memory between a leader and its workers, mapped into this process.
///
/// The leader makes it (``create``) or takes a dead predecessor's over (``adopt``); a worker inherits its descriptor and
/// attaches. Its name stands in `<run>/segment`, so results survive the death of every process of the node. Beside it,
/// `<run>/bell` is a FIFO: workers that finish something while the leader sleeps in epoll write a byte into it.
///
/// Lanes and seats are pointers into this object's memory: keep it alive as long as they are used. The leader's lanes
/// belong to the leader's thread, each seat to one thread of its worker.
public final class SharedSegment: @unchecked Sendable {
    public let shape: SegmentShape
    /// To be inherited by workers. Close-on-exec here.
    public let descriptor: Int32
    /// The bell's FIFO, non-blocking: the leader polls it for reading, workers inherit it.
    public let bell: Int32
    /// Lanes that no legal history explains, found by `adopt`: stop their worker and repair them.
    public private(set) var corruptLanes: [Int] = []

    let base: UnsafeMutablePointer<UInt8>
    let bytes: Int
    private let rawShape: lane_shape
    private let name: String?
    private let runDirectory: String?
    private let lanes: UnsafeMutablePointer<lane_leader>?
    private let ledgers: UnsafeMutablePointer<lane_ledger>?
    private let seats: UnsafeMutablePointer<lane_seat>
    private let ends: UnsafeMutablePointer<UInt64>

    init(_ mapping: SegmentMapping, shape: lane_shape, bell: Int32, runDirectory: String?, isLeader: Bool) {
        self.shape = SegmentShape(shape)
        self.rawShape = shape
        self.descriptor = mapping.descriptor
        self.bell = bell
        self.base = mapping.base
        self.bytes = mapping.bytes
        self.name = mapping.name
        self.runDirectory = runDirectory
        let count = self.shape.laneCount
        let slots = count * self.shape.slotsPerLane
        seats = .allocate(capacity: count)
        ends = .allocate(capacity: slots)
        ends.initialize(repeating: 0, count: slots)
        if isLeader {
            let lanes = UnsafeMutablePointer<lane_leader>.allocate(capacity: count)
            let ledgers = UnsafeMutablePointer<lane_ledger>.allocate(capacity: slots)
            for index in 0..<count {
                lane_leader_bind(
                    lanes + index, base, shape, UInt32(index), ledgers + index * self.shape.slotsPerLane)
                if !Lane(lanes + index).adopt() { corruptLanes.append(index) }
            }
            self.lanes = lanes
            self.ledgers = ledgers
        } else {
            lanes = nil
            ledgers = nil
        }
    }

    deinit {
        lanes?.deallocate()
        ledgers?.deallocate()
        seats.deallocate()
        ends.deallocate()
        munmap(base, bytes)
        close(descriptor)
        close(bell)
    }

    /// The leader's side of a lane. Leader only.
    public func lane(worker: Int, seat: Int) -> Lane {
        precondition(worker < shape.workers && seat < shape.seatsPerWorker, "no such lane")
        guard let lanes else { preconditionFailure("a worker has no leader's side") }
        return Lane(lanes + (worker * shape.seatsPerWorker + seat))
    }

    /// The worker's side of a lane; call it once per seat, from the process that owns the seat.
    public func seat(worker: Int, seat: Int) -> Seat {
        precondition(worker < shape.workers && seat < shape.seatsPerWorker, "no such lane")
        let index = worker * shape.seatsPerWorker + seat
        lane_seat_bind(seats + index, base, rawShape, UInt32(index), ends + index * shape.slotsPerLane, bell)
        lane_seat_attach(seats + index)
        return Seat(seats + index)
    }

    /// The memory of one worker's lanes, whole pages: bind it to the worker's NUMA node before it is touched.
    public func laneMemory(worker: Int) -> UnsafeMutableRawBufferPointer {
        let start = lane_base(base, rawShape, UInt32(worker * shape.seatsPerWorker))
        return UnsafeMutableRawBufferPointer(
            start: start, count: Int(lane_stride(rawShape)) * shape.seatsPerWorker)
    }

    /// Removes the segment's and the bell's names: at a clean stop, after every result was delivered.
    public func remove() {
        guard let name, let runDirectory else { return }
        shm_unlink(name)
        unlink("\(runDirectory)/\(SegmentMapping.nameFile)")
        unlink("\(runDirectory)/\(SegmentMapping.bellFile)")
    }
}

// MARK: The leader's term and sleep

extension SharedSegment {
    /// Takes the next term for this leader, which must hold the node's leader lock.
    @discardableResult
    public func takeTerm(processID: Int32, startTicks: UInt64) -> UInt64 {
        lane_take_term(base, UInt64(processID), startTicks)
    }

    /// Grows by one with every leader.
    public var term: UInt64 { lane_term(base) }

    /// Announces that the leader is about to sleep in epoll. After it, look at every lane once more, then sleep.
    public func leaderWillSleep() { lane_leader_will_sleep(base) }

    /// The leader is awake: workers need not ring. Drain the bell as well when it is readable.
    public func leaderIsAwake() { lane_leader_is_awake(base) }

    /// Empties the bell.
    public func drainBell() {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            while read(bell, buffer.baseAddress, buffer.count) == buffer.count {}
        }
    }
}

// MARK: Worker rows

extension SharedSegment {
    public struct WorkerRow: Sendable, Hashable {
        public enum State: UInt8, Sendable {
            case empty = 0
            case starting = 1
            case ready = 2
            case quarantined = 3
        }
        public var state: State
        public var incarnation: UInt32
        public var processID: Int32
        /// Field 22 of /proc/PID/stat; 0 while the worker has not written it.
        public var startTicks: UInt64
    }

    public func workerRow(_ worker: Int) -> WorkerRow {
        let control = lane_row_read(base, UInt32(worker))
        return WorkerRow(
            state: WorkerRow.State(rawValue: UInt8(truncatingIfNeeded: control)) ?? .quarantined,
            incarnation: UInt32(truncatingIfNeeded: control >> 32), processID: Int32(control >> 8 & 0xff_ffff),
            startTicks: lane_row_start_ticks(base, UInt32(worker)))
    }

    /// Before a worker is spawned: opens its row and returns the incarnation that the child must present. An older
    /// child of this row that has not entered yet never will.
    public func openWorkerRow(_ worker: Int) -> UInt32 {
        lane_row_open(base, UInt32(worker), UInt32(LANE_WORKER_STARTING))
    }

    /// After a worker is surely dead, or when it will not be replaced.
    public func closeWorkerRow(_ worker: Int, quarantined: Bool = false) {
        _ = lane_row_open(base, UInt32(worker), UInt32(quarantined ? LANE_WORKER_QUARANTINED : LANE_WORKER_EMPTY))
    }

    /// The child's first act: false means that it is not expected any more and must leave without touching a lane.
    public func enterWorkerRow(_ worker: Int, incarnation: UInt32, processID: Int32, startTicks: UInt64) -> Bool {
        guard worker >= 0 && worker < shape.workers else { return false }
        return lane_row_enter(base, UInt32(worker), incarnation, UInt32(processID), startTicks) != 0
    }
}
