import Absurd
import AbsurdStore
import CLinux
import Glibc
import Synchronization

/// Sees the tasks of a load end, as a client does that waits for them: woken by the database, and by a producer whose
/// acknowledgement came later than the end.
struct LoadWatcher {
    private let ledger: LoadLedger
    private let wake: LoadBell
    private let settleSeconds: Double
    private let stop: StopRequests

    init(_ ledger: LoadLedger, _ wake: LoadBell, settleSeconds: Double, stop: StopRequests) {
        self.ledger = ledger
        self.wake = wake
        self.settleSeconds = settleSeconds
        self.stop = stop
    }

    /// Returns when all is sent and at an end, when nothing has ended for the settling time, or at a second Ctrl-C.
    func watch(_ first: PostgresSession, _ settings: ConnectionSettings, isAllSent: () -> Bool) throws {
        var session = first
        var registeredAt = -Double.infinity
        var progressAt = monotonicSeconds()
        while true {
            do {
                if monotonicSeconds() - registeredAt > Limits.waiterSeconds / 2 {
                    try session.query(.measure("await_finish"), [.float8(Limits.waiterSeconds)])
                    registeredAt = monotonicSeconds()
                }
                if try look(session) > 0 { progressAt = monotonicSeconds() }
                let isSent = isAllSent()
                if isSent, ledger.openCount == 0 { return }
                if !isSent { progressAt = monotonicSeconds() }
                if monotonicSeconds() - progressAt > settleSeconds || stop.count > 1 { return }
                // A finer look than one part in a hundred of the latency shows nothing more.
                if let oldest = ledger.oldestDueSeconds {
                    let age = monotonicSeconds() - oldest
                    if age > 0.1 { SideThreads.sleep(untilSeconds: monotonicSeconds() + min(age / 100, 0.25)) }
                }
                wake.clear()
                _ = try session.notifications(waitingSeconds: 0.5, wakeDescriptor: wake.descriptor)
            } catch let error as PostgresError where error.isConnectionLoss {
                if monotonicSeconds() - progressAt > settleSeconds { throw error }
                SideThreads.sleep(untilSeconds: monotonicSeconds() + 0.1)
                guard let next = try? PostgresSession(settings), (try? next.query("LISTEN absurd_finished")) != nil
                else { continue }
                session = next
                registeredAt = -.infinity
            }
        }
    }

    private func look(_ session: PostgresSession) throws -> Int {
        let window = ledger.window(max: Self.idsPerLook)
        guard !window.isEmpty else { return 0 }
        let ended = try session.query(.measure("load_ended"), [.uuids(Array(window.values))])
        let ids = Set(try ended.map { try $0.get(0, as: TaskID.self) })
        ledger.finish(Set(window.filter { ids.contains($0.value) }.keys), at: monotonicSeconds())
        return ids.count
    }

    private static let idsPerLook = 1000
}

/// An eventfd.
final class LoadBell: Sendable {
    let descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))

    deinit { close(descriptor) }

    func ring() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    func clear() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }
}

/// How often somebody has asked to stop: the first time ends the sending, the second the waiting.
public final class StopRequests: Sendable {
    private let total = Mutex(0)
    private let descriptor: Int32

    public init() { descriptor = -1 }

    /// SIGINT and SIGTERM ask from now on.
    public init(catchingSignals: Void) {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        linux_catch_stop_signals(descriptor)
    }

    public func ask() { total.withLock { $0 += 1 } }

    public var count: Int {
        total.withLock { total in
            var more: UInt64 = 0
            if descriptor >= 0, read(descriptor, &more, 8) == 8 { total += Int(more) }
            return total
        }
    }
}

final class CountDown: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) { left = Mutex(count) }

    func one() { left.withLock { $0 -= 1 } }
    var isZero: Bool { left.withLock { $0 <= 0 } }
}
