/// Median and the like of small lists; nil for none.
public enum RobustStatistics {
    public static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// Median absolute deviation, not scaled to a Gaussian's sigma (multiply by 1.4826 for that).
    public static func medianDeviation(_ values: [Double]) -> Double? {
        guard let centre = median(values) else { return nil }
        return median(values.map { abs($0 - centre) })
    }

    public static func rootMeanSquare(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        return (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    }

    /// Mean and standard deviation after removing what lies more than `sigma` deviations from the mean, repeatedly.
    /// - Returns: nil when fewer than two values remain.
    public static func clipped(_ values: [Float], sigma: Double, rounds: Int = 10) -> (mean: Double, deviation: Double)?
    {
        var kept = values.filter(\.isFinite)
        for _ in 0..<max(1, rounds) {
            guard kept.count > 1 else { return nil }
            let mean = kept.reduce(0.0) { $0 + Double($1) } / Double(kept.count)
            let variance = kept.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(kept.count)
            let limit = sigma * variance.squareRoot()
            let next = kept.filter { abs(Double($0) - mean) <= limit }
            if next.count == kept.count || next.count < 2 { return (mean, variance.squareRoot()) }
            kept = next
        }
        let mean = kept.reduce(0.0) { $0 + Double($1) } / Double(kept.count)
        let variance = kept.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(kept.count)
        return (mean, variance.squareRoot())
    }
}
