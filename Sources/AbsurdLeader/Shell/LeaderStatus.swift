import Absurd
import AbsurdHost
import Glibc
import Logging

/// What the leader answers to its operator and to the rest of the process.
extension LeaderLoop {
    func answer(_ request: AdminRequest) -> JSONValue {
        switch request {
        case .status: return status()
        case .workers: return ["workers": .array(workerTable())]
        case .ring: return ["lanes": .array(crew.ringTable())]
        case .measures: return machine.measures.json
        case .drain: decide(.drain(exit: false))
        case .resume: decide(.resume)
        case .stop: decide(.drain(exit: true))
        case .pause(let queue), .unpause(let queue):
            guard configuration.queues.contains(queue) else {
                return ["error": .string("queue \(queue): this node does not serve it; it serves \(served)")]
            }
            if case .pause = request { decide(.pause(queue: queue)) } else { decide(.unpause(queue: queue)) }
        case .resize(let count):
            guard count <= segment.shape.workers else {
                let most = segment.shape.workers
                return [
                    "error": .string("resize \(count): this leader has room for \(most) workers; restart it with more")
                ]
            }
            decide(.resize(workers: count))
        case .restart(let worker):
            guard crew.workers[worker] != nil else {
                return ["error": .string("worker \(worker): there is none; see absurdctl workers")]
            }
            decide(.restart(worker: worker))
        case .logLevel(let text):
            guard let level = Logger.Level(rawValue: text) else {
                let known = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
                return ["error": .string("log level \(text): unknown; use one of \(known)")]
            }
            logger.logLevel = level
        }
        return ["ok": true]
    }

    private var served: String { configuration.queues.joined(separator: ", ") }

    func status() -> JSONValue {
        let counters = machine.counters
        let outcomes = Dictionary(
            uniqueKeysWithValues: AttemptOutcome.allCases.map { outcome in
                (outcome.databaseName, JSONValue.integer(Int64(counters.outcomes[outcome] ?? 0)))
            })
        return [
            "node": .string(configuration.node), "pid": .integer(Int64(getpid())),
            "term": .integer(Int64(segment.term)),
            "state": .string(machine.modeName), "database": .string(machine.databaseName),
            "database_connections": .integer(Int64(database.connectionCount)),
            "session": .string(database.session?.description ?? ""),
            "queues": .array(configuration.queues.map { .string($0) }),
            "paused": .array(machine.pausedQueues.sorted().map { .string($0) }),
            "uptime_seconds": .number(((Self.now() - startedAt).seconds * 1000).rounded() / 1000),
            "workers": .integer(Int64(crew.workers.count)),
            "seats": .integer(Int64(crew.workers.count * segment.shape.seatsPerWorker)),
            "claimed_now": .integer(Int64(machine.attempts.count)), "running": .integer(Int64(machine.active.count)),
            "waiting_results": .integer(Int64(machine.finished.count + (machine.inFlight?.count ?? 0))),
            "claimed_total": .integer(Int64(counters.claimed)), "accepted_total": .integer(Int64(counters.accepted)),
            "refused_total": .integer(Int64(counters.refused)), "outcomes_total": .object(outcomes),
            "exchanges_total": .integer(Int64(counters.exchanges)),
            "empty_claims_total": .integer(Int64(counters.emptyClaims)),
            "worker_deaths_total": .integer(Int64(counters.workerDeaths)),
            "reconnects_total": .integer(Int64(counters.reconnects)),
            "canary_age_seconds": machine.canaryAge(at: Self.now()).map { .number($0.seconds) } ?? .null,
            "canary_trip_seconds": machine.measures.canaryTrip.map { .number($0.seconds) } ?? .null,
        ]
    }

    func workerTable() -> [JSONValue] {
        machine.workers.indices.map { index in
            var row: [String: JSONValue] = [
                "worker": .integer(Int64(index)), "state": .string(machine.workerState(index)),
                "respawns": .integer(Int64(crew.respawns(index))),
            ]
            if let place = crew.placement(of: index) {
                row["cpus"] = .string("\(place.cpus)")
                row["numa_node"] = .integer(Int64(place.node))
            }
            if let worker = crew.workers[index] {
                row["pid"] = .integer(Int64(worker.process.processID))
                row["uptime_seconds"] = .number(((Self.now() - worker.startedAt).seconds * 1000).rounded() / 1000)
                row["completed"] = .integer(Int64(worker.completed))
                row["failed"] = .integer(Int64(worker.failed))
            }
            row["running"] = .array(
                machine.active.compactMap { fence in
                    guard let attempt = machine.attempts[fence], attempt.seat?.worker == index else { return nil }
                    var task: [String: JSONValue] = [
                        "task_id": .string(fence.task.description), "attempt": .integer(Int64(fence.attempt)),
                        "task_name": .string(attempt.task.name), "seat": .integer(Int64(attempt.seat?.seat ?? 0)),
                    ]
                    if let grant = attempt.grant { task["cpus"] = .string("\(grant.cpus)") }
                    if let progress = crew.progress(of: fence) {
                        task["progress"] = .number(progress.fraction)
                        task["message"] = .string(progress.message)
                    }
                    return .object(task)
                })
            return .object(row)
        }
    }

    private var hostName: String {
        let text = SystemFile.text("/proc/sys/kernel/hostname") ?? ""
        return text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
    }

    /// What other nodes and the dashboard see of this one: sent with every renewal.
    func info() -> JSONValue {
        [
            "pid": .integer(Int64(getpid())), "user_id": .integer(Int64(geteuid())), "host": .string(hostName),
            "state_directory": .string(configuration.stateDirectory),
            "poll_interval_seconds": .number(configuration.pollInterval.seconds),
            "task_names": .array(configuration.taskTypes.map { .string($0.name) }),
            "workers": .array(workerTable()), "status": status(),
        ]
    }
}
