import Absurd
import AbsurdStore
import Glibc

/// The leader's two connections: one for finishing and claiming, one for the doorbell and everything else.
///
/// Owned by the leader's thread. Requests go out at once; answers come back as events of the state machine. When either
/// connection is lost both are given up, and the state machine decides when to try again.
final class DatabaseLink {
    private enum Request {
        case listen, register, renew, maintain, progress, leave, canary
        case exchange(finished: Int, claims: [ClaimRequest])
        case stages(ClaimRequest)
    }

    /// What has come of an exchange, and how many connections still owe an answer.
    private struct Exchange {
        var reply = ExchangeReply(claims: [], accepted: [])
        var owing = 0
        /// The results and the claim beside them were refused; what was claimed on the other connection stands.
        var refusal: String?
    }

    private let settings: ConnectionSettings
    private let poller: Poller
    private let node: String
    private let queues: [String]
    private let names: [WorkClass: [String]]
    private let leaseSeconds: Double
    private var command: PostgresConnection?
    private var side: PostgresConnection?
    private var watched: [UInt64: Int32] = [:]
    private var requests: [UInt64: Request] = [:]
    private var nextTag: UInt64 = 1
    private var exchange: Exchange?
    private var connectDeadline: Moment?
    private var isDoorbellHeard = false
    var session: TaskID?

    init(_ configuration: LeaderConfiguration, poller: Poller) {
        var settings = configuration.database
        settings.applicationName = "absurd leader \(configuration.node)"
        self.settings = settings
        self.poller = poller
        node = configuration.node
        queues = configuration.queues
        names = [.inline: configuration.inlineNames, .stage: configuration.stageNames]
        leaseSeconds = configuration.lease.seconds
    }

    /// The connections that are open, for people: at most two here.
    var connectionCount: Int { (command == nil ? 0 : 1) + (side == nil ? 0 : 1) }

    // MARK: Life

    func connect(at now: Moment) -> [LeaderEvent] {
        close()
        do {
            command = try PostgresConnection.start(settings)
            side = try PostgresConnection.start(settings)
        } catch {
            return lost(error.description)
        }
        connectDeadline = now + .seconds(Double(Limits.connectTimeoutSeconds))
        watchBoth()
        return []
    }

    func close() {
        for (_, file) in watched { poller.forget(file) }
        watched.removeAll()
        command = nil
        side = nil
        requests.removeAll()
        exchange = nil
        connectDeadline = nil
    }

    private func lost(_ reason: String) -> [LeaderEvent] {
        close()
        return [.disconnected(reason: reason)]
    }

    private func watchBoth() {
        for (connection, tag) in [(command, ReadyTag.databaseCommand), (side, ReadyTag.databaseSide)] {
            guard let connection else { continue }
            if let known = watched[tag], known != connection.socket { poller.forget(known) }
            watched[tag] = connection.socket
            poller.watch(connection.socket, read: connection.wantsRead, write: connection.wantsWrite, tag: tag)
        }
    }

    /// Connecting may hang without a word; everything later is bounded by TCP time-outs.
    func timeOut(at now: Moment) -> [LeaderEvent] {
        guard let deadline = connectDeadline, deadline <= now else { return [] }
        return lost("no connection within \(Limits.connectTimeoutSeconds) s")
    }

    var nextTimeOut: Moment? { connectDeadline }

    // MARK: Receiving

    func advance() -> [LeaderEvent] {
        var answers: [LeaderEvent] = []
        for connection in [command, side] {
            guard let connection else { continue }
            var events: [PostgresConnection.Event] = []
            connection.advance(into: &events)
            for event in events {
                handle(event, &answers)
                if command == nil { return answers }
            }
        }
        watchBoth()
        return answers
    }

    private func handle(_ event: PostgresConnection.Event, _ answers: inout [LeaderEvent]) {
        switch event {
        case .connected:
            if connectDeadline != nil, command?.isReady == true, side?.isReady == true {
                connectDeadline = nil
                if settings.hasSession { beginSessions() }
                answers.append(.connected)
            }
        case .notified: answers.append(.doorbell)
        case .completed(let tag, let results):
            guard let request = requests.removeValue(forKey: tag) else { return }
            do {
                answers += try decode(request, results)
            } catch {
                answers += lost("an answer that this version does not understand: \(error)")
            }
        case .failed(let tag, let error):
            guard let request = requests.removeValue(forKey: tag) else { return }
            answers += failed(request, error)
        case .lost(let error): answers += lost(error.description)
        }
    }

    private func failed(_ request: Request, _ error: PostgresError) -> [LeaderEvent] {
        if error.isConnectionLoss { return lost(error.description) }
        if error.sqlState == "AB001" {
            dropExchange()
            return [.sessionLost]
        }
        switch request {
        case .exchange where error.sqlState.hasPrefix("22") || error.sqlState == "AB003":
            exchange?.refusal = error.message
            return answered([])
        case .listen, .progress, .canary: return []
        default: return lost(error.description)
        }
    }

    private func decode(_ request: Request, _ results: [PostgresRows]) throws -> [LeaderEvent] {
        switch request {
        case .listen, .progress, .leave, .canary: return []
        case .register:
            guard let rows = results.first, rows.count == 1 else { throw PostgresError(sqlState: "22000", message: "") }
            let session: TaskID = try rows.get(0, 0)
            self.session = session
            return [.registered]
        case .renew:
            let stops = try (results.first.map { Array($0) } ?? []).map { row in
                let fence = Fence(task: try row.get(0), attempt: try row.get(1), token: try row.get(2))
                return StopRequest(fence: fence, reason: Self.reason(try row.get(3)))
            }
            return [.renewed(stops: stops)]
        case .maintain:
            let row = results.first?.first
            let seconds: Double? = try row.map { try $0.get(0) } ?? nil
            let rescued: Int32 = try row.map { try $0.get(1) } ?? 0
            return [
                .maintained(nextDue: seconds.map { .seconds(max(0, min($0, 86_400))) }, rescued: Int(rescued))
            ]
        case .exchange(let finished, let claims):
            var results = results[...]
            var accepted: [Bool] = []
            if finished > 0, let rows = results.popFirst() {
                try rows.require([PostgresType.bool])
                accepted.reserveCapacity(rows.count)
                for row in 0..<rows.count { accepted.append(try rows.flag(row, 0)) }
            }
            exchange?.reply.accepted = accepted
            return answered(try zip(claims, results).map { ($0, try Self.tasks($1)) })
        case .stages(let claim):
            return answered([(claim, try results.first.map { try Self.tasks($0) } ?? [])])
        }
    }

    private func answered(_ claims: [(request: ClaimRequest, tasks: [ClaimedTask])]) -> [LeaderEvent] {
        guard var whole = exchange else { return [] }
        whole.reply.claims += claims
        whole.owing -= 1
        exchange = whole.owing > 0 ? whole : nil
        if whole.owing > 0 { return [] }
        if let reason = whole.refusal { return [.exchangeRefused(reason: reason, claims: whole.reply.claims)] }
        return [.exchanged(whole.reply)]
    }

    /// Its other answer, should one be under way, means nothing any more.
    private func dropExchange() {
        exchange = nil
        for (tag, request) in requests {
            switch request {
            case .exchange, .stages: requests[tag] = nil
            default: break
            }
        }
    }

    static func reason(_ text: String?) -> StopReason {
        switch text {
        case "timed_out", "timeout": .timedOut
        case "lost", "rescued", "superseded": .lost
        default: .cancelled
        }
    }

    private static func tasks(_ rows: PostgresRows) throws -> [ClaimedTask] {
        try rows.require(taskColumns)
        var tasks: [ClaimedTask] = []
        tasks.reserveCapacity(rows.count)
        for row in 0..<rows.count {
            tasks.append(
                ClaimedTask(
                    fence: Fence(
                        task: try rows.uuid(row, 0), attempt: try rows.int4(row, 1), token: try rows.uuid(row, 2)),
                    queue: try rows.text(row, 3), name: try rows.text(row, 4), params: try rows.json(row, 5),
                    timeoutSeconds: rows.isNull(row, 6) ? 0 : try rows.int4(row, 6),
                    waited: .seconds(try rows.float8(row, 7))))
        }
        return tasks
    }

    private static let taskColumns = [
        PostgresType.uuid, PostgresType.int4, PostgresType.uuid, PostgresType.text, PostgresType.text,
        PostgresType.jsonb, PostgresType.int4, PostgresType.float8,
    ]

    // MARK: Sending

    private func send(
        _ sql: String, name: String? = nil, _ parameters: [PostgresParameter], _ request: Request,
        on connection: PostgresConnection?
    ) {
        let statement = name.map { PostgresStatement(name: $0, sql) } ?? PostgresStatement(sql)
        send([(statement, parameters)], request, on: connection)
    }

    /// A send that fails shuts the socket, so that the loss arrives the usual way.
    private func send(
        _ statements: [(PostgresStatement, [PostgresParameter])], _ request: Request, on connection: PostgresConnection?
    ) {
        guard let connection else { return }
        requests[nextTag] = request
        try? connection.send(statements, tag: nextTag)
        nextTag += 1
        watchBoth()
    }

    /// The server, too, is to notice when this node is cut off: its own keepalives say nothing while it waits for the
    /// acknowledgement of a doorbell, and it would keep dead sessions for a quarter of an hour.
    private func beginSessions() {
        for connection in [command, side] {
            send(
                "SELECT set_config('tcp_user_timeout', $1, false)", [.text("\(Limits.tcpUserTimeoutMilliseconds)")],
                .listen, on: connection)
        }
        send("LISTEN absurd_doorbell", [], .listen, on: side)
    }

    func register(info: JSONValue, keep: [Fence]) {
        send(
            "SELECT absurd.node_register($1, $2, $3, $4, $5, $6)",
            [
                .text(node), .texts(queues), .jsonb(info.jsonBytes), .float8(leaseSeconds),
                .uuids(keep.map(\.token)), .uuids(keep.map(\.task)),
            ], .register, on: side)
    }

    func renew(info: JSONValue) {
        guard let session else { return }
        send(
            "SELECT task_id, attempt, token, reason FROM absurd.node_renew($1, $2, $3, $4)", name: "absurd_renew",
            [.text(node), .uuid(session), .float8(leaseSeconds), .jsonb(info.jsonBytes)], .renew, on: side)
    }

    func maintain() {
        send(
            "SELECT extract(epoch FROM next_due - absurd.current_time())::float8, rescued FROM absurd.maintain($1)",
            name: "absurd_maintain", [.text(node)], .maintain, on: side)
    }

    func sendCanary() {
        guard let session else { return }
        send("SELECT absurd.canary_send($1, $2)", [.text(node), .uuid(session)], .canary, on: side)
    }

    func leave() {
        guard let session else { return }
        send("SELECT absurd.node_leave($1, $2)", [.text(node), .uuid(session)], .leave, on: side)
    }

    func report(_ progress: [(fence: Fence, fraction: Double, message: String)]) {
        guard !progress.isEmpty else { return }
        send(
            "SELECT absurd.progress_batch($1, $2, $3, $4, $5)", name: "absurd_progress",
            [
                .uuids(progress.map(\.fence.task)), .int4s(progress.map(\.fence.attempt)),
                .uuids(progress.map(\.fence.token)), .float8s(progress.map(\.fraction)),
                .texts(progress.map { $0.message.replacing("\0", with: "") }),
            ], .progress, on: side)
    }

    /// Results and the claim of tiny tasks are one transaction on one connection, a claim of stages is beside them on the
    /// other: the database remembers in each session how far a queue has been consumed, and the two consume it differently.
    func exchange(finish: [FinishedAttempt], claims: [ClaimRequest]) {
        guard let session, let command, let side else { return }
        let tiny = claims.filter { $0.workClass == .inline }
        var statements: [(PostgresStatement, ParameterArena)] = []
        if !finish.isEmpty { statements.append((Self.finishStatement, encoded(finish, session))) }
        for claim in tiny { statements.append((Self.claimStatement, encoded(claim, session))) }
        exchange = Exchange()
        if !statements.isEmpty {
            send(statements, .exchange(finished: finish.count, claims: tiny), on: command)
        }
        for claim in claims where claim.workClass == .stage {
            send([(Self.claimStatement, encoded(claim, session))], .stages(claim), on: side)
        }
        watchBoth()
    }

    private func send(
        _ statements: [(PostgresStatement, ParameterArena)], _ request: Request, on connection: PostgresConnection
    ) {
        exchange?.owing += 1
        requests[nextTag] = request
        try? connection.send(encoded: statements, tag: nextTag)
        nextTag += 1
    }

    private func encoded(_ claim: ClaimRequest, _ session: TaskID) -> ParameterArena {
        ParameterArena([
            .text(node), .uuid(session), .texts(claim.queues), .texts(names[claim.workClass] ?? []),
            .int4(Int32(clamping: claim.limit)),
        ])
    }

    /// Written straight into the bytes that libpq sends.
    private func encoded(_ finish: [FinishedAttempt], _ session: TaskID) -> ParameterArena {
        var arena = ParameterArena()
        arena.append(.text(node))
        arena.append(.uuid(session))
        arena.beginArray(of: PostgresType.uuid)
        for attempt in finish { arena.append(uuid: attempt.fence.task) }
        arena.endArray()
        arena.beginArray(of: PostgresType.int4)
        for attempt in finish { arena.append(int4: attempt.fence.attempt) }
        arena.endArray()
        arena.beginArray(of: PostgresType.uuid)
        for attempt in finish { arena.append(uuid: attempt.fence.token) }
        arena.endArray()
        arena.beginArray(of: PostgresType.text)
        for attempt in finish { arena.append(text: attempt.outcome.databaseName) }
        arena.endArray()
        arena.beginArray(of: PostgresType.jsonb)
        for attempt in finish {
            if attempt.result.isEmpty { arena.appendNull() } else { arena.append(jsonb: attempt.result) }
        }
        arena.endArray()
        arena.beginArray(of: PostgresType.text)
        for attempt in finish {
            if let error = attempt.error {
                arena.append(text: error.replacing("\0", with: ""))
            } else {
                arena.appendNull()
            }
        }
        arena.endArray()
        return arena
    }

    private static let finishStatement = PostgresStatement(
        name: "absurd_finish", "SELECT accepted FROM absurd.finish_batch($1, $2, $3, $4, $5, $6, $7, $8)")
    private static let claimStatement = PostgresStatement(
        name: "absurd_claim",
        "SELECT task_id, attempt, token, queue_name, task_name, params, timeout_sec,"
            + " date_part('epoch', statement_timestamp() - created_at)"
            + " FROM absurd.claim_batch($1, $2, $3, $4, $5)")

    /// Whether requests are still under way: a good-bye should be out before the connections close.
    var isQuiet: Bool { requests.isEmpty }
}
