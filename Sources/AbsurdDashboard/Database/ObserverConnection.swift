import Absurd
import AbsurdStore
import Synchronization

/// The leader's third connection, and the thread that owns it: statements for the dashboard, and the bells that tell it
/// to look. It is open only while somebody asks or listens.
///
/// Who writes what: anybody adds jobs and says whether to listen, under the mutex, and wakes the thread; it alone touches
/// the session. A lost session fails the jobs that are there; the next job, or the wish to listen, connects again, at
/// most once a second. The thread closes the eventfd under the mutex, as its last act.
final class ObserverConnection: Sendable {
    typealias Job = @Sendable (Result<PostgresSession, PostgresError>) -> Void

    private struct State {
        var jobs: [Job] = []
        var isClosed = false
        var hasEnded = false
        var listens = false
    }

    private let state = Mutex(State())
    private let wake = WakeDescriptor()

    /// - Parameter onNews: called on the thread when tasks became ready or ended, or when it listens again after a gap.
    init(_ settings: ConnectionSettings, onNews: @escaping @Sendable () -> Void) {
        var settings = settings
        settings.statementTimeoutMilliseconds = Limits.observerStatementMilliseconds
        settings.applicationName = "absurd dashboard"
        let watched = settings
        startThread("absurd-observe") { [self] in
            serve(watched, onNews)
            let left = state.withLock { state in
                state.hasEnded = true
                wake.closeDescriptor()
                defer { state.jobs = [] }
                return state.jobs
            }
            for job in left { job(.failure(Self.over)) }
        }
    }

    private static let over = PostgresError(sqlState: "08003", message: "the dashboard has ended")

    func close() { change { $0.isClosed = true } }

    func listen(_ wanted: Bool) { change { $0.listens = wanted } }

    private func change(_ body: (inout State) -> Void) {
        state.withLock { state in
            body(&state)
            if !state.hasEnded { wake.wake() }
        }
    }

    /// Runs a blocking body on the thread.
    func run<Value: Sendable>(_ body: @escaping @Sendable (PostgresSession) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let job: Job = { outcome in
                continuation.resume(with: Result { try body(try outcome.get()) })
            }
            let isTaken = state.withLock { state in
                guard !state.hasEnded, !state.isClosed, state.jobs.count < Limits.observerJobsMax else { return false }
                state.jobs.append(job)
                wake.wake()
                return true
            }
            if !isTaken { continuation.resume(throwing: Self.over) }
        }
    }

    // MARK: On the thread

    private func serve(_ settings: ConnectionSettings, _ onNews: () -> Void) {
        var session: PostgresSession?
        var failure = Self.over
        var retryAt = 0.0
        var isListening = false
        var renewAt = 0.0
        while true {
            wake.clear()
            let (jobs, isClosed, listens) = state.withLock { state in
                defer { state.jobs = [] }
                return (state.jobs, state.isClosed, state.listens)
            }
            if session == nil, !jobs.isEmpty || listens, !isClosed, monotonicSeconds() >= retryAt {
                do throws(PostgresError) { session = try PostgresSession(settings) } catch {
                    failure = error
                    retryAt = monotonicSeconds() + 1
                }
                isListening = false
            }
            for job in jobs { job(session.map { .success($0) } ?? .failure(failure)) }
            if isClosed { return }
            do throws(PostgresError) {
                guard let session else {
                    _ = wake.wait(seconds: listens ? max(0, retryAt - monotonicSeconds()) : nil)
                    continue
                }
                if session.isLost { throw PostgresError(sqlState: "08006", message: "the connection is gone") }
                if listens != isListening, settings.hasSession {
                    for channel in ["absurd_doorbell", "absurd_finished"] {
                        try session.query(PostgresStatement("\(listens ? "LISTEN" : "UNLISTEN") \(channel)"))
                    }
                    isListening = listens
                    renewAt = 0
                    if listens { onNews() }
                }
                if isListening, monotonicSeconds() >= renewAt {
                    try session.query(.observe("await_finish"), [.float8(Limits.waiterSeconds * 2)])
                    renewAt = monotonicSeconds() + Limits.waiterSeconds
                }
                let waits = isListening ? renewAt - monotonicSeconds() : Limits.observerIdleSeconds
                let began = monotonicSeconds()
                let news = try session.notifications(waitingSeconds: max(0, waits), wakeDescriptor: wake.descriptor)
                if !news.isEmpty { onNews() }
                if !isListening, monotonicSeconds() - began >= Limits.observerIdleSeconds { throw Self.over }
            } catch {
                session = nil
                isListening = false
                failure = error
                retryAt = error == Self.over ? 0 : monotonicSeconds() + 1
            }
        }
    }
}

extension PostgresStatement {
    private static let embedded = Dictionary(uniqueKeysWithValues: EmbeddedSQL.statements)

    /// The statement in `Statements/NAME.sql`; sent without a name, so that it is planned with its values.
    static func observe(_ name: String) -> PostgresStatement {
        guard let sql = embedded[name] else { preconditionFailure("no Statements/\(name).sql in this build") }
        return PostgresStatement(sql)
    }
}
