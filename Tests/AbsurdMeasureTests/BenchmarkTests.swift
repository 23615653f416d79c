import Absurd
import AbsurdStore
import Foundation
import TestSupport
import Testing

@testable import AbsurdMeasure

@Suite struct BenchmarkTests {
    @Test func aRatioIsTheMedianOfTheRoundsRatios() {
        let ratio = Ratio("rate", against: "floor", rounds: [(10, 10), (90, 100), (50, 100), (1, 0)])
        #expect(ratio.value == 0.9, "a busy round drags neither side alone, and a round without a floor says nothing")
        #expect(median([4, 1, 3, 2]) == 2.5)
        #expect(median([]).isNaN)
    }

    @Test func aMissedGoalIsNamedWithWhatWasFound() {
        var section = SectionReport("idle", "idle")
        section.add("CPU", 0.7, "% of one", goal: .atMost(0.5))
        section.add("connections", 2, "", goal: .atMost(3))
        section.ratios = [
            Ratio("rate", against: "pgbench", 0.95, goal: .atLeast(0.9)),
            Ratio("rate to pgmq", against: "pgmq", .nan, goal: .atLeast(1.5)),
        ]
        #expect(
            section.misses == [
                "idle: CPU 0.7 % of one, ≤ 0.5 wanted", "idle: rate to pgmq nan × pgmq, ≥ 1.5 wanted",
            ])
    }

    private static func report(rate: Double, latency: Double) -> JSONValue {
        var section = SectionReport("dispatch", "dispatch")
        section.add("rate", rate, "tasks/s", moreIsBetter: true)
        section.add("CPU", latency, "µs/task")
        section.ratios = [Ratio("CPU ratio", against: "the server's", latency / 100, goal: .atMost(0.15))]
        return BenchmarkReport(
            facts: [:], sections: [section],
            evidence: TierEvidence(
                tasksPerSecond: rate, p50Seconds: 0.01, p95Seconds: 0.02, depth: nil, successRatio: 1)
        ).json
    }

    @Test func comparingSaysHowMuchBetterTheSecondIsWhicheverWayAFigureCounts() throws {
        let before = try JSONValue(parsing: Self.report(rate: 100, latency: 8).jsonText)
        let rows = try BenchmarkComparison.rows(before, Self.report(rate: 150, latency: 4))
        #expect(rows.map(\.figure) == ["CPU", "rate", "CPU ratio"])
        #expect(rows.map(\.gain) == [2, 1.5, 2])
        #expect(throws: Refusal.self) { try BenchmarkComparison.rows(["format": 2], before) }
    }

    @Test func processesAreMeasuredByTheKernelsOwnBooks() {
        let before = ProcessMeter.cpuSeconds(getpid())
        var sum = 0.0
        let start = monotonicSeconds()
        while monotonicSeconds() - start < 0.05 { sum += 1 }
        #expect(sum > 0 && ProcessMeter.cpuSeconds(getpid()) > before)
        #expect(ProcessMeter.residentBytes(getpid()) > 1 << 20)
        #expect(ProcessMeter.cpuSeconds(-1) == 0 && ProcessMeter.residentBytes(-1) == 0)
    }

    @Test func concurrencyIsANumberOrAList() throws {
        #expect(try BenchmarkPlan.concurrency("4") == [4])
        #expect(try BenchmarkPlan.concurrency("1,2,8") == [1, 2, 8])
        for bad in ["", "0", "two", "1,,x", "1000"] {
            #expect(throws: Refusal.self) { try BenchmarkPlan.concurrency(bad) }
        }
    }

    /// The whole of it, as short as it gets: a thread of its own, because what it starts dies with it.
    @Test func aRunFillsEverySectionWithMeasuredNumbersAndLeavesNothingBehind() throws {
        let state = try TestCluster.temporaryDirectory("benchmark")
        defer { try? FileManager.default.removeItem(atPath: state) }
        let executable = try Programs.absurd(in: state)
        setenv("ABSURD_LIBEXEC", state + "/libexec", 1)
        defer { unsetenv("ABSURD_LIBEXEC") }
        var plan = BenchmarkPlan(isQuick: true, concurrency: [2], executable: executable)
        plan.lengths = .shortest
        let scratch = try TestCluster.temporaryDirectory("scratch")
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        chmod(scratch, 0o755)
        plan.scratch = scratch
        let report = try BenchmarkRun.run(plan)
        let json = try JSONValue(parsing: report.json.jsonText)
        for name in BenchmarkRun.sectionNames {
            let figures = json["sections"]?[name]?["figures"]?.members ?? [:]
            #expect(!figures.isEmpty, "\(name)")
            for (figure, entry) in figures {
                #expect(entry["value"]?.double.map { $0.isFinite && $0 >= 0 } == true, "\(name): \(figure)")
            }
            for (ratio, entry) in json["sections"]?[name]?["ratios"]?.members ?? [:] {
                #expect(entry["value"]?.double.map { $0.isFinite && $0 > 0 } == true, "\(name): \(ratio)")
            }
        }
        #expect(json["sections"]?["dispatch"]?["ratios"]?["rate"] != nil, "pgbench comes with the server")
        #expect(json["facts"]?["postgres"]?.text != nil && json["facts"]?["cpus"]?.int != nil)
        #expect(report.evidence.tasksPerSecond > 0)
        let left = try FileManager.default.contentsOfDirectory(atPath: scratch)
        #expect(left.isEmpty)
    }
}
