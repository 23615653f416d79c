import Absurd
import Synchronization

/// What a listener tells.
public enum ListenEvent: Sendable, Hashable {
    /// Listening, from now on without a gap: look at the tables once, for what came before or while it was away.
    case listening
    case notification(PostgresNotification)
    /// Not listening for now; it connects again by itself.
    case away(PostgresError)
}

extension PostgresClient {
    /// Listens on a connection of its own, which is made again whenever it is lost, until the stream is dropped.
    ///
    /// Behind a pooler in transaction mode there is no LISTEN: the stream then ends at once, so poll.
    public func listen(_ channels: [String]) -> AsyncStream<ListenEvent> {
        let (stream, continuation) = AsyncStream.makeStream(of: ListenEvent.self)
        guard settings.hasSession else {
            continuation.finish()
            return stream
        }
        let listener = Listener(settings, channels, continuation)
        continuation.onTermination = { _ in listener.stop() }
        return stream
    }
}

/// The thread behind one stream. The stopper sets the flag under the mutex and wakes; the thread does all the rest, and
/// closes the eventfd under the mutex as its last act.
private final class Listener: Sendable {
    private struct State {
        var isStopped = false
        var hasEnded = false
    }

    private let state = Mutex(State())
    private let wake = WakeDescriptor()

    init(_ settings: ConnectionSettings, _ channels: [String], _ sink: AsyncStream<ListenEvent>.Continuation) {
        startThread("absurd-listen") { [self] in
            serve(settings, channels, sink)
            sink.finish()
            state.withLock { state in
                state.hasEnded = true
                wake.closeDescriptor()
            }
        }
    }

    func stop() {
        state.withLock { state in
            state.isStopped = true
            if !state.hasEnded { wake.wake() }
        }
    }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    private func serve(
        _ settings: ConnectionSettings, _ channels: [String], _ sink: AsyncStream<ListenEvent>.Continuation
    ) {
        var policy = ReconnectPolicy(nowSeconds: monotonicSeconds())
        while !isStopped {
            guard policy.begin(nowSeconds: monotonicSeconds()) else {
                _ = wake.wait(seconds: policy.delaySeconds(nowSeconds: monotonicSeconds()))
                continue
            }
            do throws(PostgresError) {
                let session = try PostgresSession(settings)
                for channel in channels {
                    try session.query(PostgresStatement("LISTEN \"\(channel.replacing("\"", with: "\"\""))\""))
                }
                policy.succeeded()
                sink.yield(.listening)
                while !isStopped {
                    let news = try session.notifications(waitingSeconds: nil, wakeDescriptor: wake.descriptor)
                    for notification in news { sink.yield(.notification(notification)) }
                }
            } catch {
                sink.yield(.away(error))
                policy.failed(nowSeconds: monotonicSeconds(), chance: .random(in: 0..<1))
            }
        }
    }
}
