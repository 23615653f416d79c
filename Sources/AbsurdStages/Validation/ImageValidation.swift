import Absurd
import AbsurdRadio
import Glibc

/// One requirement of an image, with what was measured.
struct ValidationCheck: Sendable, Hashable {
    var name: String
    /// nil: too few sources to say.
    var value: Double?
    var requirement: String
    var isPassed: Bool

    var json: JSONValue {
        [
            "name": .string(name), "value": value.map(JSONValue.number) ?? .null,
            "requirement": .string(requirement), "passed": .bool(isPassed),
        ]
    }
}

/// Compares an image's sources with a catalogue. Pure: sources and limits in, figures out.
struct ImageValidation: Sendable {
    struct Limits: Sendable {
        var matchRadiusArcseconds = 10.0
        var astrometryArcseconds = 5.0
        var fluxTolerance = 0.2
        var completenessMin = 0.7
        var completenessSigma = 10.0
        var primaryBeamMin = 0.2
    }

    /// A catalogue source that should be seen.
    struct Expected: Sendable, Hashable {
        var source: CatalogueSource
        /// Intrinsic flux at the image's frequency times the primary beam's gain, Jy.
        var apparentFlux: Double
        var signalToNoise: Double
        var gain: Double
    }

    var limits: Limits
    var expected: [Expected]
    var sources: [MeasuredSource]
    var matches: CrossmatchResult

    /// - Parameters:
    ///   - rms: the image's local noise, Jy/beam, as large as the image.
    init(
        image: FITSImage, name: String, rms: [Float], sources: [MeasuredSource], catalogue: [CatalogueSource],
        limits: Limits
    ) throws {
        self.limits = limits
        self.sources = sources
        matches = Crossmatch.nearest(
            sources.map(\.matchable), in: SkyZones(catalogue), radiusArcseconds: limits.matchRadiusArcseconds)
        let coordinates = try ImageCoordinates(image.header, name: name)
        let edge = Int(3 * (image.beam?.major ?? 0) / (image.pixelSize ?? 1)) + 1
        let frequency = image.frequency ?? 0
        expected = catalogue.compactMap { source in
            let place = coordinates.pixel(ra: source.ra, dec: source.dec)
            guard place.x.isFinite, place.y.isFinite, abs(place.x) < 1e6, abs(place.y) < 1e6 else { return nil }
            let (x, y) = (Int(place.x.rounded()), Int(place.y.rounded()))
            guard x >= edge, y >= edge, x < image.width - edge, y < image.height - edge, image[x, y].isFinite else {
                return nil
            }
            let gain = image.primaryBeamGain(ra: source.ra, dec: source.dec)
            let apparent = source.flux(at: frequency) * gain
            let noise = Double(rms[y * image.width + x])
            return Expected(
                source: source, apparentFlux: apparent, signalToNoise: noise > 0 ? apparent / noise : 0, gain: gain)
        }
    }

    /// Catalogue sources that should stand out, and those of them without a match.
    var countable: [Expected] {
        expected.filter { $0.signalToNoise >= limits.completenessSigma && $0.gain >= limits.primaryBeamMin }
    }

    var missed: [Expected] {
        let seen = Set(matches.matches.map(\.reference))
        return countable.filter { !seen.contains($0.source) }
    }

    var completeness: Double? {
        countable.isEmpty ? nil : Double(countable.count - missed.count) / Double(countable.count)
    }

    /// Part of the bright detections that the catalogue has: what is missing there is new, or an artefact.
    var reliability: Double? {
        let bright = sources.count {
            $0.found.signalToNoise >= limits.completenessSigma && $0.primaryBeamGain >= limits.primaryBeamMin
        }
        return bright == 0 ? nil : Double(usable.count) / Double(bright)
    }

    /// Matches that the checks use: bright enough, and well inside the primary beam.
    private var usable: [Match] {
        matches.matches.filter {
            sources[$0.source].found.signalToNoise >= limits.completenessSigma
                && sources[$0.source].primaryBeamGain >= limits.primaryBeamMin
        }
    }

    var astrometricRMS: Double? { RobustStatistics.rootMeanSquare(usable.map(\.separationArcseconds)) }
    var medianSeparation: Double? { RobustStatistics.median(usable.map(\.separationArcseconds)) }

    var fluxRatios: [Double] {
        usable.filter { (0.01...10).contains($0.reference.flux) && $0.fluxRatio.isFinite }.map(\.fluxRatio)
    }

    var checks: [ValidationCheck] {
        let ratio = RobustStatistics.median(fluxRatios)
        return [
            ValidationCheck(
                name: "astrometric rms", value: astrometricRMS, requirement: "<= \(limits.astrometryArcseconds) arcsec",
                isPassed: astrometricRMS.map { $0 <= limits.astrometryArcseconds } ?? false),
            ValidationCheck(
                name: "flux ratio", value: ratio, requirement: "within \(limits.fluxTolerance) of 1",
                isPassed: ratio.map { abs($0 - 1) <= limits.fluxTolerance } ?? false),
            ValidationCheck(
                name: "completeness", value: completeness,
                requirement: ">= \(limits.completenessMin) above \(limits.completenessSigma) sigma",
                isPassed: completeness.map { $0 >= limits.completenessMin } ?? false),
        ]
    }

    var json: JSONValue {
        func number(_ value: Double?) -> JSONValue { value.map(JSONValue.number) ?? .null }
        let ratio = RobustStatistics.median(fluxRatios)
        return [
            "matched": .integer(Int64(matches.matches.count)),
            "expected": .integer(Int64(countable.count)),
            "missed": .array(missed.prefix(50).map { .string($0.source.name) }),
            "completeness": number(completeness),
            "reliability": number(reliability),
            "completeness_sigma": .number(limits.completenessSigma),
            "match_radius_arcsec": .number(limits.matchRadiusArcseconds),
            "astrometry": [
                "rms_arcsec": number(astrometricRMS), "median_separation_arcsec": number(medianSeparation),
                "median_east_arcsec": number(matches.medianEastArcseconds),
                "median_north_arcsec": number(matches.medianNorthArcseconds), "sources": .integer(Int64(usable.count)),
            ],
            "flux": [
                "median_ratio": number(ratio),
                "deviation": number(RobustStatistics.medianDeviation(fluxRatios).map { $0 * 1.4826 }),
                "sources": .integer(Int64(fluxRatios.count)),
                "primary_beam": "detected fluxes divided by the primary beam, catalogue fluxes intrinsic",
            ],
        ]
    }
}
