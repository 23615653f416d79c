import Absurd
import AbsurdStore
import Synchronization

/// Tells everybody who waits that some task may have ended.
///
/// One LISTEN connection a client, opened by the first waiter. The database rings only while somebody is registered, so
/// that queues without waiters pay nothing; the registration lasts a while and is renewed by the slow poll, which also
/// covers a poolers' lack of LISTEN and the instant between a registration and a finish that did not see it yet.
/// Waiters come and go under the mutex; the listening task alone rings them.
final class FinishWatch: Sendable {
    private struct State {
        var bells: [Int: AsyncStream<Void>.Continuation] = [:]
        var number = 0
        var listener: Task<Void, Never>?
    }

    private let postgres: PostgresClient
    private let state = Mutex(State())

    init(_ postgres: PostgresClient) { self.postgres = postgres }

    /// An element each time that something may have ended. Drop the stream to leave.
    func bells() -> AsyncStream<Void> {
        // A waiter that is busy needs to know that there was a ring, not how many.
        let (stream, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.number += 1
            state.bells[state.number] = bell
            if state.listener == nil { state.listener = listen() }
            return state.number
        }
        bell.onTermination = { [weak self] _ in self?.leave(number) }
        return stream
    }

    private func leave(_ number: Int) {
        state.withLock { state in
            state.bells[number] = nil
            if state.bells.isEmpty {
                state.listener?.cancel()
                state.listener = nil
            }
        }
    }

    func stop() {
        let bells = state.withLock { state in
            state.listener?.cancel()
            state.listener = nil
            defer { state.bells = [:] }
            return Array(state.bells.values)
        }
        for bell in bells { bell.finish() }
    }

    private func listen() -> Task<Void, Never> {
        let events = postgres.listen(["absurd_finished"])
        return Task { [weak self] in
            for await event in events {
                if case .away = event { continue }
                guard let self else { return }
                let bells = state.withLock { Array($0.bells.values) }
                for bell in bells { bell.yield() }
            }
        }
    }
}
