import Absurd
import AbsurdHost
import AbsurdStore
import Glibc

/// Tasks that do nothing, already spawned: through Postgres, leader, shared memory and two workers to `completed`,
/// durably. In turns with the same SQL driven by pgbench, and with pgmq's read and archive.
///
/// The peers work on a queue that the leader does not serve. Times are the database's own: from the first claim to the
/// last completion. CPU times are the kernel's, of the leader's process and of its server processes.
struct DispatchSection {
    private let system: BenchmarkSystem
    private let session: PostgresSession
    private let leader: LeaderProcess
    private let backends: [Int32]

    private struct Turn {
        var rate: Double
        var leaderSeconds = 0.0
        var serverSeconds = 0.0
    }

    /// - Returns: the section, and tasks a second.
    static func measure(_ system: BenchmarkSystem) throws -> (SectionReport, Double) {
        let leader = try system.leader(queue: "dispatch", workers: 2, concurrency: 4)
        defer { leader.stop() }
        return try DispatchSection(system, leader).measure()
    }

    private init(_ system: BenchmarkSystem, _ leader: LeaderProcess) throws {
        self.system = system
        self.leader = leader
        session = try system.session()
        backends = try session.query(.measure("strangers")).map { try $0.get(0) }
    }

    private func measure() throws -> (SectionReport, Double) {
        let plan = system.plan
        let workers = ProcessMeter.children(leader.process.processID)
        let idleBytes = workers.map(ProcessMeter.residentBytes).max() ?? 0
        // Also warms everything up.
        _ = try dispatch(plan.lengths.dispatchTasks.lowerBound / 2)
        let first = try dispatch(plan.lengths.dispatchTasks.lowerBound / 2)
        let wanted = Int(first.rate * plan.lengths.dispatchSeconds) / plan.batch * plan.batch
        let tasks = min(max(wanted, plan.lengths.dispatchTasks.lowerBound), plan.lengths.dispatchTasks.upperBound)
        let result: [UInt8] = try session.query(.measure("any_result"), ["dispatch"])[0].get(0)
        var ours: [Turn] = []
        var pgbench: [Double] = []
        var loops: [Double] = []
        var pgmq: [Double] = []
        let start = monotonicSeconds()
        for _ in 0..<plan.lengths.rounds
        where ours.isEmpty || monotonicSeconds() - start < plan.lengths.dispatchBudgetSeconds {
            ours.append(try dispatch(tasks))
            if let rate = try byPgbench(tasks, result) { pgbench.append(rate) }
            loops.append(try byLoop(tasks, result))
            pgmq.append(try byPgmq(tasks))
        }
        var report = SectionReport("dispatch", "dispatch through the ring: \(ours.count) rounds of \(tasks) tasks")
        let rates = ours.map(\.rate)
        report.add("leader, ring and 2 workers", median(rates), "tasks/s", moreIsBetter: true)
        if !pgbench.isEmpty { report.add("pgbench", median(pgbench), "tasks/s", moreIsBetter: true) }
        report.add("libpq loop", median(loops), "tasks/s", moreIsBetter: true)
        report.add("pgmq", median(pgmq), "tasks/s", moreIsBetter: true)
        let each = Double(tasks)
        report.add("leader CPU", median(ours.map { $0.leaderSeconds / each * 1e6 }), "µs/task")
        report.add("server CPU", median(ours.map { $0.serverSeconds / each * 1e6 }), "µs/task")
        report.add("connections of the leader", Double(backends.count), "", goal: .atMost(3))
        report.add("memory of an idle worker", Double(idleBytes) / 1_048_576, "MiB", goal: .atMost(10))
        func pairs(_ floors: [Double]) -> [(ours: Double, floor: Double)] { zip(rates, floors).map { ($0, $1) } }
        if !pgbench.isEmpty {
            report.ratios.append(
                Ratio("rate", against: "the same SQL by pgbench", rounds: pairs(pgbench), goal: .atLeast(0.9)))
        }
        report.ratios += [
            Ratio("rate to the loop", against: "the same SQL by a bare libpq loop", rounds: pairs(loops)),
            Ratio("rate to pgmq", against: system.peer, rounds: pairs(pgmq), goal: .atLeast(1.5)),
            Ratio(
                "leader CPU", against: "the server's", rounds: ours.map { ($0.leaderSeconds, $0.serverSeconds) },
                goal: .atMost(0.15)),
        ]
        return (report, median(rates))
    }

    // MARK: Contenders

    private func fill(_ tasks: Int, _ queue: String) throws -> Timestamp {
        let since: Timestamp = try session.query(.measure("clock"))[0].get(0)
        try session.spawn(tasks, queue)
        try session.query("CHECKPOINT")
        return since
    }

    /// - Returns: the rate by the rows' own times.
    private func rate(_ tasks: Int, _ queue: String, since: Timestamp) throws -> Double {
        let row = try session.query(.measure("queue_times"), [.text(queue), .timestamptz(since)])[0]
        let (completed, all) = (try row.get(0, as: Int.self), try row.get(1, as: Int.self))
        guard completed == tasks, all == tasks else {
            throw Refusal.unexpected("\(completed) of \(tasks) dispatched tasks completed, \(all) are recorded")
        }
        return Double(tasks) / max(try row.get(2, as: Double.self), 1e-6)
    }

    private func dispatch(_ tasks: Int) throws -> Turn {
        try session.query(.measure("queue_pause"), ["dispatch", true])
        let since = try fill(tasks, "dispatch")
        let leaderBefore = ProcessMeter.cpuSeconds(leader.process.processID)
        let serverBefore = ProcessMeter.cpuSeconds(backends)
        try session.query(.measure("queue_pause"), ["dispatch", false])
        try session.query(.measure("ring"))
        let deadline = monotonicSeconds() + Double(Limits.dispatchSeconds)
        repeat {
            usleep(50_000)
            guard leader.process.reap(keepZombie: true) == nil, monotonicSeconds() < deadline else {
                throw Refusal.unexpected("the leader did not finish \(tasks) tasks")
            }
        } while try session.query(.measure("queue_open"), ["dispatch"])[0].get(0, as: Bool.self)
        return Turn(
            rate: try rate(tasks, "dispatch", since: since),
            leaderSeconds: ProcessMeter.cpuSeconds(leader.process.processID) - leaderBefore,
            serverSeconds: ProcessMeter.cpuSeconds(backends) - serverBefore)
    }

    /// One transaction a batch, as the leader's: finish what was claimed before, claim the next.
    private func byPgbench(_ tasks: Int, _ result: [UInt8]) throws -> Double? {
        guard let server = system.cluster.postmasterPID, let bin = ProcessMeter.programDirectory(server),
            access(bin + "/pgbench", X_OK) == 0
        else { return nil }
        let script = system.directory + "/dispatch.pgbench"
        try BenchmarkFile.write(PostgresStatement.text("pgbench_dispatch"), to: script)
        let since = try fill(tasks, "peer")
        let node = try BenchmarkNode("benchmark-pgbench", "peer", session)
        var order = SpawnOrder(
            bin + "/pgbench",
            [
                "-n", "-M", "prepared", "-c", "1", "-t", "\(tasks / system.plan.batch + 1)", "-f", script,
                "-h", system.cluster.socketDirectory, "-U", "absurd", "-D", "node=\(node.name)", "-D",
                "session=\(node.token)", "-D", "queue=peer", "-D", "batch=\(system.plan.batch)", "-D", "ids={}",
                "-D", "attempts={}", "-D", "tokens={}", "-D", "params={}", "-D",
                "result=\(String(decoding: result, as: UTF8.self))", "absurd",
            ], environment: ConnectionSettings.processEnvironment)
        let log = open(system.directory + "/pgbench.log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        defer { close(log) }
        order.descriptors = [-1, log, log]
        let process = try order.start()
        let end = process.waitForEnd()
        process.close()
        guard end.cause == .exited(code: 0) else {
            throw Refusal.unexpected("pgbench failed: \(ProcessMeter.text(system.directory + "/pgbench.log") ?? "")")
        }
        try node.leave()
        return try rate(tasks, "peer", since: since)
    }

    /// The leader's statements with its binary parameters, and nothing else in the way.
    private func byLoop(_ tasks: Int, _ result: [UInt8]) throws -> Double {
        let since = try fill(tasks, "peer")
        let node = try BenchmarkNode("benchmark-loop", "peer", session)
        var claim = BenchmarkNode.Claim()
        repeat {
            try session.query("BEGIN")
            claim.params = Array(repeating: result, count: claim.tasks.count)
            _ = try node.finish(claim)
            claim = try node.claim("peer", system.plan.batch)
            try session.query("COMMIT")
        } while !claim.tasks.isEmpty
        try node.leave()
        return try rate(tasks, "peer", since: since)
    }

    private func byPgmq(_ tasks: Int) throws -> Double {
        for _ in 0..<tasks / Limits.claimBatchMax {
            try session.query(
                .measure("pgmq_fill"), [.jsonbs(Array(repeating: BenchmarkSystem.params, count: Limits.claimBatchMax))])
        }
        try session.query("ANALYZE pgmq.q_bench")
        try session.query("CHECKPOINT")
        var done = 0
        let seconds = try timed {
            while true {
                let rows = try session.query(.measure("pgmq_read"), [.int4(Int32(Limits.claimBatchMax))])
                if rows.isEmpty { break }
                let ids: [Int64] = try rows.map { try $0.get(0) }
                done += try session.query(.measure("pgmq_archive"), [.int8s(ids)]).count
            }
        }
        try session.query("TRUNCATE pgmq.q_bench, pgmq.a_bench")
        guard done == tasks else { throw Refusal.unexpected("pgmq archived \(done) of \(tasks) messages") }
        return Double(done) / seconds
    }
}
