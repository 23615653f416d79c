import Absurd
import AbsurdStore
import TestSupport
import Testing

/// One session on one test's database, in the words of the queue. Time stands still until the test moves it.
final class QueueRig {
    static let noon = "2027-06-01 12:00:00+00"
    let database: TestDatabase
    let session: PostgresSession

    init(_ database: TestDatabase, at time: String = noon) throws {
        self.database = database
        session = try database.session()
        try setClock(time)
    }

    /// Another client of the same database at the same time of day.
    func other() throws -> QueueRig {
        try QueueRig(database, at: one("SELECT absurd.current_time()::text") ?? "")
    }

    func setClock(_ time: String) throws {
        try session.query("SELECT set_config('absurd.fake_now', $1, false)", [.text(time)])
    }

    func advance(_ interval: String) throws {
        try run(
            "SELECT set_config('absurd.fake_now', (absurd.current_time() + $1::text::interval)::text, false)",
            .text(interval))
    }

    @discardableResult
    func run(_ sql: String, _ parameters: PostgresParameter...) throws -> PostgresRows {
        try session.query(PostgresStatement(sql), parameters)
    }

    /// The first column of the first row as text; the statement casts it.
    func one(_ sql: String, _ parameters: PostgresParameter...) throws -> String? {
        let rows = try session.query(PostgresStatement(sql), parameters)
        return rows.isEmpty ? nil : try rows.get(0, 0, as: String?.self)
    }

    func all(_ sql: String, _ parameters: PostgresParameter...) throws -> [String] {
        try session.query(PostgresStatement(sql), parameters).map { try $0.get(0, as: String.self) }
    }

    func count(_ sql: String, _ parameters: PostgresParameter...) throws -> Int {
        Int(try session.query(PostgresStatement(sql), parameters).get(0, 0, as: Int64.self))
    }
}

// MARK: Spawning and reading

extension QueueRig {
    @discardableResult
    func spawn(
        _ name: String = "echo", queue: String = "q", params: String = "{}", priority: Int32 = 0, retries: Int32? = nil,
        after: [TaskID] = [], at time: String? = nil, key: String? = nil, concurrencyKey: String? = nil
    ) throws -> TaskID {
        try run(
            "SELECT absurd.spawn($1, $2, $3, $4, NULL, $5, $6, $7::text::timestamptz, $8, NULL, $9)", .text(queue),
            .text(name), .json(params), .int4(priority), .int4(orNull: retries), .uuids(after), .text(orNull: time),
            .text(orNull: key), .text(orNull: concurrencyKey)
        ).get(0, 0)
    }

    func status(_ task: TaskID) throws -> String? {
        try one("SELECT status FROM absurd.tasks WHERE task_id = $1", .uuid(task))
    }

    func field(_ column: String, of task: TaskID) throws -> String? {
        try one("SELECT (\(column))::text FROM absurd.tasks WHERE task_id = $1", .uuid(task))
    }

    /// Each attempt as `number outcome`.
    func history(_ task: TaskID) throws -> [String] {
        try all(
            "SELECT attempt || ' ' || outcome FROM absurd.attempts WHERE task_id = $1 ORDER BY attempt", .uuid(task))
    }
}

// MARK: Nodes

struct Attempt: Equatable {
    var task: TaskID
    var number: Int32
    var token: TaskID
    var name: String
    var params: String
    var timeoutSeconds: Int32
}

struct Verdict: Equatable {
    var accepted: Bool
    var status: String?
}

extension QueueRig {
    func register(_ node: String = "n1", lease: Double = 30, keep: [Attempt] = []) throws -> TaskID {
        try run(
            "SELECT absurd.node_register($1, '{q}', '{}', $2, $3, $4)", .text(node), .float8(lease),
            .uuids(keep.map(\.token)), .uuids(keep.map(\.task))
        ).get(0, 0)
    }

    func claim(
        _ session: TaskID, node: String = "n1", queues: [String] = ["q"], names: [String]? = nil, limit: Int32 = 100
    ) throws -> [Attempt] {
        try run(
            """
            SELECT task_id, attempt, token, task_name, params::text, timeout_sec
            FROM absurd.claim_batch($1, $2, $3, $4, $5)
            """, .text(node), .uuid(session), .texts(queues), .texts(orNull: names), .int4(limit)
        ).map {
            Attempt(
                task: try $0.get(0), number: try $0.get(1), token: try $0.get(2), name: try $0.get(3),
                params: try $0.get(4), timeoutSeconds: try $0.get(5))
        }
    }

    @discardableResult
    func finish(
        _ session: TaskID, _ attempt: Attempt, _ outcome: String = "completed", result: String? = nil,
        error: String? = nil, node: String = "n1"
    ) throws -> Verdict {
        let rows = try run(
            "SELECT accepted, new_status FROM absurd.finish_batch($1, $2, $3, $4, $5, $6, $7, $8)", .text(node),
            .uuid(session), .uuids([attempt.task]), .int4s([attempt.number]), .uuids([attempt.token]),
            .texts([outcome]), .jsonbs([result.map { Array($0.utf8) }]), .texts([error]))
        return Verdict(accepted: try rows.get(0, 0), status: try rows.get(0, 1))
    }

    /// Claims the next task and finishes it at once.
    @discardableResult
    func runNext(_ session: TaskID, _ outcome: String = "completed", result: String? = nil) throws -> TaskID {
        let attempt = try #require(try claim(session, limit: 1).first)
        try finish(session, attempt, outcome, result: result)
        return attempt.task
    }

    /// The attempts that the node must stop, as `task reason`.
    func renew(_ session: TaskID, node: String = "n1", lease: Double = 30) throws -> [String] {
        try all(
            "SELECT task_id || ' ' || reason FROM absurd.node_renew($1, $2, $3, NULL)", .text(node), .uuid(session),
            .float8(lease))
    }

    @discardableResult
    func maintain() throws -> (rescued: Int32, promoted: Int32, fired: Int32) {
        let rows = try run("SELECT rescued, promoted, fired FROM absurd.maintain('n1')")
        return (try rows.get(0, 0), try rows.get(0, 1), try rows.get(0, 2))
    }
}

/// A test that needs one rig.
func withRig(at time: String = QueueRig.noon, _ body: (QueueRig) throws -> Void) throws {
    try withDatabase { database in try body(QueueRig(database, at: time)) }
}

/// Expects the refusal of one line with this state.
func expectRefusal(_ state: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void) {
    let error = #expect(throws: PostgresError.self, sourceLocation: sourceLocation) { try body() }
    #expect(error?.sqlState == state, sourceLocation: sourceLocation)
}
