import Absurd
import Synchronization

/// Every task of a load from its acknowledgement on, and what it took.
///
/// Who writes what: producers add and refuse, the watcher finishes; all under one lock. A finish can ring before its
/// task's acknowledgement has reached the ledger: a look that happens while something is being sent asks to be repeated.
final class LoadLedger: Sendable {
    struct Entry: Sendable {
        var id: TaskID
        /// On the monotonic clock.
        var dueSeconds: Double
    }

    struct Totals: Sendable {
        var latencies = Latencies()
        /// From the intended start to the acknowledgement.
        var spawns = Latencies()
        /// How late the generator itself sent: its own failing, not the system's.
        var lateness = Latencies()
        /// Tasks not at an end, as each arrival found them; one a microsecond in the histogram.
        var depths = Latencies()
        var refused = 0
        var lastRefusal: String?
        var lastFinishSeconds = 0.0
    }

    private struct State {
        var entries: [Entry] = []
        /// Positions in `entries` of what is not at an end, oldest first.
        var open: [Int] = []
        var rotation = 0
        var sending = 0
        var isLookWanted = false
        var totals = Totals()
    }

    private let state = Mutex(State())

    // MARK: Producers

    func beginSend(dueSeconds: [Double], at now: Double) {
        state.withLock { state in
            state.sending += 1
            for due in dueSeconds {
                state.totals.lateness.record(seconds: now - due)
                state.totals.depths.record(seconds: Double(state.open.count) / 1e6)
            }
        }
    }

    /// - Returns: true when the watcher should look again.
    func acknowledge(_ ids: [TaskID], dueSeconds: [Double], at now: Double) -> Bool {
        state.withLock { state in
            for (id, due) in zip(ids, dueSeconds) {
                state.open.append(state.entries.count)
                state.entries.append(Entry(id: id, dueSeconds: due))
                state.totals.spawns.record(seconds: now - due)
            }
            state.sending -= 1
            return state.isLookWanted
        }
    }

    /// Not acknowledged: whether they were spawned is unknown, and nothing is promised about them.
    func refuse(_ count: Int, _ reason: String) {
        state.withLock { state in
            state.sending -= 1
            state.totals.refused += count
            state.totals.lastRefusal = reason
        }
    }

    // MARK: The watcher

    /// What to look at next: the oldest, and when there are more, a window that wanders over the rest besides.
    func window(max count: Int) -> [Int: TaskID] {
        state.withLock { state in
            state.isLookWanted = state.sending > 0
            var positions = state.open.prefix(count)
            if state.open.count > count {
                positions = state.open.prefix(count / 2)
                let rest = state.open.count - count / 2
                let start = count / 2 + state.rotation % rest
                positions += state.open[start..<min(start + count / 2, state.open.count)]
                state.rotation += count / 2
            }
            return Dictionary(positions.map { ($0, state.entries[$0].id) }, uniquingKeysWith: { first, _ in first })
        }
    }

    func finish(_ positions: Set<Int>, at now: Double) {
        guard !positions.isEmpty else { return }
        state.withLock { state in
            state.open.removeAll { positions.contains($0) }
            for position in positions {
                state.totals.latencies.record(seconds: now - state.entries[position].dueSeconds)
            }
            state.totals.lastFinishSeconds = now
        }
    }

    var openCount: Int { state.withLock { $0.open.count } }

    /// When the oldest open task was due.
    var oldestDueSeconds: Double? { state.withLock { state in state.open.first.map { state.entries[$0].dueSeconds } } }

    // MARK: At the end

    var ids: [TaskID] { state.withLock { $0.entries.map(\.id) } }
    var totals: Totals { state.withLock { $0.totals } }
}
