import AbsurdObserve
import Testing

@testable import AbsurdMeasure

@Suite struct StatisticsTests {
    private static func evidence(
        rate: Double = 200, p50: Double = 0.004, p95: Double = 0.02, depth: Int? = 3, success: Double = 1
    ) -> TierEvidence {
        TierEvidence(tasksPerSecond: rate, p50Seconds: p50, p95Seconds: p95, depth: depth, successRatio: success)
    }

    @Test func aTierIsReachedOnlyWhenEveryTargetIs() {
        #expect(Self.evidence().tierReached == .highPerformance)
        #expect(Self.evidence(p50: 0.02).tierReached == .production, "a latency must be below its target")
        #expect(Self.evidence(p95: 0.25).tierReached == .development)
        #expect(Self.evidence(rate: 15).tierReached == .production, "a throughput may equal its target")
        #expect(Self.evidence(depth: 150).tierReached == nil)
        #expect(Self.evidence(depth: nil).tierReached == .highPerformance, "what was not measured is not judged")
        #expect(Self.evidence(success: 0.99).tierReached == .development)
    }

    @Test func eachMissIsNamedWithWhatWasWanted() {
        let misses = TargetTier.production.misses(Self.evidence(rate: 12.34, p95: 0.9))
        #expect(misses == ["throughput 12.3/s, at least 15/s wanted", "p95 900 ms, below 200 ms wanted"])
    }

    @Test func percentilesKeepThreeDigits() {
        var latencies = Latencies()
        for millisecond in 1...1000 { latencies.record(seconds: Double(millisecond) / 1000) }
        #expect(latencies.count == 1000)
        for percent in [50.0, 95, 99] {
            let expected = percent / 100
            #expect(abs(latencies.percentile(percent) - expected) <= expected * 0.002)
        }
        #expect(abs(latencies.maxSeconds - 1) < 0.002)
        #expect(Latencies().percentile(99) == 0)
    }

    @Test(arguments: [("60s", 60), ("1h", 3600), ("5m", 300), ("500ms", 0.5), ("2d", 172_800), ("7", 7)])
    func durationsAreReadAsPeopleTypeThem(text: String, seconds: Double) {
        #expect(DurationText.seconds(text) == seconds)
    }

    @Test(arguments: ["", "s", "-5s", "0", "1 fortnight", "nan", "infs"])
    func whatIsNoDurationIsRefused(text: String) {
        #expect(DurationText.seconds(text) == nil)
    }

    @Test func numbersAreShownWithThreeDigits() {
        #expect(rounded(0.012345) == "0.0123")
        #expect(rounded(12.0) == "12")
        #expect(rounded(123_456.7) == "123457")
        #expect(rounded(0) == "0")
    }
}
