import Absurd
import Synchronization

/// How many connections a client keeps and may open.
public struct PoolSize: Sendable, Hashable {
    public var connectionsMin: Int
    public var connectionsMax: Int

    public init(connectionsMin: Int, connectionsMax: Int) {
        self.connectionsMin = connectionsMin
        self.connectionsMax = connectionsMax
    }

    /// A script or one instrument: 2 kept, up to 10.
    public static let small = PoolSize(connectionsMin: 2, connectionsMax: 10)
    /// A service with tens of callers at once: 5 kept, up to 20.
    public static let medium = PoolSize(connectionsMin: 5, connectionsMax: 20)
    /// A busy gateway: 10 kept, up to 50. Check max_connections first.
    public static let large = PoolSize(connectionsMin: 10, connectionsMax: 50)
}

/// A pool of connections for async code.
///
/// A statement runs on a connection of the pool, each of which has its own thread. Connections open when needed, and
/// those above the minimum close after a minute without use. A lost connection fails what ran on it with an error whose
/// `isConnectionLoss` is true; the next call opens a new one. Cancelling a task cancels its statement on the server.
public final class PostgresClient: Sendable {
    private struct Shell {
        var pool: PoolState
        var threads: [Int: SessionThread] = [:]
        var waiting: [Int: CheckedContinuation<(Int, SessionThread), any Error>] = [:]
        var isClosed = false
    }

    public let settings: ConnectionSettings
    private let shell: Mutex<Shell>
    private let idleSeconds: Double

    public init(_ settings: ConnectionSettings, pool: PoolSize = .small, idleSeconds: Double = 60) {
        self.settings = settings
        self.idleSeconds = idleSeconds
        shell = Mutex(Shell(pool: PoolState(sizeMin: pool.connectionsMin, sizeMax: pool.connectionsMax)))
    }

    deinit { close() }

    /// Closes idle connections now and the others when their work is done; later calls fail.
    public func close() {
        let waiting: [CheckedContinuation<(Int, SessionThread), any Error>] = shell.withLock { shell in
            shell.isClosed = true
            for thread in shell.threads.values { thread.close() }
            guard case .refuse(let waiters) = shell.pool.close() else { return [] }
            return waiters.compactMap { shell.waiting.removeValue(forKey: $0) }
        }
        for continuation in waiting { continuation.resume(throwing: PostgresError.lost("the client is closed")) }
    }

    /// Open connections, for metrics.
    public var connectionCount: Int { shell.withLock { $0.pool.connections.count } }

    // MARK: Work

    @discardableResult
    public func query(
        _ statement: PostgresStatement, _ parameters: [PostgresParameter] = []
    ) async throws -> PostgresRows {
        try await withSession { try $0.query(statement, parameters) }
    }

    /// Runs a blocking body on one connection's own thread.
    public func withSession<Value: Sendable>(
        _ body: @escaping @Sendable (PostgresSession) throws -> Value
    ) async throws -> Value {
        let (connection, thread) = try await lease()
        defer { release(connection) }
        return try await thread.run(body)
    }

    /// The same in one transaction, which commits when the body returns and rolls back when it throws.
    @discardableResult
    public func transaction<Value: Sendable>(
        _ body: @escaping @Sendable (PostgresSession) throws -> Value
    ) async throws -> Value {
        try await withSession { try $0.transaction(body) }
    }

    // MARK: Leasing

    private func lease() async throws -> (Int, SessionThread) {
        // A cancelled waiter finds its number here once it has one.
        let waiter = Mutex<Int?>(nil)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let resumption: Result<(Int, SessionThread), any Error>? = shell.withLock { shell in
                    if shell.isClosed { return .failure(PostgresError.lost("the client is closed")) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    switch shell.pool.lease() {
                    case .use(let connection):
                        guard let thread = shell.threads[connection] else { preconditionFailure("idle without thread") }
                        return .success((connection, thread))
                    case .open(let connection): return .success((connection, open(connection, &shell)))
                    case .wait(let number):
                        shell.waiting[number] = continuation
                        waiter.withLock { $0 = number }
                        return nil
                    default: preconditionFailure("not an answer to a lease")
                    }
                }
                if let resumption { continuation.resume(with: resumption) }
            }
        } onCancel: {
            let continuation = shell.withLock { shell -> CheckedContinuation<(Int, SessionThread), any Error>? in
                guard let number = waiter.withLock({ $0 }), shell.pool.giveUp(number) else { return nil }
                return shell.waiting.removeValue(forKey: number)
            }
            continuation?.resume(throwing: CancellationError())
        }
    }

    private func release(_ connection: Int) {
        let next = shell.withLock { shell in resumption(of: shell.pool.release(connection), &shell) }
        next?()
    }

    private func ended(_ connection: Int) {
        let next = shell.withLock { shell in
            shell.threads[connection] = nil
            return resumption(of: shell.pool.ended(connection), &shell)
        }
        next?()
    }

    /// What to do once the lock is released.
    private func resumption(of action: PoolState.Action, _ shell: inout Shell) -> (() -> Void)? {
        let (connection, waiter): (Int, Int)
        switch action {
        case .hand(let handed, let to): (connection, waiter) = (handed, to)
        case .openFor(let opened, let to):
            (connection, waiter) = (opened, to)
            _ = open(opened, &shell)
        default: return nil
        }
        guard let continuation = shell.waiting.removeValue(forKey: waiter), let thread = shell.threads[connection]
        else { preconditionFailure("a waiter without a continuation") }
        return { continuation.resume(returning: (connection, thread)) }
    }

    private func open(_ connection: Int, _ shell: inout Shell) -> SessionThread {
        let thread = SessionThread(
            settings, idleSeconds: idleSeconds,
            mayRetire: { [weak self] in self?.shell.withLock { $0.pool.retire(connection) } ?? true },
            onEnd: { [weak self] in self?.ended(connection) })
        shell.threads[connection] = thread
        return thread
    }
}

extension PostgresSession {
    /// Runs the body between BEGIN and COMMIT, or ROLLBACK when it throws.
    @discardableResult
    public func transaction<Value>(_ body: (PostgresSession) throws -> Value) throws -> Value {
        try query("BEGIN")
        do {
            let value = try body(self)
            try query("COMMIT")
            return value
        } catch {
            if !isLost { _ = try? query("ROLLBACK") }
            throw error
        }
    }
}
