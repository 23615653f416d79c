import CLane

/// How large a segment is. Everything is reserved when it is made; nothing grows later.
public struct SegmentShape: Sendable, Hashable {
    public var workers: Int
    /// Seats of one worker: the tasks that it runs at the same time. One seat has one lane.
    public var seatsPerWorker: Int
    /// A power of two: how many tasks one lane holds, offered, running or finished but not yet stored.
    public var slotsPerLane: Int
    /// A power of two, per lane and direction: room for payloads above 64 bytes. A larger payload travels as a file.
    public var arenaBytes: Int

    public init(workers: Int, seatsPerWorker: Int, slotsPerLane: Int = 256, arenaBytes: Int = 256 << 10) {
        self.workers = workers
        self.seatsPerWorker = seatsPerWorker
        self.slotsPerLane = slotsPerLane
        self.arenaBytes = arenaBytes
    }

    init(_ raw: lane_shape) {
        self.init(
            workers: Int(raw.workers), seatsPerWorker: Int(raw.seats), slotsPerLane: Int(raw.slots),
            arenaBytes: Int(raw.arena_bytes))
    }

    /// Nil when a number is out of range.
    var raw: lane_shape? {
        guard let workers = UInt32(exactly: workers), let seats = UInt32(exactly: seatsPerWorker),
            let slots = UInt32(exactly: slotsPerLane), let arena = UInt32(exactly: arenaBytes)
        else { return nil }
        let shape = lane_shape(workers: workers, seats: seats, slots: slots, arena_bytes: arena)
        return lane_shape_ok(shape) != 0 ? shape : nil
    }

    public var laneCount: Int { workers * seatsPerWorker }

    /// The bytes of shared memory that a segment of this shape takes; nil when the shape is out of range.
    public var segmentBytes: Int? { raw.map { Int(lane_segment_bytes($0)) } }
}
