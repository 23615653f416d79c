import Absurd
import AbsurdStore

/// Single tasks at 20 a second, from the acknowledgement of the spawn to the end that a waiting client is told of,
/// against the two commits that it takes: a claim and a completion, done by one client in turns with them.
enum LatencySection {
    /// - Returns: the section, and the latencies from before the spawn on, as the guide's tiers count.
    static func measure(_ system: BenchmarkSystem) throws -> (SectionReport, Latencies) {
        var report = SectionReport("latency", "end-to-end latency of single tasks")
        let leader = try system.leader(queue: "latency", workers: 2, concurrency: 4)
        defer { leader.stop() }
        let session = try system.session()
        let node = try BenchmarkNode("benchmark-latency", "latency-floor", session)
        let watch = try system.session()
        try watch.query("LISTEN absurd_finished")
        var whole = Latencies()
        var ours = Latencies()
        var floor = Latencies()
        let start = monotonicSeconds()
        let warmUp = 10
        for number in 0..<system.plan.lengths.latencySamples + warmUp {
            // Well spread beginnings: a fixed beat could fall in step with a timer.
            let slot = start + Double(number) * 0.05
            SideThreads.sleep(untilSeconds: slot + Double(number * 7 % 10) / 1000)
            if number % 100 == 0 { try watch.query(.measure("await_finish"), [.float8(Limits.waiterSeconds)]) }
            let (spawnSeconds, endSeconds) = try oneTask(session, watch)
            SideThreads.sleep(untilSeconds: max(slot + 0.025, monotonicSeconds()))
            try session.query(
                .measure("spawn_one"), [.text("latency-floor"), "test-task", .jsonb(BenchmarkSystem.params)])
            let two = try timed {
                let claim = try node.claim("latency-floor", 1)
                guard try node.finish(claim) == 1 else { throw Refusal.unexpected("a result was not accepted") }
            }
            guard number >= warmUp else { continue }
            whole.record(seconds: spawnSeconds + endSeconds)
            ours.record(seconds: endSeconds)
            floor.record(seconds: two)
        }
        try node.leave()
        report.add("spawn to end", whole)
        report.add("acknowledgement to end", ours)
        report.add("two commits by one client", floor)
        report.ratios = [
            Ratio(
                "p50", against: "two commits by one client", ours.percentile(50) / floor.percentile(50),
                goal: .atMost(2)),
            Ratio(
                "p99", against: "two commits by one client", ours.percentile(99) / floor.percentile(99),
                goal: .atMost(4)),
        ]
        return (report, whole)
    }

    private static func oneTask(_ session: PostgresSession, _ watch: PostgresSession) throws
        -> (spawnSeconds: Double, endSeconds: Double)
    {
        // What the floor rang before.
        _ = try watch.notifications(waitingSeconds: 0)
        let begin = monotonicSeconds()
        let id: TaskID = try session.query(
            .measure("spawn_one"), ["latency", "test-task", .jsonb(BenchmarkSystem.params)])[0].get(0)
        let acknowledged = monotonicSeconds()
        while true {
            let isTold = try !watch.notifications(waitingSeconds: 1).isEmpty
            let told = monotonicSeconds()
            // The floor's own completions ring as well.
            if try !watch.query(.measure("load_ended"), [.uuids([id])]).isEmpty {
                return (acknowledged - begin, (isTold ? told : monotonicSeconds()) - acknowledged)
            }
            guard told - acknowledged < Double(Limits.loadSettleSeconds) else {
                throw Refusal.unexpected("task \(id) did not end within \(Limits.loadSettleSeconds) s")
            }
        }
    }
}
