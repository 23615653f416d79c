import Absurd
import AbsurdStore
import Synchronization

/// Clients side by side, each spawning, claiming and completing single tasks, against the same on a plain table.
enum ConcurrencySection {
    static func measure(_ system: BenchmarkSystem) throws -> SectionReport {
        var report = SectionReport("concurrency", "concurrent operations")
        for clients in system.plan.concurrency {
            var rounds: [(ours: Double, floor: Double)] = []
            for _ in 0..<max(1, system.plan.lengths.rounds / 2) {
                let ours = try cycles(system, clients) { number, session in
                    let node = try BenchmarkNode("benchmark-\(number)", "concurrency", session)
                    return {
                        try session.query(
                            .measure("spawn_one"), [.text("concurrency"), "test-task", .jsonb(BenchmarkSystem.params)])
                        _ = try node.finish(try node.claim("concurrency", 1))
                    }
                }
                let floor = try cycles(system, clients) { _, session in
                    {
                        try session.query(
                            .measure("floor_spawn"),
                            [.text("concurrency"), "test-task", .jsonb(BenchmarkSystem.params)])
                        let rows = try session.query(.measure("floor_claim"), [.text("concurrency"), .int8(1)])
                        let ids: [TaskID] = try rows.map { try $0.get(0) }
                        let results: [[UInt8]] = try rows.map { try $0.get(4) }
                        try session.query(.measure("floor_finish"), [.uuids(ids), .jsonbs(results)])
                    }
                }
                rounds.append((ours, floor))
            }
            report.add("\(clients) clients", median(rounds.map(\.ours)), "cycles/s", moreIsBetter: true)
            report.ratios.append(
                Ratio("rate of \(clients) clients", against: "the same on a plain table", rounds: rounds))
        }
        return report
    }

    /// Spawn, claim and complete: cycles a second over all clients.
    private static func cycles(
        _ system: BenchmarkSystem, _ clients: Int,
        _ make: @escaping @Sendable (Int, PostgresSession) throws -> (() throws -> Void)
    ) throws -> Double {
        let settings = { () -> ConnectionSettings in
            var settings = system.cluster.settings()
            settings.applicationName = "absurd benchmark"
            return settings
        }()
        let turnSeconds = system.plan.lengths.turnSeconds
        let outcome = Mutex((rate: 0.0, failure: nil as (any Error)?))
        SideThreads.run(
            (0..<clients).map { number in
                {
                    do {
                        let cycle = try make(number, PostgresSession(settings))
                        try cycle()
                        let start = monotonicSeconds()
                        var count = 0
                        while monotonicSeconds() - start < turnSeconds {
                            try cycle()
                            count += 1
                        }
                        let rate = Double(count) / (monotonicSeconds() - start)
                        outcome.withLock { $0.rate += rate }
                    } catch {
                        outcome.withLock { $0.failure = error }
                    }
                }
            })
        let (rate, failure) = outcome.withLock { $0 }
        if let failure { throw failure }
        return rate
    }
}
