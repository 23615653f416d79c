import Absurd

/// The attempts of one seat in the order in which it takes them. They leave at the front, but for the few that are
/// revoked, so the front is a number and not a move of all that follow.
struct SeatQueue: Sendable, RandomAccessCollection {
    private var fences: [Fence] = []
    private var start = 0

    var startIndex: Int { 0 }
    var endIndex: Int { fences.count - start }
    subscript(place: Int) -> Fence { fences[start + place] }

    mutating func append(_ fence: Fence) { fences.append(fence) }

    mutating func removeAll() {
        fences.removeAll(keepingCapacity: true)
        start = 0
    }

    /// - Returns: whether it was there.
    mutating func remove(_ fence: Fence) -> Bool {
        if start < fences.count, fences[start] == fence {
            start += 1
            if start == fences.count {
                removeAll()
            } else if start >= 1024 {
                fences.removeFirst(start)
                start = 0
            }
            return true
        }
        guard let place = fences[start...].firstIndex(of: fence) else { return false }
        fences.remove(at: place)
        return true
    }
}
