/// The weights of a Measurement Set's corrected data, made from the noise of its data.
///
/// SIGMA and SIGMA_SPECTRUM describe DATA, WEIGHT and WEIGHT_SPECTRUM what is imaged: weight = |g₁|²|g₂|²/σ². Where a
/// set has no SIGMA_SPECTRUM it is made once, of the weights before the first calibration, so that calibrating again
/// starts from the same noise.
struct WeightColumns: Sendable {
    private let sigma: MeasurementColumn
    private let weight: MeasurementColumn
    private let sigmaSpectrum: MeasurementColumn?
    private let weightSpectrum: MeasurementColumn?

    init(_ set: MeasurementSet) throws {
        if try set.hasColumn("WEIGHT_SPECTRUM") {
            let isNew = try !set.hasColumn("SIGMA_SPECTRUM")
            if isNew { try set.addSigmaSpectrum() }
            let (spectrum, noise) = (try set.column("WEIGHT_SPECTRUM"), try set.column("SIGMA_SPECTRUM"))
            if isNew { try Self.fill(noise, from: spectrum) }
            (weightSpectrum, sigmaSpectrum) = (spectrum, noise)
        } else {
            (weightSpectrum, sigmaSpectrum) = (nil, nil)
        }
        sigma = try set.column("SIGMA")
        weight = try set.column("WEIGHT")
    }

    private static func fill(_ noise: MeasurementColumn, from spectrum: MeasurementColumn) throws {
        let step = 8 * 128
        for start in stride(from: 0, to: spectrum.rowCount, by: step) {
            let rows = start..<min(start + step, spectrum.rowCount)
            try noise.write(try spectrum.floats(rows).map { $0 > 0 ? 1 / $0.squareRoot() : 0 }, rows: rows)
        }
    }

    struct Chunk {
        fileprivate var sigma: [Float]
        fileprivate var weight: [Float]
        fileprivate var spectrum: [Float]
        fileprivate let correlations: Int

        /// Scales one row. The row's weight is the mean over its channels that have a solution.
        mutating func scale(row: Int, gains: InverseGains, first: Int, second: Int) {
            let channels = gains.samples / correlations
            for correlation in 0..<correlations {
                var (sum, count) = (Float(0), Float(0))
                for channel in 0..<channels {
                    let sample = channel * correlations + correlation
                    let power = gains.first[first + sample].power * gains.second[second + sample].power
                    let scale = power > 0 ? 1 / power : 0
                    if scale > 0 {
                        sum += scale
                        count += 1
                    }
                    if !spectrum.isEmpty { spectrum[row * gains.samples + sample] *= scale }
                }
                let noise = sigma[row * correlations + correlation]
                weight[row * correlations + correlation] =
                    count > 0 && noise > 0 ? sum / count / (noise * noise) : 0
            }
        }
    }

    func read(_ rows: Range<Int>) throws -> Chunk {
        let noise = try sigma.floats(rows)
        let spectrum = try sigmaSpectrum?.floats(rows).map { $0 > 0 ? 1 / ($0 * $0) : 0 } ?? []
        return Chunk(sigma: noise, weight: noise, spectrum: spectrum, correlations: sigma.rowElements)
    }

    func write(_ chunk: Chunk, _ rows: Range<Int>) throws {
        try weight.write(chunk.weight, rows: rows)
        if !chunk.spectrum.isEmpty { try weightSpectrum?.write(chunk.spectrum, rows: rows) }
    }
}
