import Absurd
import CLinux
import Glibc
import Synchronization

/// Requests from other threads to the leader's.
///
/// Who writes what: any thread appends under the lock and then writes to the eventfd; the leader's thread takes all.
/// After `close` nothing is taken any more, and every request is answered at once.
final class Mailbox: Sendable {
    struct Letter: Sendable {
        var request: AdminRequest
        var reply: @Sendable (JSONValue) -> Void
    }

    private struct State {
        var letters: [Letter] = []
        var isClosed = false
    }

    let doorbell: Int32
    private let state = Mutex(State())

    init() { doorbell = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC)) }

    deinit { Glibc.close(doorbell) }

    func send(_ request: AdminRequest, _ reply: @escaping @Sendable (JSONValue) -> Void) {
        let isOpen = state.withLock { state in
            if !state.isClosed { state.letters.append(Letter(request: request, reply: reply)) }
            return !state.isClosed
        }
        guard isOpen else { return reply(Self.over) }
        var one: UInt64 = 1
        _ = write(doorbell, &one, 8)
    }

    func take() -> [Letter] {
        var count: UInt64 = 0
        _ = read(doorbell, &count, 8)
        return state.withLock { state in
            defer { state.letters = [] }
            return state.letters
        }
    }

    func close() {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.letters = [] }
            return state.letters
        }
        for letter in left { letter.reply(Self.over) }
    }

    private static let over: JSONValue = ["error": "the leader has ended"]
}
