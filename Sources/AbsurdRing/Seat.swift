import Absurd
public import CLane

/// The worker's side of one lane: one thread, one task at a time.
///
/// A seat is a pointer into its ``SharedSegment``, which must outlive it.
public struct Seat: @unchecked Sendable {
    @usableFromInline let raw: UnsafeMutablePointer<lane_seat>

    @inlinable
    init(_ raw: UnsafeMutablePointer<lane_seat>) {
        self.raw = raw
    }

    public enum Take {
        case nothing
        case task(SlotView)
        /// Taken, but its bytes are not what was offered: complete it as failed.
        case corrupt(SlotView)
    }

    /// The next task, if there is one now.
    @inlinable
    public func take() -> Take {
        var view = lane_view()
        return taken(lane_take(raw, &view), &view)
    }

    /// The next task; sleeps until there is one, the leader asks to leave, a signal comes, or the time is over.
    ///
    /// `spins`: how often to look again before sleeping. Negative `timeoutNanoseconds`: for ever.
    @inlinable
    public func take(spins: UInt32, timeoutNanoseconds: Int64) -> Take {
        var view = lane_view()
        return taken(lane_take_wait(raw, &view, spins, timeoutNanoseconds), &view)
    }

    @inlinable
    func taken(_ outcome: Int32, _ view: inout lane_view) -> Take {
        guard Int(outcome) != LANE_NOTHING else { return .nothing }
        lane_read_identity(raw, &view)
        return Int(outcome) == LANE_OK ? .task(SlotView(view)) : .corrupt(SlotView(view))
    }

    public enum Completion: Sendable, Hashable {
        case completed
        /// The leader has not freed enough results yet: write the bytes to a file (``Spill``), or wait.
        case noRoom
        /// The bytes never fit: write them to a file (``Spill``) and complete with its path.
        case tooLarge
    }

    /// Hands the running task's result over and rings if the leader sleeps. The request's bytes are void afterwards.
    @inlinable
    public func complete(_ outcome: UInt32, _ bytes: UnsafeRawBufferPointer, spilled: Bool = false) -> Completion {
        guard bytes.count <= Int(LANE_LENGTH_MASK) else { return .tooLarge }
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        switch Int(lane_complete(raw, outcome, start, UInt32(truncatingIfNeeded: bytes.count), spilled ? 1 : 0)) {
        case LANE_OK: return .completed
        case LANE_NO_ROOM: return .noRoom
        default: return .tooLarge
        }
    }

    /// The leader wants this seat to go; finish what runs, take no more.
    @inlinable public var isAskedToLeave: Bool { lane_asked_to_leave(raw) != 0 }

    /// Why the running task shall stop, 1…7; 0 when it may go on.
    @inlinable public var cancelReason: UInt32 { lane_cancelled(raw) }
    @inlinable public var isCancelled: Bool { cancelReason != 0 }

    /// Sleeps until the running task is cancelled (returns the reason) or the time is over (0), or earlier.
    public func waitForCancel(timeoutNanoseconds: Int64) -> UInt32 {
        lane_wait_cancelled(raw, timeoutNanoseconds)
    }

    /// The running task's deadline as it stands now, CLOCK_MONOTONIC; 0 is none.
    public var deadlineNanoseconds: UInt64 { lane_deadline(raw) }

    /// Tells how far the running task is: `fraction` 0…1, and a message, cut off at 208 bytes.
    public func report(fraction: Double, message: String = "") {
        var message = message
        message.withUTF8 { text in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1) { none in
                let start = text.baseAddress ?? UnsafePointer(none.baseAddress!)
                lane_report_progress(raw, fraction, start, UInt32(min(text.count, Int(LANE_MESSAGE_MAX))))
            }
        }
    }

    /// CLOCK_MONOTONIC, the clock of every deadline here.
    public static var nowNanoseconds: UInt64 { lane_now_ns() }
}
