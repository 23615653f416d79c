public import Absurd
public import CLane

/// What a slot holds: a request that was taken, or a result that was found.
///
/// `bytes` point into the segment. A request's bytes hold until `complete`; a result's until its position is freed.
public struct SlotView: @unchecked Sendable {
    @usableFromInline var raw: lane_view

    @inlinable
    init(_ raw: lane_view) {
        self.raw = raw
    }

    @inlinable public var position: UInt64 { raw.position }
    @inlinable public var fence: Fence {
        Fence(
            task: TaskID(high: raw.task_high, low: raw.task_low), attempt: Int32(bitPattern: raw.attempt),
            token: TaskID(high: raw.token_high, low: raw.token_low))
    }
    /// CLOCK_MONOTONIC; 0 is none.
    @inlinable public var deadlineNanoseconds: UInt64 { raw.deadline_ns }
    /// What the leader attached to the offer; 0 after a successor adopted the lane, and on the worker's side.
    @inlinable public var tag: UInt64 { raw.tag }
    @inlinable public var outcome: UInt32 { raw.outcome }
    /// The bytes are the path of a file that holds the payload: read it with ``Spill/read(_:)``.
    @inlinable public var isSpilled: Bool { raw.spilled != 0 }
    @inlinable public var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: raw.bytes, count: Int(raw.length))
    }
}

/// Where an offered task stands, as its slot says.
public enum SlotState: Int32, Sendable {
    /// The leader does not hold this position any more.
    case free = 0
    /// The seat has not begun.
    case offered = 1
    /// The seat has begun; if it dies now, the attempt is lost.
    case running = 2
    /// The result is there.
    case done = 3
    /// Taken back; to be freed.
    case revoked = 4
    /// The segment says something impossible.
    case corrupt = -1
}
