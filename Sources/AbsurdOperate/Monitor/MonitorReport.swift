public import Absurd

/// A look as text for people without a terminal, and as JSON for programs.
extension MonitorSnapshot {
    public var report: [String] {
        var lines = ["\(takenAt)  health: \(health.rawValue)"]
        if let failure { return lines + ["  the database does not answer: \(failure)"] }
        for finding in findings { lines.append("  \(finding.severity.rawValue): \(finding.message)") }
        lines.append("Tasks")
        var totals: [TaskState: Int64] = [:]
        for queue in queues { totals.merge(queue.counts, uniquingKeysWith: +) }
        let all = totals.values.reduce(0, +)
        let counts = TaskState.allCases.filter { totals[$0] ?? 0 > 0 }.map { state in
            let share = Brief.percent(Double(totals[state] ?? 0) / Double(max(1, all)))
            return "\(state.rawValue) \(totals[state] ?? 0) (\(share))"
        }
        lines.append("  " + (counts.isEmpty ? "none" : counts.joined(separator: ", ")))
        for window in windows {
            func three(_ values: [Double?]) -> String { values.map { Brief.seconds($0) }.joined(separator: " ") }
            lines.append(
                "  last \(Int(window.seconds / 60)) min: \(Brief.rate(window.completedPerSecond))/s, success "
                    + "\(Brief.percent(window.successRatio)), wait p50 p95 p99 \(three(window.wait)), "
                    + "run \(three(window.run)), \(window.retried) retried, \(window.timedOut) timed out")
        }
        for queue in queues {
            let depth = "\(queue.counts[.pending] ?? 0) pending, \(queue.counts[.claimed] ?? 0) claimed"
            let oldest = queue.oldestPendingSeconds.map { ", oldest \(Brief.seconds($0))" } ?? ""
            lines.append(
                "  queue \(queue.name): \(depth)\(oldest), \(queue.deadLetters) dead letters\(queue.isPaused ? ", paused" : "")"
            )
        }
        lines.append("Workers")
        let perWorker = Double(tasks.count) / Double(max(1, workers.count))
        let oldest = workers.compactMap(\.uptimeSeconds).max()
        lines.append(
            "  total \(workers.count), active \(activeWorkers), idle \(workers.count { $0.state == "idle" }), down "
                + "\(workers.count { $0.state == "down" }), \(Brief.rate(perWorker)) tasks per worker, up for "
                + Brief.seconds(oldest))
        for task in tasks {
            let place = task.node + (task.worker.map { "/\($0)" } ?? "")
            lines.append(
                "  \(task.name) \(task.id) on \(place): \(task.progress.map { "\(Int($0 * 100)) %" } ?? "-"), "
                    + "\(Brief.clock(task.seconds)) \(task.message)")
        }
        return lines.map(StyledLine.harmless)
    }

    public var json: JSONValue {
        func number(_ value: Double?) -> JSONValue { value.map { .number(($0 * 1e6).rounded() / 1e6) } ?? .null }
        func whole(_ value: Int64) -> JSONValue { .integer(value) }
        return [
            "taken_at": .string("\(takenAt)"), "health": .string(health.rawValue),
            "failure": failure.map { .string($0) } ?? .null, "database_latency_seconds": number(latencySeconds),
            "alerts": .array(
                findings.map { finding in
                    [
                        "severity": .string(finding.severity.rawValue), "cause": .string(finding.cause.rawValue),
                        "queue": finding.queue.map { .string($0) } ?? .null, "message": .string(finding.message),
                        "value": number(finding.value), "threshold": number(finding.threshold),
                    ]
                }),
            "windows": .array(
                windows.map { window in
                    [
                        "seconds": number(window.seconds), "spawned": whole(window.spawned),
                        "completed": whole(window.completed), "failed": whole(window.failed),
                        "cancelled": whole(window.cancelled), "retried": whole(window.retried),
                        "timed_out": whole(window.timedOut), "completed_per_second": number(window.completedPerSecond),
                        "success_ratio": number(window.successRatio), "wait_seconds": .array(window.wait.map(number)),
                        "run_seconds": .array(window.run.map(number)),
                    ]
                }),
            "queues": .array(
                queues.map { queue in
                    var members: [String: JSONValue] = [
                        "queue_name": .string(queue.name), "dead_letters": whole(queue.deadLetters),
                        "oldest_pending_seconds": number(queue.oldestPendingSeconds), "paused": .bool(queue.isPaused),
                    ]
                    for (state, count) in queue.counts { members[state.rawValue] = whole(count) }
                    return .object(members)
                }),
            "workers": [
                "total": whole(Int64(workers.count)), "active": whole(Int64(activeWorkers)),
                "idle": whole(Int64(workers.count { $0.state == "idle" })),
            ],
            "nodes": .array(
                nodes.map { node in
                    [
                        "node": .string(node.name), "alive": .bool(node.isAlive),
                        "activity": .string(node.activity.rawValue),
                        "seats": whole(Int64(node.seats)), "running": whole(Int64(node.running)),
                        "seconds_since_renewal": number(node.secondsSinceRenewal),
                    ]
                }),
            "tasks": .array(
                tasks.map { task in
                    [
                        "task_id": .string("\(task.id)"), "task_name": .string(task.name),
                        "queue_name": .string(task.queue),
                        "node": .string(task.node), "worker": task.worker.map { whole(Int64($0)) } ?? .null,
                        "numa_node": task.numaNode.map { whole(Int64($0)) } ?? .null,
                        "attempt": whole(Int64(task.attempt)), "seconds": number(task.seconds),
                        "progress": number(task.progress), "message": .string(task.message),
                    ]
                }),
        ]
    }
}
