import CPostgres
import Glibc

/// A connection that never blocks: an event loop owns its socket and this tells it what to wait for.
///
/// Owned by one thread, which alone calls every method. Statements queue in pipeline mode, each with a sync of its own:
/// one that fails leaves the others alone, and each group commits by itself. After `.lost` the object is dead: close it,
/// start another. Order of a loop turn: `advance`, handle the events, `send` more, then wait for `socket` readable,
/// and writable too while `wantsWrite`. The socket can change until `.connected`; re-register it after each `advance`.
public final class PostgresConnection {
    public enum Event {
        case connected
        /// One result a statement of the group, in order.
        case completed(tag: UInt64, [PostgresRows])
        /// The whole group was rolled back.
        case failed(tag: UInt64, PostgresError)
        case notified(PostgresNotification)
        /// Reported once, after a `failed` for each group still under way: those have an unknown fate.
        case lost(PostgresError)
    }

    private enum Phase {
        case connecting(PostgresPollingStatusType)
        case ready
        case lost
    }

    /// A group of statements between two syncs.
    private struct Group {
        var tag: UInt64
        /// Per result expected: false for a Prepare, whose result nobody wants.
        var wanted: [Bool]
        /// Names that this group prepares, in order, until the server has: a failure before that leaves them unknown to
        /// it, while one after that does not, since a rollback forgets no prepared statement.
        var preparing: [String]
        var received = 0
        var results: [PostgresRows] = []
        var error: PostgresError?
    }

    let handle: OpaquePointer
    private let settings: ConnectionSettings
    private var phase: Phase
    private var groups: [Group] = []
    private var prepared: Set<String> = []
    private var unflushed = false

    private init(handle: OpaquePointer, settings: ConnectionSettings) {
        self.handle = handle
        self.settings = settings
        phase = .connecting(PGRES_POLLING_WRITING)
    }

    deinit { PQfinish(handle) }

    /// Starts to connect; host names are looked up here, which may block. Nothing ends an attempt at a host that does not
    /// answer but the caller: after `connectTimeoutSeconds` drop it and start with `settings.startingWithNextHost()`.
    public static func start(_ settings: ConnectionSettings) throws(PostgresError) -> PostgresConnection {
        let pointer = settings.withKeywords { PQconnectStartParams($0, $1, 0) }
        guard let handle = pointer else { throw .lost("out of memory") }
        let connection = PostgresConnection(handle: handle, settings: settings)
        guard PQstatus(handle) != CONNECTION_BAD else { throw .lost(connection.errorMessage) }
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
        return connection
    }

    /// Connects and waits for it: libpq then bounds each host's attempt by itself and goes on to the next.
    static func blocking(_ settings: ConnectionSettings) throws(PostgresError) -> PostgresConnection {
        let pointer = settings.withKeywords { PQconnectdbParams($0, $1, 0) }
        guard let handle = pointer else { throw .lost("out of memory") }
        let connection = PostgresConnection(handle: handle, settings: settings)
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
        guard PQstatus(handle) == CONNECTION_OK, PQsetnonblocking(handle, 1) == 0 else {
            throw .lost(connection.errorMessage)
        }
        connection.phase = .ready
        return connection
    }

    public var socket: Int32 { PQsocket(handle) }

    public var wantsWrite: Bool {
        switch phase {
        case .connecting(let polling): polling == PGRES_POLLING_WRITING
        case .ready: unflushed
        case .lost: false
        }
    }

    public var wantsRead: Bool {
        switch phase {
        case .connecting(let polling): polling != PGRES_POLLING_WRITING
        case .ready: true
        case .lost: false
        }
    }

    public var isReady: Bool {
        guard case .ready = phase else { return false }
        return true
    }

    /// Groups sent whose outcome has not been reported.
    public var pendingCount: Int { groups.count }

    public var serverProcessID: Int32 { PQbackendPID(handle) }

    // MARK: Sending

    public func send(
        _ statement: PostgresStatement, _ parameters: [PostgresParameter] = [], tag: UInt64
    ) throws(PostgresError) {
        try send(statement, ParameterArena(parameters), tag: tag)
    }

    public func send(
        _ statement: PostgresStatement, _ parameters: borrowing ParameterArena, tag: UInt64
    ) throws(PostgresError) {
        try begin(tag)
        try queue(statement, parameters)
        try end()
    }

    /// Sends several statements that commit or fail as one.
    public func send(
        _ statements: [(PostgresStatement, [PostgresParameter])], tag: UInt64
    ) throws(PostgresError) {
        try begin(tag)
        for (statement, parameters) in statements { try queue(statement, ParameterArena(parameters)) }
        try end()
    }

    /// The same with parameters that were encoded before.
    public func send(
        encoded statements: [(PostgresStatement, ParameterArena)], tag: UInt64
    ) throws(PostgresError) {
        try begin(tag)
        for (statement, parameters) in statements { try queue(statement, parameters) }
        try end()
    }

    private func begin(_ tag: UInt64) throws(PostgresError) {
        guard case .ready = phase else { throw .lost("not connected") }
        if PQpipelineStatus(handle) == PQ_PIPELINE_OFF, PQenterPipelineMode(handle) != 1 {
            throw .misuse(errorMessage)
        }
        groups.append(Group(tag: tag, wanted: [], preparing: []))
    }

    private func queue(
        _ statement: PostgresStatement, _ parameters: borrowing ParameterArena
    ) throws(PostgresError) {
        let handle = handle
        let group = groups.count - 1
        guard let name = statement.name, settings.preparesStatements else {
            let sent = parameters.withParameters { count, types, values, lengths, formats in
                PQsendQueryParams(handle, statement.sql, count, types, values, lengths, formats, 1)
            }
            guard sent == 1 else { throw giveUp() }
            groups[group].wanted.append(true)
            return
        }
        if prepared.insert(name).inserted {
            let sent = parameters.withParameters { count, types, _, _, _ in
                PQsendPrepare(handle, name, statement.sql, count, types)
            }
            guard sent == 1 else { throw giveUp() }
            groups[group].wanted.append(false)
            groups[group].preparing.append(name)
        }
        let sent = parameters.withParameters { count, _, values, lengths, formats in
            PQsendQueryPrepared(handle, name, count, values, lengths, formats, 1)
        }
        guard sent == 1 else { throw giveUp() }
        groups[group].wanted.append(true)
    }

    private func end() throws(PostgresError) {
        guard PQpipelineSync(handle) == 1 else { throw giveUp() }
        unflushed = PQflush(handle) != 0
    }

    /// libpq refused to queue: the half-sent group can't be told apart from the next one, so the connection ends here.
    private func giveUp() -> PostgresError {
        groups.removeLast()
        // The socket is shut rather than closed so that the loop sees it readable and gets its `.lost` the usual way.
        shutdown(socket, Int32(SHUT_RDWR))
        return .lost(errorMessage)
    }

    // MARK: Receiving

    /// Does what can be done without waiting, and appends what happened. Call when the socket is ready.
    public func advance(into events: inout [Event]) {
        switch phase {
        case .lost: return
        case .connecting: connect(&events)
        case .ready: receive(&events)
        }
    }

    private func connect(_ events: inout [Event]) {
        let polling = PQconnectPoll(handle)
        switch polling {
        case PGRES_POLLING_OK:
            guard PQsetnonblocking(handle, 1) == 0 else { return lose(&events) }
            phase = .ready
            events.append(.connected)
        case PGRES_POLLING_FAILED: lose(&events)
        default: phase = .connecting(polling)
        }
    }

    private func receive(_ events: inout [Event]) {
        guard PQconsumeInput(handle) == 1 else {
            takeResults(&events)
            return lose(&events)
        }
        let flushed = PQflush(handle)
        unflushed = flushed == 1
        takeResults(&events)
        if flushed < 0 || PQstatus(handle) == CONNECTION_BAD { return lose(&events) }
        takeNotifications(&events)
    }

    func takeNotifications(_ events: inout [Event]) {
        while let notify = PQnotifies(handle) {
            events.append(
                .notified(
                    PostgresNotification(
                        channel: String(cString: notify.pointee.relname),
                        payload: String(cString: notify.pointee.extra), serverProcessID: notify.pointee.be_pid)))
            PQfreemem(notify)
        }
    }

    private func takeResults(_ events: inout [Event]) {
        // PQgetResult gives nil after each statement of a pipeline, and nil again only when nothing is left.
        var nils = 0
        while !groups.isEmpty, nils < 2, PQisBusy(handle) == 0 {
            guard let result = PQgetResult(handle) else {
                nils += 1
                continue
            }
            nils = 0
            take(result, &events)
        }
    }

    private func take(_ result: OpaquePointer, _ events: inout [Event]) {
        switch PQresultStatus(result) {
        case PGRES_PIPELINE_SYNC:
            PQclear(result)
            let group = groups.removeFirst()
            if let error = group.error {
                prepared.subtract(group.preparing)
                events.append(.failed(tag: group.tag, error))
            } else {
                events.append(.completed(tag: group.tag, group.results))
            }
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            let index = groups[0].received
            groups[0].received += 1
            if index < groups[0].wanted.count, groups[0].wanted[index] {
                groups[0].results.append(PostgresRows(adopting: result))
            } else {
                groups[0].preparing.removeFirst()
                PQclear(result)
            }
        case PGRES_PIPELINE_ABORTED:
            groups[0].received += 1
            PQclear(result)
        default:
            if groups[0].error == nil { groups[0].error = PostgresError(result: result) }
            groups[0].received += 1
            PQclear(result)
        }
    }

    private func lose(_ events: inout [Event]) {
        takeNotifications(&events)
        let error = groups.first?.error ?? .lost(errorMessage)
        for group in groups { events.append(.failed(tag: group.tag, group.error ?? error)) }
        groups.removeAll()
        phase = .lost
        events.append(.lost(error))
    }

    // MARK: For the blocking form

    /// Leaves pipeline mode for what does not work in it: scripts and COPY.
    func leavePipeline() throws(PostgresError) {
        guard case .ready = phase else { throw .lost("not connected") }
        guard groups.isEmpty, PQpipelineStatus(handle) == PQ_PIPELINE_OFF || PQexitPipelineMode(handle) == 1 else {
            throw .misuse("the pipeline is not empty")
        }
    }

    func markLost() { phase = .lost }

    var errorMessage: String { settings.redact(String(cString: PQerrorMessage(handle))) }
}

public struct PostgresNotification: Sendable, Hashable {
    public var channel: String
    public var payload: String
    public var serverProcessID: Int32
}
