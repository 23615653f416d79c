import AbsurdObserve

/// High latency: the database's answers, the poll interval, slow statements.
enum Latency {
    static let checks = [
        Check("database-latency", "does the database answer at once?", database),
        Check("poll-interval", "do nodes look at idle queues often enough?", pollInterval),
        Check("slow-statements", "are the queue's statements fast?", slowStatements),
        Check("cpu", "do the CPUs keep up?", cpu),
    ]

    static func database(_ facts: Facts) -> [Diagnosis]? {
        guard let samples = facts.database?.latencySeconds, !samples.isEmpty else { return nil }
        let median = samples.sorted()[samples.count / 2]
        guard let worst = Thresholds.databaseLatencySeconds.severity(of: median) else { return [] }
        let severity: Diagnosis.Severity = worst == .alert ? .critical : .warning
        return [
            Diagnosis(
                "database-latency", severity, cause: "the database answers slowly",
                evidence: "an empty statement takes \(milliseconds(median)), the median of \(samples.count)",
                remedy:
                    "look at the server's load and the network to it (ping, pg_stat_activity), then at slow-statements"
            )
        ]
    }

    static func pollInterval(_ facts: Facts) -> [Diagnosis]? {
        facts.database?.nodes?.filter(\.isAlive).compactMap { node in
            guard let seconds = node.pollSeconds, seconds < 0.2 || seconds > 10 else { return nil }
            return seconds < 0.2
                ? Diagnosis(
                    "poll-interval", .note,
                    cause: "node \(node.name) looks at idle queues more often than it gains from",
                    evidence: "every \(seconds) s, although a spawn wakes it",
                    remedy: "--poll-interval 1 (or ABSURD_WORKER_POLL_INTERVAL=1)")
                : Diagnosis(
                    "poll-interval", .warning, cause: "node \(node.name) looks at idle queues rarely",
                    evidence: "every \(Int(seconds)) s: a wake-up that is lost with its connection costs that long",
                    remedy: "--poll-interval 1 (or ABSURD_WORKER_POLL_INTERVAL=1)")
        }
    }

    static func slowStatements(_ facts: Facts) -> [Diagnosis]? {
        guard let database = facts.database, let isInstalled = database.isStatementsInstalled else { return nil }
        guard isInstalled else {
            return [
                Diagnosis(
                    "slow-statements", .note, cause: "slow statements are not recorded",
                    evidence: "the extension pg_stat_statements is not in this database",
                    remedy: "shared_preload_libraries = 'pg_stat_statements' (see `absurd tune`), restart the server, "
                        + "then CREATE EXTENSION pg_stat_statements")
            ]
        }
        return database.statements?.filter { $0.calls >= 10 && $0.meanSeconds > Bounds.statementSeconds }.prefix(5)
            .map { statement in
                Diagnosis(
                    "slow-statements", .warning, cause: "a statement of the queue is slow",
                    evidence: "\(milliseconds(statement.meanSeconds)) on average over \(statement.calls) calls: "
                        + statement.text,
                    remedy: "see the findings on indexes, bloat and snapshots; then EXPLAIN (ANALYZE, BUFFERS) it")
            }
    }

    static func cpu(_ facts: Facts) -> [Diagnosis]? {
        guard let load = facts.host.loadAverages.first else { return nil }
        let cpus = facts.host.usableCPUs
        let pressure = facts.host.cpuPressurePercent
        guard load > 2 * cpus || pressure ?? 0 > 50 else { return [] }
        let told = pressure.map { ", and tasks waited for a CPU \(Int($0)) % of the last minute" } ?? ""
        return [
            Diagnosis(
                "cpu", .warning, cause: "more work than the CPUs can do",
                evidence: "load \(load) on \(Int(cpus)) usable CPUs\(told)",
                remedy: "fewer workers (absurdctl resize N; `absurd tune` says how many), or another node")
        ]
    }

    static func milliseconds(_ seconds: Double) -> String { "\((seconds * 10_000).rounded() / 10) ms" }
}
