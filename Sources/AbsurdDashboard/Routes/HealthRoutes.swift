import Absurd
import AbsurdObserve
import AbsurdStore

extension RouteTable {
    static let health: [Route] = [
        .get("/health", "Whether the system can work: healthy, degraded, critical or down (503).") {
            _, _, service throws(Problem) in
            let report = await HealthReport.make(service)
            var answer = Answer.json([
                "status": .string(report.health.rawValue), "message": .string(report.message), "enabled": true,
                "queue": .string(service.configuration.queues.first ?? ""),
            ])
            if report.health == .down { answer.status = 503 }
            return answer
        },
        .get("/health/detailed", "The same with each alert and warning, and what they were judged by.") {
            _, _, service throws(Problem) in
            let report = await HealthReport.make(service)
            var answer = Answer.json(report.json)
            if report.health == .down { answer.status = 503 }
            return answer
        },
    ]
}

/// The system's state against the thresholds.
struct HealthReport: Sendable {
    var health: Health
    var findings: [Finding]
    var queueDepth: Int
    var databaseIsUp: Bool
    var workers: WorkerTable
    var latencySeconds: Double?
    var at: String
    var databaseProblem: String?

    static func make(_ service: Service) async -> HealthReport {
        let workers = await WorkerTable.make(service)
        do throws(Problem) {
            let (rows, stale) = try await service.value("queues")
            let queues = (rows.items ?? []).map(Observation.Queue.init)
            let canary = await service.askLeader(.status)["canary_age_seconds"]?.double
            let observation = Observation(
                queues: queues, workers: workers.rows.count, activeWorkers: workers.count("active"),
                databaseLatencySeconds: service.latencySeconds, canaryAgeSeconds: canary)
            let findings = observation.findings()
            let isUp = stale == nil
            return HealthReport(
                health: Health(databaseIsUp: isUp, findings: findings), findings: findings,
                queueDepth: queues.reduce(0) { $0 + $1.pending + $1.claimed }, databaseIsUp: isUp, workers: workers,
                latencySeconds: service.latencySeconds, at: workers.now.description,
                databaseProblem: isUp ? nil : "the database can't be reached; what is shown is old")
        } catch {
            return HealthReport(
                health: .down, findings: [], queueDepth: 0, databaseIsUp: false, workers: workers, latencySeconds: nil,
                at: workers.now.description, databaseProblem: error.detail)
        }
    }

    var message: String {
        databaseProblem ?? findings.first?.message ?? "all is well"
    }

    var json: JSONValue {
        func list(_ severity: Severity) -> JSONValue {
            .array(
                findings.filter { $0.severity == severity }.map { finding in
                    [
                        "level": .string(severity.rawValue), "message": .string(finding.message),
                        "timestamp": .string(at),
                        "cause": .string(finding.cause.rawValue),
                        "queue_name": finding.queue.map { .string($0) } ?? .null,
                        "value": .number(finding.value), "threshold": .number(finding.threshold),
                    ]
                })
        }
        var alerts = list(.alert).items ?? []
        if let databaseProblem {
            alerts.append(
                [
                    "level": "alert", "message": .string(databaseProblem), "timestamp": .string(at),
                    "cause": "database", "queue_name": .null, "value": 0, "threshold": 0,
                ])
        }
        return [
            "status": .string(health.rawValue), "message": .string(message), "queue_depth": .integer(Int64(queueDepth)),
            "database_available": .bool(databaseIsUp),
            "worker_pool_healthy": .bool(
                workers.rows.isEmpty
                    ? queueDepth == 0
                    : Double(workers.count("active"))
                        >= Double(workers.rows.count) * Thresholds.activeWorkersRatioMin),
            "alerts": .array(alerts), "warnings": list(.warning),
            "database_latency_ms": latencySeconds.map { .number(($0 * 1e5).rounded() / 100) } ?? .null,
            "timestamp": .string(at),
        ]
    }
}

extension Observation.Queue {
    /// From a row of queues.sql.
    init(_ row: JSONValue) {
        self.init(
            name: row["queue_name"]?.text ?? "", pending: Int(row["pending"]?.int ?? 0),
            claimed: Int(row["claimed"]?.int ?? 0), oldestPendingSeconds: row["oldest_pending_sec"]?.double,
            secondsSinceCompletion: row["last_completed_sec"]?.double, isPaused: row["paused"]?.flag ?? false)
    }
}
