public import Absurd
public import CLane

/// The leader's side of one seat's lane. Use it from the leader's thread only.
///
/// A lane is a pointer into its ``SharedSegment``, which must outlive it: copying one costs nothing and counts nothing.
/// Positions are numbers that grow by one per offer and are never used twice.
public struct Lane: @unchecked Sendable {
    @usableFromInline let raw: UnsafeMutablePointer<lane_leader>

    @inlinable
    init(_ raw: UnsafeMutablePointer<lane_leader>) {
        self.raw = raw
    }

    public enum Offer: Sendable, Hashable {
        case offered(position: UInt64)
        /// No slot is free until results are freed.
        case full
        /// The arena has no room for these bytes until results are freed.
        case noRoom
        /// The bytes never fit: write them to a file (``Spill``) and offer its path.
        case tooLarge
    }

    /// Puts a task into the next slot; the seat may take it at once, but is not woken: call ``wake()`` once per batch.
    ///
    /// `deadlineNanoseconds` is of CLOCK_MONOTONIC, 0 for none. `tag` comes back with the result.
    @inlinable
    public func offer(
        _ fence: Fence, _ bytes: UnsafeRawBufferPointer, deadlineNanoseconds: UInt64 = 0, tag: UInt64 = 0,
        spilled: Bool = false
    ) -> Offer {
        guard bytes.count <= Int(LANE_LENGTH_MASK) else { return .tooLarge }
        var identity = lane_ledger(
            task_high: fence.task.high, task_low: fence.task.low, token_high: fence.token.high,
            token_low: fence.token.low, deadline_ns: deadlineNanoseconds, tag: tag, arena_end: 0,
            attempt: UInt32(bitPattern: fence.attempt), state: 0, in_arena: 0)
        var position: UInt64 = 0
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let count = UInt32(truncatingIfNeeded: bytes.count)
        switch Int(lane_offer(raw, &identity, start, count, spilled ? 1 : 0, &position)) {
        case LANE_OK: return .offered(position: position)
        case LANE_FULL: return .full
        case LANE_NO_ROOM: return .noRoom
        default: return .tooLarge
        }
    }

    /// Wakes the seat if it sleeps; one call covers every offer before it.
    @inlinable
    @discardableResult
    public func wake() -> Bool {
        lane_wake(raw) != 0
    }

    public enum Poll {
        case nothing
        /// Deliver it, then `free` its position.
        case result(SlotView)
        /// The worker wrote something impossible: stop it, then `reclaim` and `repair`.
        case corrupt(position: UInt64)
    }

    /// The next finished result, in the order of the offers.
    @inlinable
    public func poll() -> Poll {
        var view = lane_view()
        switch Int(lane_poll(raw, &view)) {
        case LANE_OK: return .result(SlotView(view))
        case LANE_NOTHING: return .nothing
        default: return .corrupt(position: view.position)
        }
    }

    /// Takes back an offer that the seat has not begun. When true, the task is the leader's again: give it another seat,
    /// then `free` the position.
    @inlinable
    public func revoke(_ position: UInt64) -> Bool {
        lane_revoke(raw, position) != 0
    }

    /// Gives the slot back: after the result is in Postgres, or after a revoked or abandoned task has another home.
    @inlinable
    @discardableResult
    public func free(_ position: UInt64) -> Bool {
        lane_free(raw, position) != 0
    }

    @inlinable
    public func state(_ position: UInt64) -> SlotState {
        SlotState(rawValue: lane_state(raw, position)) ?? .corrupt
    }

    /// The positions that are not free: from the oldest to the last offered. Some in between may be free already.
    @inlinable public var outstanding: Range<UInt64> { raw.pointee.oldest..<raw.pointee.next }

    /// Slots that can be offered now.
    @inlinable public var freeSlots: Int {
        Int(raw.pointee.mask) + 1 - Int(raw.pointee.next - raw.pointee.oldest)
    }

    /// What the leader offered at a position that is outstanding; `bytes` are empty.
    @inlinable
    public func view(_ position: UInt64) -> SlotView {
        var view = lane_view()
        lane_fill_view(raw, position, &view)
        return SlotView(view)
    }
}

// MARK: Steering a running task

extension Lane {
    /// Raises the flag that the task shall stop, `reason` 1…7, and wakes a seat that waits for it.
    public func cancel(_ position: UInt64, reason: UInt32) {
        lane_cancel(raw, position, reason)
    }

    public func setDeadline(_ position: UInt64, nanoseconds: UInt64) {
        lane_set_deadline(raw, position, nanoseconds)
    }

    public struct Progress: Sendable, Hashable {
        /// 0…1
        public var fraction: Double
        public var message: String

        public init(fraction: Double, message: String) {
            self.fraction = fraction
            self.message = message
        }
    }

    /// The last progress that was reported for this position.
    public func progress(_ position: UInt64) -> Progress? {
        var fraction = 0.0
        let message = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(LANE_MESSAGE_MAX)) {
            text -> String? in
            let count = lane_progress(raw, position, &fraction, text.baseAddress)
            return count < 0 ? nil : String(decoding: UnsafeBufferPointer(rebasing: text[..<Int(count)]), as: UTF8.self)
        }
        return message.map { Progress(fraction: fraction, message: $0) }
    }

    /// Asks the seat to leave after what it runs now, and wakes it.
    public func askToLeave(_ leave: Bool = true) {
        lane_ask_to_leave(raw, leave ? 1 : 0)
    }
}

// MARK: After a death

extension Lane {
    public enum Fate: Sendable, Hashable {
        /// Not begun: run this attempt elsewhere.
        case notBegun
        /// Begun, and lost with its worker.
        case lost
    }

    /// After the worker is surely dead: hands each unfinished task to `body` and then frees its slot. Finished results
    /// stay for `poll`, one that came between the last `poll` and the death included.
    public func reclaim(_ body: (SlotView, Fate) -> Void) {
        for position in outstanding where isOut(position) && lane_has_result(raw, position) == 0 {
            let state = self.state(position)
            lane_abandon(raw, position)
            body(view(position), state == .offered ? .notBegun : .lost)
            free(position)
        }
    }

    /// Offered, and no result was seen.
    private func isOut(_ position: UInt64) -> Bool {
        Int(raw.pointee.ledger[Int(position & UInt64(raw.pointee.mask))].state) == LANE_OFFERED
    }

    /// Makes every slot free again, in generations never used before: for a lane that is corrupt, its worker dead, and
    /// its tasks reclaimed.
    public func repair() {
        lane_repair(raw)
    }

    /// Rebuilds the cursors from the slots. False: no legal history leads to what they say; reclaim is not possible,
    /// stop the worker and repair.
    func adopt() -> Bool {
        Int(lane_adopt(raw)) == LANE_OK
    }
}
