import Absurd
import AbsurdRadio

/// An image's sources against those that a simulation put into the sky.
struct SourceComparison {
    struct Row {
        var truth: CatalogueSource
        /// Jy, at the image's frequency, before the primary beam.
        var trueFlux: Double
        /// True flux through the primary beam over the image's local noise.
        var expectedSNR: Double
        var primaryBeamGain: Double
        var match: Match?
        /// Jy, the primary beam divided out.
        var measuredFlux: Double?
        var measuredSNR: Double?

        var ratio: Double? { measuredFlux.map { $0 / trueFlux } }
    }

    static let detectionSigma = 10.0
    static let brightSigma = 30.0

    /// Brightest first.
    var rows: [Row]
    /// Geometric mean of the axes, arc seconds.
    var beamArcseconds: Double

    init(imagePath: String, truth: [CatalogueSource]) throws {
        let image = try FITSImage(path: imagePath)
        let findings = try SourceFinder().find(in: image, name: "image \(imagePath)")
        let sources = MeasuredSource.measure(findings, in: image)
        let beam = image.beam.map { ($0.major * $0.minor).squareRoot() * 180 / .pi * 3600 } ?? 0
        var limits = ImageValidation.Limits()
        limits.matchRadiusArcseconds = max(limits.matchRadiusArcseconds, beam / 2)
        let comparison = try ImageValidation(
            image: image, name: "image \(imagePath)", rms: findings.noise.rms, sources: sources, catalogue: truth,
            limits: limits)
        let matches = Dictionary(comparison.matches.matches.map { ($0.reference, $0) }) { first, _ in first }
        beamArcseconds = beam
        rows = comparison.expected.map { expected in
            let match = matches[expected.source]
            let found = match.map { sources[$0.source] }
            return Row(
                truth: expected.source, trueFlux: expected.source.flux(at: image.frequency ?? 0),
                expectedSNR: expected.signalToNoise, primaryBeamGain: expected.gain, match: match,
                measuredFlux: found?.flux, measuredSNR: found?.found.signalToNoise)
        }.sorted { $0.expectedSNR > $1.expectedSNR }
    }

    /// Sources that must be found.
    var expected: [Row] { rows.filter { $0.expectedSNR >= Self.detectionSigma } }
    var missed: [Row] { expected.filter { $0.match == nil } }
    var medianOffsetArcseconds: Double? {
        RobustStatistics.median(expected.compactMap { $0.match?.separationArcseconds })
    }
    var medianFluxRatio: Double? { RobustStatistics.median(expected.compactMap(\.ratio)) }
    /// The largest |ratio − 1| among bright sources.
    var worstBrightError: Double? {
        rows.filter { $0.expectedSNR >= Self.brightSigma }.compactMap { $0.ratio.map { abs($0 - 1) } }.max()
    }
}
