import Absurd
import AbsurdRadio

/// What a simulated observation's results are worth: figures, requirements and a verdict, as JSON.
public struct TruthReport {
    let sources: SourceComparison
    let gains: GainTruth.Errors?

    /// - Parameters:
    ///   - truthDirectory: `truth` beside the simulated sub-bands.
    ///   - tables: paths of calibration tables; empty where gains are not to be compared.
    public init(truthDirectory: String, imagePath: String, tables: [String]) throws {
        let truth = try CatalogueFile.read(truthDirectory + "/sources.csv").sources
        sources = try SourceComparison(imagePath: imagePath, truth: truth)
        gains =
            tables.isEmpty
            ? nil
            : try GainTruth(reading: truthDirectory + "/gains.json").errors(
                of: tables.map { try CalibrationTable(reading: $0) })
    }

    struct Check {
        var name: String
        var value: Double?
        var limit: Double
        var unit: String
        /// False: the value must not be below the limit.
        var isUpper = true

        var isPassed: Bool { value.map { isUpper ? $0 <= limit : $0 >= limit } ?? false }

        var json: JSONValue {
            [
                "name": .string(name), "value": value.map(JSONValue.number) ?? .null, "limit": .number(limit),
                "unit": .string(unit), "passed": .bool(isPassed),
            ]
        }
    }

    var checks: [Check] {
        var result = [
            Check(
                name: "sources above 10 sigma missed",
                value: sources.expected.isEmpty ? nil : Double(sources.missed.count),
                limit: 0, unit: "sources"),
            Check(
                name: "median position error", value: sources.medianOffsetArcseconds,
                limit: sources.beamArcseconds / 4, unit: "arcsec"),
            Check(
                name: "median flux ratio's distance from 1", value: sources.medianFluxRatio.map { abs($0 - 1) },
                limit: 0.05, unit: ""),
            Check(
                name: "worst flux error of a source above 30 sigma", value: sources.worstBrightError, limit: 0.15,
                unit: ""),
        ]
        if let gains {
            result += [
                Check(name: "gain phase error, rms", value: gains.phaseRMSDegrees, limit: 3, unit: "deg"),
                Check(name: "gain amplitude error, rms", value: gains.amplitudeRMS, limit: 0.03, unit: ""),
            ]
        }
        return result
    }

    public var json: JSONValue {
        let rows = sources.rows.map { row -> JSONValue in
            [
                "name": .string(row.truth.name), "ra_deg": .number(row.truth.ra), "dec_deg": .number(row.truth.dec),
                "true_jy": .number(row.trueFlux), "expected_snr": .number(row.expectedSNR),
                "primary_beam_gain": .number(row.primaryBeamGain),
                "measured_jy": row.measuredFlux.map(JSONValue.number) ?? .null,
                "snr": row.measuredSNR.map(JSONValue.number) ?? .null,
                "ratio": row.ratio.map(JSONValue.number) ?? .null,
                "offset_arcsec": row.match.map { .number($0.separationArcseconds) } ?? .null,
            ]
        }
        return [
            "sources": .array(rows), "beam_arcsec": .number(sources.beamArcseconds),
            "checks": .array(checks.map(\.json)), "passed": .bool(checks.allSatisfy(\.isPassed)),
            "gains": gains.map {
                [
                    "values": .integer(Int64($0.samples)), "phase_error_deg_rms": .number($0.phaseRMSDegrees),
                    "amplitude_error_rms": .number($0.amplitudeRMS),
                ]
            } ?? .null,
        ]
    }
}
