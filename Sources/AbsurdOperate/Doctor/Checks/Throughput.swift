import AbsurdObserve

/// Low throughput: who should be working, and is not.
enum Throughput {
    static let checks = [
        Check("node-serves-queue", "does a living node serve every queue with work?", unserved),
        Check("queue-paused", "is a queue with work paused?", paused),
        Check("workers", "are there enough workers for the backlog?", tooFewWorkers),
        Check("stopped-worker", "does every worker process run?", stopped),
        Check("worker-restarts", "do workers stay alive?", restarts),
        Check("queue-depth", "is the backlog within bounds?", depth),
    ]

    static func unserved(_ facts: Facts) -> [Diagnosis]? {
        guard let queues = facts.database?.queues, let nodes = facts.database?.nodes else { return nil }
        return queues.filter { $0.pending > 0 }.compactMap { queue in
            guard !nodes.contains(where: { $0.isAlive && $0.queues.contains(queue.name) }) else { return nil }
            let served = Set(nodes.filter(\.isAlive).flatMap(\.queues)).sorted().joined(separator: ", ")
            return Diagnosis(
                "node-serves-queue", .critical, cause: "no living node serves queue \(queue.name)",
                evidence:
                    "\(queue.pending) tasks are pending; living nodes serve \(served.isEmpty ? "nothing" : served)",
                remedy: "absurd leader --queue-name \(queue.name)")
        }
    }

    static func paused(_ facts: Facts) -> [Diagnosis]? {
        facts.database?.queues?.filter { $0.isPaused && $0.pending > 0 }.map { queue in
            Diagnosis(
                "queue-paused", .warning, cause: "queue \(queue.name) is paused in the database",
                evidence: "\(queue.pending) tasks are pending",
                remedy: Remedy.sql("unpause", ["QUEUE": queue.name]))
        }
    }

    static func tooFewWorkers(_ facts: Facts) -> [Diagnosis]? {
        guard let queues = facts.database?.queues, let nodes = facts.database?.nodes?.filter(\.isAlive) else {
            return nil
        }
        let pending = queues.filter { !$0.isPaused }.reduce(0) { $0 + $1.pending }
        let oldest = queues.compactMap(\.oldestPendingSeconds).max() ?? 0
        let seats = nodes.reduce(0) { $0 + $1.seats }
        let running = nodes.reduce(0) { $0 + $1.running }
        guard seats > 0, pending > Int64(seats), Double(running) >= 0.9 * Double(seats), oldest > 10 else { return [] }
        let isBusy = (facts.host.loadAverages.first ?? 0) >= 0.9 * facts.host.usableCPUs
        let workers = nodes.reduce(0) { $0 + $1.workers.count }
        return [
            Diagnosis(
                "workers", .warning, cause: "too few workers for the backlog",
                evidence:
                    "\(running) of \(seats) seats are busy, \(pending) tasks wait, the oldest for \(Int(oldest)) s",
                remedy: isBusy
                    ? "this machine's CPUs are busy: start `absurd leader` on another node, or spawn less"
                    : "absurdctl resize \(workers + max(1, workers / 2)), or a larger --workers or --concurrency; "
                        + "`absurd tune` computes it")
        ]
    }

    static func stopped(_ facts: Facts) -> [Diagnosis]? {
        guard let nodes = facts.database?.nodes else { return nil }
        return nodes.filter(\.isAlive).flatMap { node in
            node.workers.compactMap { worker -> Diagnosis? in
                guard let pid = worker.process, let process = facts.host.processes[pid],
                    process.name.hasPrefix("absurd-worker"), process.state == "T" || process.state == "t"
                else { return nil }
                return Diagnosis(
                    "stopped-worker", .critical,
                    cause: "worker \(worker.index) of node \(node.name) is stopped (SIGSTOP or a debugger)",
                    evidence: "process \(pid) is in state \(process.state), with \(worker.running) tasks in its seats",
                    remedy: "kill -CONT \(pid); if it stops again: absurdctl restart \(worker.index)")
            }
        }
    }

    static func restarts(_ facts: Facts) -> [Diagnosis]? {
        facts.database?.nodes?.filter(\.isAlive).flatMap { node in
            node.workers.filter { $0.respawns >= 3 }.map { worker in
                Diagnosis(
                    "worker-restarts", .warning, cause: "worker \(worker.index) of node \(node.name) keeps dying",
                    evidence: "started anew \(worker.respawns) times; it is \(worker.state)",
                    remedy:
                        "read why in the leader's log (journalctl -u 'absurd-leader*', or the terminal of `absurd up`)"
                )
            }
        }
    }

    static func depth(_ facts: Facts) -> [Diagnosis]? {
        facts.database?.queues?.compactMap { queue in
            let depth = queue.pending + queue.claimed
            let oldest = queue.oldestPendingSeconds ?? 0
            let found = [
                Thresholds.depth.severity(of: Double(depth)), Thresholds.oldestPendingSeconds.severity(of: oldest),
            ]
            guard let worst = found.compactMap({ $0 }).max() else { return nil }
            let severity: Diagnosis.Severity = worst == .alert ? .critical : .warning
            return Diagnosis(
                "queue-depth", severity, cause: "queue \(queue.name) falls behind",
                evidence: "\(queue.pending) pending, \(queue.claimed) claimed, the oldest pending for \(Int(oldest)) s",
                remedy: "more workers or nodes (see the other findings), or bound it: "
                    + Remedy.sql("bound_queue", ["QUEUE": queue.name]))
        }
    }
}
