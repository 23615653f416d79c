import Absurd
import AbsurdStore
import Glibc

/// A leader and 16 workers with nothing to do: CPU, and what they ask of the database.
enum IdleSection {
    static func measure(_ system: BenchmarkSystem) throws -> SectionReport {
        let plan = system.plan
        let count = plan.lengths.idleWorkers
        var report = SectionReport(
            "idle", "idle: a leader and \(count) workers for \(rounded(plan.lengths.idleSeconds)) s")
        let leader = try system.leader(queue: "idle", workers: count, concurrency: 1)
        defer { leader.stop() }
        let session = try system.session()
        let backends: [Int32] = try session.query(.measure("strangers")).map { try $0.get(0) }
        let deadline = monotonicSeconds() + Double(Limits.measuredStartSeconds)
        while ProcessMeter.children(leader.process.processID).count < count {
            guard monotonicSeconds() < deadline else { throw Refusal.unexpected("not all of \(count) workers started") }
            usleep(20_000)
        }
        // The start's statistics reach the server's counters late.
        SideThreads.sleep(untilSeconds: monotonicSeconds() + plan.lengths.settleSeconds)
        let family = [leader.process.processID] + ProcessMeter.children(leader.process.processID)
        let transactionsBefore = try transactions(session)
        let before = ProcessMeter.cpuSeconds(family)
        let serverBefore = ProcessMeter.cpuSeconds(backends)
        let start = monotonicSeconds()
        SideThreads.sleep(untilSeconds: start + plan.lengths.idleSeconds)
        let seconds = monotonicSeconds() - start
        let used = ProcessMeter.cpuSeconds(family) - before
        let serverUsed = ProcessMeter.cpuSeconds(backends) - serverBefore
        let transactions = try transactions(session) - transactionsBefore
        guard family.count == count + 1 else {
            throw Refusal.unexpected("\(family.count - 1) of \(count) workers live")
        }
        report.add("CPU of leader and workers", used / seconds * 100, "% of one", goal: .atMost(0.5))
        report.add("CPU of their server processes", serverUsed / seconds * 100, "% of one")
        // Our own reading of the counter is one of them. A short window may catch a part of the start.
        report.add(
            "transactions", max(0, transactions - 1) / seconds, "/s", goal: plan.isQuick ? nil : .atMost(1))
        report.add("connections of the leader", Double(backends.count), "", goal: .atMost(3))
        let resident = family.dropFirst().map(ProcessMeter.residentBytes)
        report.add("memory of a worker", Double(resident.max() ?? 0) / 1_048_576, "MiB", goal: .atMost(10))
        report.add("memory of the leader", Double(ProcessMeter.residentBytes(family[0])) / 1_048_576, "MiB")
        return report
    }

    private static func transactions(_ session: PostgresSession) throws -> Double {
        try session.query(.measure("transactions"))[0].get(0)
    }
}
