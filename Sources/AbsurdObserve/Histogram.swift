/// Durations by powers of two of a microsecond, from 1 µs to more than an hour. Recording is an addition and a count of
/// leading zeros: nanoseconds, so it may lie on a hot path. Not shared: its owner hands out copies.
public struct Histogram: Sendable, Hashable {
    /// Bucket n counts durations up to 2^n µs; the last one everything longer.
    public static let bucketCount = 33

    public private(set) var counts: [UInt64]
    public private(set) var count: UInt64 = 0
    public private(set) var sumMicroseconds: UInt64 = 0

    public init() { counts = Array(repeating: 0, count: Self.bucketCount + 1) }

    /// A copy of one elsewhere.
    public init(counts: [UInt64], sumMicroseconds: UInt64) {
        self.init()
        for (bucket, number) in counts.prefix(self.counts.count).enumerated() { self.counts[bucket] = number }
        count = self.counts.reduce(0, +)
        self.sumMicroseconds = sumMicroseconds
    }

    /// A negative duration, which two clocks may make, counts as 0.
    @inlinable
    public mutating func record(nanoseconds: Int64) {
        record(microseconds: UInt64(clamping: max(0, nanoseconds) / 1000))
    }

    public mutating func record(microseconds: UInt64) {
        let bucket = microseconds <= 1 ? 0 : UInt64.bitWidth - (microseconds - 1).leadingZeroBitCount
        counts[min(bucket, Self.bucketCount)] += 1
        count += 1
        sumMicroseconds &+= microseconds
    }

    /// The upper bound of a bucket, in seconds.
    public static func boundSeconds(_ bucket: Int) -> Double { Double(UInt64(1) << UInt64(bucket)) / 1e6 }

    /// Within a factor of two: the upper bound of the bucket in which the quantile lies. nil: nothing was recorded.
    public func quantileSeconds(_ quantile: Double) -> Double? {
        guard count > 0 else { return nil }
        let rank = UInt64((Double(count) * quantile).rounded(.up))
        var seen: UInt64 = 0
        for (bucket, number) in counts.enumerated() {
            seen += number
            if seen >= max(1, rank) { return Self.boundSeconds(min(bucket, Self.bucketCount - 1)) }
        }
        return nil
    }
}
