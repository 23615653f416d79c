import Absurd
import AbsurdStore
import Glibc

/// All sections, one after the other, on a private cluster. Blocks the calling thread from beginning to end: what it
/// starts dies with that thread.
public enum BenchmarkRun {
    public static let sectionNames = [
        "spawn", "claim", "complete", "latency", "concurrency", "statistics", "dispatch", "idle",
    ]

    /// - Throws: `Refusal`, `PostgresError`. Nothing is left behind either way.
    public static func run(_ plan: BenchmarkPlan) throws -> BenchmarkReport {
        let busy = MachineFacts.loadAverage
        let system = try BenchmarkSystem(plan)
        defer { system.remove() }
        var facts = try MachineFacts.read(try system.session())
        facts["load_average_1min"] = .number(busy)
        facts["mode"] = .string(plan.isQuick ? "quick" : "full")
        facts["peer"] = .string(system.peer)
        facts["batch"] = .integer(Int64(plan.batch))
        var sections: [SectionReport] = []
        func section(_ what: String, _ measure: () throws -> [SectionReport]) throws {
            plan.say("measuring \(what)")
            let start = monotonicSeconds()
            var reports = try measure()
            for index in reports.indices {
                reports[index].seconds = (monotonicSeconds() - start) / Double(reports.count)
            }
            sections += reports
        }
        var single = Latencies()
        var rate = 0.0
        try section("spawn") { [try SpawnSection.measure(system)] }
        try section("claim and complete") { try ClaimSection.measure(system) }
        try section("end-to-end latency") {
            let (report, latencies) = try LatencySection.measure(system)
            single = latencies
            return [report]
        }
        try section("concurrent operations") { [try ConcurrencySection.measure(system)] }
        try section("queue statistics") { [try StatisticsSection.measure(system)] }
        try section("dispatch through the ring") {
            let (report, tasksPerSecond) = try DispatchSection.measure(system)
            rate = tasksPerSecond
            return [report]
        }
        try section("idle cost") { [try IdleSection.measure(system)] }
        return BenchmarkReport(
            facts: .object(facts), sections: sections,
            // Any task that had not completed would have ended the run.
            evidence: TierEvidence(
                tasksPerSecond: rate, p50Seconds: single.percentile(50), p95Seconds: single.percentile(95), depth: nil,
                successRatio: 1))
    }
}

public enum BenchmarkFile {
    public static func write(_ text: String, to path: String) throws(Refusal) {
        guard let file = fopen(path, "we") else {
            throw Refusal(
                path, why: String(cString: strerror(errno)), remedy: "choose another path", exit: .cannotCreate)
        }
        let isWritten = fputs(text, file) >= 0
        guard fclose(file) == 0, isWritten else {
            throw Refusal(path, why: String(cString: strerror(errno)), remedy: "make room", exit: .cannotCreate)
        }
    }
}
