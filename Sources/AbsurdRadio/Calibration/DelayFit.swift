#if canImport(Glibc)
    import Glibc
#endif

/// The delay of phasors over the band: the peak of their Fourier transform, refined by least squares on the phases.
enum DelayFit {
    struct Result {
        var delay: Double
        /// Standard deviation, s.
        var error: Double
        var snr: Double
    }

    /// - Parameters:
    ///   - frequencies: Hz, in any order, gaps allowed.
    ///   - phasors: of unit length; zero where there is no solution.
    ///   - weights: relative, of each phasor.
    /// - Returns: nil with fewer than three phasors or no band between them.
    static func fit(frequencies: [Double], phasors: [ComplexGain], weights: [Double]) -> Result? {
        let used = frequencies.indices.filter { phasors[$0] != .zero && weights[$0] > 0 }
        guard used.count >= 3, let low = used.map({ frequencies[$0] }).min(),
            let high = used.map({ frequencies[$0] }).max(), high > low
        else { return nil }
        let sorted = used.map { frequencies[$0] }.sorted()
        let spacing = zip(sorted.dropFirst(), sorted).map { $0 - $1 }.filter { $0 > 1 }.min() ?? (high - low)
        var delay = coarse(
            frequencies: frequencies, phasors: phasors, weights: weights, used: used, low: low, spacing: spacing)
        // The phase left over is small now: a straight line through it, twice, with the whole band's lever arm.
        var (slopeVariance, scatter) = (0.0, 0.0)
        for _ in 0..<4 {
            let line = residualLine(
                frequencies: frequencies, phasors: phasors, weights: weights, used: used, delay: delay)
            delay += line.slope / (2 * .pi)
            (slopeVariance, scatter) = (line.slopeVariance, line.scatter)
        }
        let error = slopeVariance.squareRoot() / (2 * .pi)
        let snr = scatter > 1e-9 ? 1 / scatter * Double(used.count).squareRoot() : 1e6
        return Result(delay: delay, error: error, snr: min(snr, 1e6))
    }

    private static func coarse(
        frequencies: [Double], phasors: [ComplexGain], weights: [Double], used: [Int], low: Double, spacing: Double
    ) -> Double {
        let span = used.map { frequencies[$0] }.max()! - low
        let wanted = min(Int((span / spacing).rounded()) + 1, 1 << 16)
        var size = 64
        while size < 4 * wanted { size *= 2 }
        var (re, im) = ([Double](repeating: 0, count: size), [Double](repeating: 0, count: size))
        for index in used {
            let cell = min(Int(((frequencies[index] - low) / spacing).rounded()), size - 1)
            re[cell] += weights[index] * Double(phasors[index].re)
            im[cell] += weights[index] * Double(phasors[index].im)
        }
        FourierTransform.forward(&re, &im)
        var best = (cell: 0, power: -1.0)
        for cell in 0..<size {
            let power = re[cell] * re[cell] + im[cell] * im[cell]
            if power > best.power { best = (cell, power) }
        }
        let signed = best.cell > size / 2 ? best.cell - size : best.cell
        return Double(signed) / (Double(size) * spacing)
    }

    private static func residualLine(
        frequencies: [Double], phasors: [ComplexGain], weights: [Double], used: [Int], delay: Double
    ) -> (slope: Double, slopeVariance: Double, scatter: Double) {
        let total = used.reduce(0) { $0 + weights[$1] }
        let centre = used.reduce(0) { $0 + weights[$1] * frequencies[$1] } / total
        func turned(_ index: Int) -> (Double, Double) {
            let angle = -2 * .pi * delay * (frequencies[index] - centre)
            let (c, s) = (cos(angle), sin(angle))
            let (x, y) = (Double(phasors[index].re), Double(phasors[index].im))
            return (x * c - y * s, x * s + y * c)
        }
        var mean = (0.0, 0.0)
        for index in used {
            let (x, y) = turned(index)
            mean = (mean.0 + weights[index] * x, mean.1 + weights[index] * y)
        }
        let offset = atan2(mean.1, mean.0)
        var (sxx, sxy, squares) = (0.0, 0.0, 0.0)
        let phases = used.map { index -> Double in
            let (x, y) = turned(index)
            return remainder(atan2(y, x) - offset, 2 * .pi)
        }
        for (phase, index) in zip(phases, used) {
            let x = frequencies[index] - centre
            sxx += weights[index] * x * x
            sxy += weights[index] * x * phase
        }
        let slope = sxx > 0 ? sxy / sxx : 0
        for (phase, index) in zip(phases, used) {
            let rest = phase - slope * (frequencies[index] - centre)
            squares += weights[index] * rest * rest
        }
        let variance = squares / total
        let meanWeight = total / Double(used.count)
        return (slope, sxx > 0 ? variance * meanWeight / sxx : 0, variance.squareRoot())
    }
}

/// Radix-2 Fourier transform in place.
enum FourierTransform {
    /// X[k] = Σ x[n] exp(−2πi kn / N); N a power of two.
    static func forward(_ re: inout [Double], _ im: inout [Double]) {
        let count = re.count
        precondition(count > 0 && count & (count - 1) == 0 && im.count == count)
        var reversed = 0
        for index in 1..<count {
            var bit = count >> 1
            while reversed & bit != 0 {
                reversed ^= bit
                bit >>= 1
            }
            reversed |= bit
            if index < reversed {
                re.swapAt(index, reversed)
                im.swapAt(index, reversed)
            }
        }
        var length = 2
        while length <= count {
            let half = length / 2
            for offset in 0..<half {
                let angle = -2 * .pi * Double(offset) / Double(length)
                let (c, s) = (cos(angle), sin(angle))
                for start in stride(from: offset, to: count, by: length) {
                    let (x, y) = (
                        re[start + half] * c - im[start + half] * s, re[start + half] * s + im[start + half] * c
                    )
                    (re[start + half], im[start + half]) = (re[start] - x, im[start] - y)
                    (re[start], im[start]) = (re[start] + x, im[start] + y)
                }
            }
            length *= 2
        }
    }
}
