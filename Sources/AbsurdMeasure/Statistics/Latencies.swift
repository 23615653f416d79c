import Absurd
import Histogram

/// Durations at any number, to three digits, in an HDR histogram: memory does not grow with the length of a run.
public struct Latencies: Sendable {
    /// In microseconds.
    private var histogram: Histogram<UInt64>

    public init() {
        histogram = Histogram(highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: .three)
        histogram.autoResize = true
    }

    public mutating func record(seconds: Double) {
        _ = histogram.record(UInt64(max(0, seconds) * 1e6 + 0.5))
    }

    public mutating func merge(_ other: Latencies) { histogram.add(other.histogram) }

    public var count: UInt64 { histogram.totalCount }

    /// - Parameter percent: 0 to 100. Zero seconds when nothing was recorded.
    public func percentile(_ percent: Double) -> Double {
        count == 0 ? 0 : Double(histogram.valueAtPercentile(percent)) / 1e6
    }

    public var maxSeconds: Double { count == 0 ? 0 : Double(histogram.max) / 1e6 }
    public var meanSeconds: Double { count == 0 ? 0 : histogram.mean / 1e6 }

    public var json: JSONValue {
        [
            "count": .integer(Int64(clamping: count)), "mean_seconds": .number(meanSeconds),
            "p50_seconds": .number(percentile(50)), "p95_seconds": .number(percentile(95)),
            "p99_seconds": .number(percentile(99)), "max_seconds": .number(maxSeconds),
        ]
    }

    public var sentence: String {
        "p50 \(milliseconds(percentile(50))), p95 \(milliseconds(percentile(95))), "
            + "p99 \(milliseconds(percentile(99))), max \(milliseconds(maxSeconds))"
    }
}
