import Absurd
import AbsurdStore

/// What a dashboard asks for all the time: the counts of a queue, against counting a plain table with as many rows.
enum StatisticsSection {
    static func measure(_ system: BenchmarkSystem) throws -> SectionReport {
        var report = SectionReport("statistics", "queue statistics")
        let session = try system.session()
        let count = system.plan.lengths.statisticsTasks
        try session.spawn(count, "statistics")
        for _ in 0..<count / Limits.claimBatchMax {
            try session.query(
                .measure("floor_spawn_many"), PostgresSession.spawnParameters("statistics", Limits.claimBatchMax))
        }
        let node = try BenchmarkNode("benchmark-statistics", "statistics", session)
        for _ in 0..<count / 2 / Limits.claimBatchMax {
            _ = try node.finish(try node.claim("statistics", Limits.claimBatchMax))
            let rows = try session.query(
                .measure("floor_claim"), [.text("statistics"), .int8(Int64(Limits.claimBatchMax))])
            let ids: [TaskID] = try rows.map { try $0.get(0) }
            let results: [[UInt8]] = try rows.map { try $0.get(4) }
            try session.query(.measure("floor_finish"), [.uuids(ids), .jsonbs(results)])
        }
        try node.leave()
        try session.query("ANALYZE")
        var latencies = Latencies()
        var rounds: [(ours: Double, floor: Double)] = []
        for _ in 0..<system.plan.lengths.rounds * 3 {
            let ours = try timed { try session.query(.measure("queue_stats"), ["statistics"]) }
            let floor = try timed { try session.query(.measure("floor_stats"), ["statistics"]) }
            latencies.record(seconds: ours)
            rounds.append((ours, floor))
        }
        report.add("tasks in the queue", Double(count), "")
        report.add("counts", latencies)
        report.ratios = [Ratio("time of the counts", against: "counting a plain table", rounds: rounds)]
        return report
    }
}
