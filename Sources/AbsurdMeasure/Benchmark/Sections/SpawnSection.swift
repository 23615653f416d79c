import Absurd
import AbsurdStore

/// Spawning, one by one and by thousands, against plain inserts.
enum SpawnSection {
    static func measure(_ system: BenchmarkSystem) throws -> SectionReport {
        var report = SectionReport("spawn", "spawn")
        let session = try system.session()
        let plan = system.plan
        var single = Latencies()
        var singles: [(ours: Double, floor: Double)] = []
        var bulks: [(ours: Double, floor: Double)] = []
        let one: [PostgresParameter] = [.text("spawn"), "test-task", .jsonb(BenchmarkSystem.params)]
        let many = PostgresSession.spawnParameters("spawn", Limits.claimBatchMax)
        func rate(_ statement: String, _ parameters: [PostgresParameter], each: (Double) -> Void = { _ in }) throws
            -> Double
        {
            let start = monotonicSeconds()
            var count = 0
            while monotonicSeconds() - start < plan.lengths.turnSeconds {
                each(try timed { try session.query(.measure(statement), parameters) })
                count += 1
            }
            return Double(count) / (monotonicSeconds() - start)
        }
        for _ in 0..<plan.lengths.rounds {
            let ours = try rate("spawn_one", one) { single.record(seconds: $0) }
            singles.append((ours, try rate("floor_spawn", one)))
            let thousand = Double(Limits.claimBatchMax)
            bulks.append((try rate("spawn_many", many) * thousand, try rate("floor_spawn_many", many) * thousand))
        }
        report.add("one by one", median(singles.map(\.ours)), "tasks/s", moreIsBetter: true)
        report.add("one", single)
        report.add("by thousands", median(bulks.map(\.ours)), "tasks/s", moreIsBetter: true)
        report.goals["one p95"] = .atMost(GuideLimits.spawnP95Milliseconds)
        report.ratios = [
            Ratio("rate one by one", against: "INSERT into a plain table", rounds: singles),
            Ratio("rate by thousands", against: "INSERT by thousands into a plain table", rounds: bulks),
        ]
        return report
    }
}

/// What the guide asks of single operations.
enum GuideLimits {
    static let spawnP95Milliseconds = 50.0
    static let claimP95Milliseconds = 100.0
}
