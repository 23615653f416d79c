import Absurd
public import AbsurdStore

/// Reads the database's facts. Each part by itself: one that is not allowed or takes too long leaves the others whole.
public struct DatabaseExamination {
    public static let statementSeconds = 15
    private let session: PostgresSession
    private var facts = DatabaseFacts()
    private var unread: [String: String] = [:]

    /// - Returns: the facts, and why parts of them are missing.
    /// - Throws: `PostgresError` when the database does not answer.
    public static func read(_ settings: ConnectionSettings) throws(PostgresError) -> (DatabaseFacts, [String: String]) {
        var settings = settings
        settings.applicationName = "absurd doctor"
        settings.statementTimeoutMilliseconds = statementSeconds * 1000
        var examination = DatabaseExamination(session: try PostgresSession(settings))
        try examination.measureLatency()
        examination.readQueue()
        examination.readServer()
        examination.readPlans()
        return (examination.facts, examination.unread)
    }

    private init(session: PostgresSession) { self.session = session }

    private mutating func measureLatency() throws(PostgresError) {
        for _ in 0..<5 {
            let before = monotonicSeconds()
            try session.query("SELECT 1")
            facts.latencySeconds.append(monotonicSeconds() - before)
        }
    }

    private mutating func readQueue() {
        facts.queues = part("queues", "doctor_queues") { row in
            DatabaseFacts.Queue(
                name: try row.get(0), pending: try row.get(1), claimed: try row.get(2),
                oldestPendingSeconds: try row.get(3), isPaused: try row.get(4))
        }
        facts.nodes = part("nodes", "doctor_nodes") { row in
            let info: String = try row.get(4)
            return NodeFacts(
                name: try row.get(0), isAlive: try row.get(1), leaseSeconds: try row.get(2), queues: try row.get(3),
                info: (try? JSONValue(parsing: info)) ?? [:])
        }
        facts.kinds = part("attempts", "doctor_kinds") { row in
            let timeout: Int32 = try row.get(1)
            return DatabaseFacts.TaskKind(
                name: try row.get(0), timeoutSeconds: Int(timeout), ended: try row.get(2), timedOut: try row.get(3),
                p50: try row.get(4), p95: try row.get(5), p99: try row.get(6), longest: try row.get(7))
        }
        facts.incomingDirectory = part("incoming directory", "doctor_incoming") { try $0.get(0) as String }?.first
    }

    private mutating func readServer() {
        let settings = part("settings", "doctor_settings") { (try $0.get(0) as String, try $0.get(1) as String) }
        facts.settings = settings.map { Dictionary($0, uniquingKeysWith: { first, _ in first }) }
        facts.connections =
            part("connections", "doctor_connections") { row in
                let counts: (Int64, Int64) = (try row.get(0), try row.get(1))
                let limits: (Int32, Int32) = (try row.get(2), try row.get(3))
                return DatabaseFacts.Connections(
                    used: Int(counts.0), ofAbsurd: Int(counts.1), max: Int(limits.0), reserved: Int(limits.1))
            }?.first
        facts.tables = part("tables", "doctor_tables") { row in
            DatabaseFacts.Table(
                name: try row.get(0), liveRows: try row.get(1), deadRows: try row.get(2), bytes: try row.get(3),
                secondsSinceVacuum: try row.get(4))
        }
        facts.transactionAge = part("transaction age", "doctor_transaction_age") { try $0.get(0) as Int64 }?.first
        facts.snapshots = part("snapshots", "doctor_snapshots") { row in
            let process: Int32 = try row.get(1)
            return DatabaseFacts.Snapshot(
                holder: try row.get(0), process: Int(process), ageSeconds: try row.get(2) ?? 0,
                doing: try row.get(3) ?? "")
        }
        let isInstalled = part("statements", "doctor_has_statements") { try $0.get(0) as Bool }?.first
        facts.isStatementsInstalled = isInstalled
        if isInstalled == true {
            facts.statements = part("statements", "doctor_statements") { row in
                DatabaseFacts.Statement(
                    text: try row.get(0), calls: try row.get(1), meanSeconds: try row.get(2),
                    totalSeconds: try row.get(3))
            }
        }
        // The counters moved to a view of their own in PostgreSQL 17.
        let version = Int(facts.settings?["server_version"]?.prefix { $0.isNumber } ?? "") ?? 0
        let view = version >= 17 ? "doctor_checkpointer" : "doctor_bgwriter"
        let counts = part("checkpoints", view) { (try $0.get(0) as Int64, try $0.get(1) as Int64) }?.first
        facts.checkpointsTimed = counts?.0
        facts.checkpointsRequested = counts?.1
    }

    private mutating func readPlans() {
        facts.indexes = part("indexes", "doctor_indexes") { row in
            DatabaseFacts.Index(
                name: try row.get(0), table: try row.get(1), isValid: try row.get(2), isConstraint: try row.get(3),
                scans: try row.get(4), bytes: try row.get(5))
        }
        // On a small table the planner rightly reads it all: the question is whether it could do better on a large one.
        do { try session.script("SET enable_seqscan = off; SET enable_bitmapscan = on") } catch {
            return note("plans", error)
        }
        var plans: [String: JSONValue] = [:]
        for (purpose, name) in [
            ("claiming a task", "explain_claim"), ("listing tasks by status", "explain_list"),
            ("finding a task", "explain_get"),
        ] {
            guard let text = part("plans", name, { try $0.get(0) as String })?.first,
                let plan = try? JSONValue(parsing: text)
            else { continue }
            plans[purpose] = plan
        }
        if !plans.isEmpty { facts.plans = plans }
    }

    private mutating func part<Value>(
        _ name: String, _ statement: String, _ decode: (PostgresRow) throws -> Value
    ) -> [Value]? {
        do {
            return try session.query(.named(statement)).map(decode)
        } catch {
            note(name, error)
            return nil
        }
    }

    private mutating func note(_ name: String, _ error: any Error) {
        let error = error as? PostgresError
        unread[name] =
            switch error?.sqlState {
            case "42501": "\(error?.message ?? ""); connect as absurd_admin or a member of pg_monitor"
            case "57014": "took more than \(Self.statementSeconds) s"
            case "42P01", "42883", "3F000": "the schema is missing or of another release; run `absurd init`"
            default: error.map { "\($0)" } ?? "an answer of an unknown form"
            }
    }
}

extension PostgresStatement {
    private static let embedded = Dictionary(uniqueKeysWithValues: EmbeddedSQL.statements)

    /// The statement in this room's `Statements/NAME.sql`.
    static func named(_ name: String) -> PostgresStatement {
        guard let sql = embedded[name] else { preconditionFailure("no Statements/\(name).sql in this build") }
        return PostgresStatement(sql)
    }
}
