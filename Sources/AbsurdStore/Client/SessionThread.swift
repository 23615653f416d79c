import Absurd
import Synchronization

/// One session and the thread that owns it.
///
/// Anybody adds jobs under the mutex and wakes the thread; it alone touches the session and runs them in order. It ends
/// when closed, when the connection is lost, or when `mayRetire` agrees after an idle time. A job that comes too late
/// gets the reason. The eventfd is closed under the mutex, by the thread, as its last act.
final class SessionThread: Sendable {
    typealias Job = @Sendable (Result<PostgresSession, PostgresError>) -> Void

    private struct State {
        var jobs: [Job] = []
        var isClosed = false
        var ended: PostgresError?
        var canceller: Canceller?
        /// The job under way, so that a late cancel does not hit its successor.
        var running: UInt64 = 0
        var counter: UInt64 = 0
    }

    private let state = Mutex(State())
    private let wake = WakeDescriptor()

    /// `onEnd` is called once, on the thread, when no job will be taken any more.
    init(
        _ settings: ConnectionSettings, idleSeconds: Double?, mayRetire: @escaping @Sendable () -> Bool = { false },
        onEnd: @escaping @Sendable () -> Void = {}
    ) {
        startThread("absurd-pg") { [self] in
            let reason = serve(settings, idleSeconds: idleSeconds, mayRetire: mayRetire)
            let left = state.withLock { state in
                state.ended = reason
                state.canceller = nil
                wake.closeDescriptor()
                return state.jobs.take()
            }
            onEnd()
            for job in left { job(.failure(reason)) }
        }
    }

    func close() {
        state.withLock { state in
            state.isClosed = true
            if state.ended == nil { wake.wake() }
        }
    }

    /// Runs a blocking body on the thread. Cancelling the task cancels the statement that it is in.
    func run<Value: Sendable>(_ body: @escaping @Sendable (PostgresSession) throws -> Value) async throws -> Value {
        let ticket = state.withLock { state in
            state.counter += 1
            return state.counter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                submit { outcome in
                    continuation.resume(
                        with: Result {
                            try Task<Never, Never>.checkCancellation()
                            let session = try outcome.get()
                            self.state.withLock { $0.running = ticket }
                            defer { self.state.withLock { $0.running = 0 } }
                            return try body(session)
                        })
                }
            }
        } onCancel: {
            // Held during the request, so that the job cannot end meanwhile and leave the cancel to the next one.
            state.withLock { state in
                if state.running == ticket { state.canceller?.cancel() }
            }
        }
    }

    private func submit(_ job: @escaping Job) {
        let reason: PostgresError? = state.withLock { state in
            if state.ended == nil, !state.isClosed {
                state.jobs.append(job)
                wake.wake()
                return nil
            }
            return state.ended ?? .lost("the client is closed")
        }
        if let reason { job(.failure(reason)) }
    }

    // MARK: On the thread

    private func serve(
        _ settings: ConnectionSettings, idleSeconds: Double?, mayRetire: () -> Bool
    ) -> PostgresError {
        do throws(PostgresError) {
            let session = try PostgresSession(settings)
            state.withLock { $0.canceller = session.makeCanceller() }
            while true {
                wake.clear()
                let (jobs, isClosed) = state.withLock { ($0.jobs.take(), $0.isClosed) }
                for job in jobs { job(session.isLost ? .failure(.lost("the connection is gone")) : .success(session)) }
                if session.isLost { return .lost("the connection is gone") }
                if !jobs.isEmpty { continue }
                if isClosed { return .lost("the client is closed") }
                let began = monotonicSeconds()
                _ = try session.notifications(waitingSeconds: idleSeconds, wakeDescriptor: wake.descriptor)
                if let idleSeconds, monotonicSeconds() - began >= idleSeconds, mayRetire() {
                    return .lost("the connection was idle")
                }
            }
        } catch {
            return error
        }
    }
}
