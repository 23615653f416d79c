import Absurd
import CPostgres
import Glibc

/// The blocking form of a connection: for command lines, tests, and the threads behind `PostgresClient`.
///
/// Owned by one thread. Every wait ends: by a result, by `deadline`, or because the kernel gave the connection up.
public final class PostgresSession {
    let connection: PostgresConnection
    let settings: ConnectionSettings
    private var events: [PostgresConnection.Event] = []
    private var notifications: [PostgresNotification] = []
    private var nextTag: UInt64 = 0
    package private(set) var isLost = false

    public init(_ settings: ConnectionSettings) throws(PostgresError) {
        self.settings = settings
        connection = try PostgresConnection.blocking(settings)
    }

    public var serverProcessID: Int32 { connection.serverProcessID }

    /// Runs one statement, which commits by itself unless a transaction is open.
    @discardableResult
    public func query(
        _ statement: PostgresStatement, _ parameters: [PostgresParameter] = []
    ) throws(PostgresError) -> PostgresRows {
        let results = try run([(statement, parameters)])
        guard let rows = results.last else { throw .lost("no result") }
        return rows
    }

    /// Runs several statements as one transaction in one round trip.
    @discardableResult
    public func run(
        _ statements: [(PostgresStatement, [PostgresParameter])]
    ) throws(PostgresError) -> [PostgresRows] {
        nextTag += 1
        try connection.send(statements, tag: nextTag)
        while true {
            if let outcome = try take(tag: nextTag) { return outcome }
            _ = try wait(untilSeconds: nil)
            connection.advance(into: &events)
        }
    }

    private func take(tag: UInt64) throws(PostgresError) -> [PostgresRows]? {
        var outcome: Result<[PostgresRows], PostgresError>?
        for event in events.take() {
            switch event {
            case .completed(tag, let rows): outcome = .success(rows)
            case .failed(tag, let error): outcome = .failure(error)
            case .notified(let notification): notifications.append(notification)
            case .lost(let error):
                isLost = true
                if outcome == nil { outcome = .failure(error) }
            default: break
            }
        }
        return try outcome?.get()
    }

    /// Runs a script of several statements without parameters; they form one transaction unless it says otherwise.
    public func script(_ sql: String) throws(PostgresError) {
        try connection.leavePipeline()
        let handle = connection.handle
        guard PQsetnonblocking(handle, 0) == 0 else { throw .lost(connection.errorMessage) }
        let result = PQexec(handle, sql)
        try finish(result)
    }

    private func finish(_ result: OpaquePointer?) throws(PostgresError) {
        let handle = connection.handle
        defer {
            PQclear(result)
            if PQstatus(handle) == CONNECTION_BAD {
                isLost = true
                connection.markLost()
            } else {
                PQsetnonblocking(handle, 1)
            }
        }
        guard let result else { throw .lost(connection.errorMessage) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: return
        default: throw PostgresError(result: result)
        }
    }

    // MARK: COPY

    /// `COPY … FROM STDIN`: `next` gives pieces of the stream until nil, cut anywhere. Returns the rows copied.
    @discardableResult
    public func copyIn(_ sql: String, _ next: () throws -> [UInt8]?) throws -> Int {
        try connection.leavePipeline()
        let handle = connection.handle
        guard PQsetnonblocking(handle, 0) == 0 else { throw PostgresError.lost(connection.errorMessage) }
        let start = PQexec(handle, sql)
        guard PQresultStatus(start) == PGRES_COPY_IN else {
            try finish(start)
            throw PostgresError.misuse("not a COPY … FROM STDIN")
        }
        PQclear(start)
        var failure: (any Error)?
        do {
            while let piece = try next() {
                let sent = piece.withUnsafeBytes {
                    PQputCopyData(handle, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count))
                }
                if sent != 1 { break }
            }
        } catch { failure = error }
        _ = PQputCopyEnd(handle, failure == nil ? nil : "the sender gave up")
        let end = PQgetResult(handle)
        let count = Int(String(cString: PQcmdTuples(end))) ?? 0
        while let extra = PQgetResult(handle) { PQclear(extra) }
        do {
            try finish(end)
        } catch { throw failure ?? error }
        return count
    }

    /// `COPY … TO STDOUT`: `consume` gets one row a call (text, CSV) or one message (binary).
    public func copyOut(_ sql: String, _ consume: (UnsafeRawBufferPointer) throws -> Void) throws {
        try connection.leavePipeline()
        let handle = connection.handle
        guard PQsetnonblocking(handle, 0) == 0 else { throw PostgresError.lost(connection.errorMessage) }
        let start = PQexec(handle, sql)
        guard PQresultStatus(start) == PGRES_COPY_OUT else {
            try finish(start)
            throw PostgresError.misuse("not a COPY … TO STDOUT")
        }
        PQclear(start)
        var failure: (any Error)?
        while true {
            var buffer: UnsafeMutablePointer<CChar>?
            let length = PQgetCopyData(handle, &buffer, 0)
            guard length > 0, let buffer else { break }
            defer { PQfreemem(buffer) }
            // After a failure the rest is read and dropped, so that the connection stays in step.
            if failure != nil { continue }
            do {
                try consume(UnsafeRawBufferPointer(start: buffer, count: Int(length)))
            } catch { failure = error }
        }
        let end = PQgetResult(handle)
        while let extra = PQgetResult(handle) { PQclear(extra) }
        do {
            try finish(end)
        } catch { throw failure ?? error }
        if let failure { throw failure }
    }

    // MARK: Waiting

    /// Waits for notifications that are not yet taken; returns none after the time, or when `wakeDescriptor` is readable.
    public func notifications(
        waitingSeconds: Double?, wakeDescriptor: Int32 = -1
    ) throws(PostgresError) -> [PostgresNotification] {
        let deadline = waitingSeconds.map { monotonicSeconds() + $0 }
        while true {
            connection.advance(into: &events)
            for event in events.take() {
                if case .notified(let notification) = event { notifications.append(notification) }
                if case .lost(let error) = event {
                    isLost = true
                    throw error
                }
            }
            if !notifications.isEmpty { return notifications.take() }
            if isReadable(wakeDescriptor) { return [] }
            guard try wait(untilSeconds: deadline, wakeDescriptor: wakeDescriptor) else { return [] }
        }
    }

    private func isReadable(_ descriptor: Int32) -> Bool {
        guard descriptor >= 0 else { return false }
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 1
    }

    /// False when the time is over.
    private func wait(untilSeconds deadline: Double?, wakeDescriptor: Int32 = -1) throws(PostgresError) -> Bool {
        while true {
            let wanted = (connection.wantsRead ? POLLIN : 0) | (connection.wantsWrite ? POLLOUT : 0)
            var entries = [
                pollfd(fd: connection.socket, events: Int16(wanted), revents: 0),
                pollfd(fd: wakeDescriptor, events: Int16(POLLIN), revents: 0),
            ]
            var timeout: Int32 = -1
            if let deadline {
                let left = deadline - monotonicSeconds()
                if left <= 0 { return false }
                timeout = Int32(min(left * 1000 + 1, 1e9))
            }
            let ready = poll(&entries, 2, timeout)
            if ready > 0 { return true }
            if ready < 0, errno != EINTR { throw .lost(String(cString: strerror(errno))) }
        }
    }

    /// What another thread may use to stop the statement under way.
    func makeCanceller() -> Canceller? { Canceller(connection.handle) }
}

/// Asks the server, over a connection of its own, to stop what a session is doing. Safe from any thread.
final class Canceller: @unchecked Sendable {
    // libpq documents PQcancel as thread-safe: the object is never changed after PQgetCancel.
    private let handle: OpaquePointer

    init?(_ connection: OpaquePointer) {
        guard let handle = PQgetCancel(connection) else { return nil }
        self.handle = handle
    }

    deinit { PQfreeCancel(handle) }

    func cancel() {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            _ = PQcancel(handle, buffer.baseAddress, Int32(buffer.count))
        }
    }
}

extension Array {
    /// The elements, leaving none.
    mutating func take() -> [Element] {
        defer { removeAll(keepingCapacity: true) }
        return self
    }
}

/// Seconds on a clock that never steps; its zero means nothing.
public func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
