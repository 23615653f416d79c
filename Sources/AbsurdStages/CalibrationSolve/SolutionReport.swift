import Absurd
import AbsurdRadio

/// What a person wants to know about a solution: figures, warnings and charts.
struct SolutionReport {
    private let outcome: MeasurementSetSolve.Outcome
    private let names: [String]
    private let skyOrigin: String
    /// Where the truth is known.
    var errors: GainTruth.Errors?
    private var solution: CalibrationSolution { outcome.solution }

    init(_ outcome: MeasurementSetSolve.Outcome, antennaNames: [String], skyOrigin: String) {
        self.outcome = outcome
        names = antennaNames
        self.skyOrigin = skyOrigin
    }

    var referenceName: String { names[solution.referenceAntenna] }

    /// Antennas that observed and have not a single solution.
    var deadAntennas: [String] {
        outcome.observingAntennas.filter { antenna in
            solution.bandpass.allSatisfy { values($0, antenna: antenna) { !$0.isFlagged[$1] }.allSatisfy { !$0 } }
        }.map { names[$0] }
    }

    var summary: String {
        let observing = outcome.observingAntennas.count
        return
            "\(observing - deadAntennas.count) of \(observing) antennas solved against \(outcome.modelSources) sources, "
            + "reference \(referenceName), \(Self.percent(outcome.flaggedFraction)) flagged"
    }

    func warnings(wanted: [String]) -> [String] {
        var result: [String] = []
        if let first = wanted.first, first != referenceName {
            result.append("reference antenna \(first) is not there or lacks data; \(referenceName) is used")
        }
        let dead = deadAntennas
        if !dead.isEmpty { result.append("no solution for antennas \(dead.joined(separator: ", "))") }
        if solution.unconvergedCount > 0 {
            result.append("\(solution.unconvergedCount) of \(solution.solutionCount) solutions did not converge")
        }
        return result
    }

    var quality: JSONValue {
        var antennas: [String: JSONValue] = [:]
        for antenna in outcome.observingAntennas {
            let bandpass = solution.bandpass.flatMap {
                values($0, antenna: antenna) { $0.isFlagged[$1] ? nil : $0.snr[$1] }
            }
            .compactMap(\.self)
            let gain = solution.gain.flatMap { values($0, antenna: antenna) { $0.isFlagged[$1] ? nil : $0.snr[$1] } }
                .compactMap(\.self)
            let total = solution.bandpass.reduce(0) { $0 + $1.channelCount * $1.polarizationCount }
            var entry: [String: JSONValue] = [
                "bandpass_snr": .number(Self.median(bandpass)), "gain_snr": .number(Self.median(gain)),
                "flagged_fraction": .number(1 - Double(bandpass.count) / Double(max(1, total))),
            ]
            if let delay = solution.delay {
                let own = (0..<delay.polarizationCount).map { antenna * delay.polarizationCount + $0 }
                entry["delay_ns"] = .array(own.map { delay.isFlagged[$0] ? .null : .number(delay.delays[$0] * 1e9) })
            }
            antennas[names[antenna]] = .object(entry)
        }
        var result: [String: JSONValue] = [
            "refant": .string(referenceName),
            "flagged_fraction": .number(outcome.flaggedFraction),
            "flagged_fraction_before": .number(outcome.flaggedBefore),
            "sky_model": .string(skyOrigin),
            "model_sources": .integer(Int64(outcome.modelSources)),
            "model_flux_jy": .number(outcome.modelFlux),
            "solutions": .integer(Int64(solution.solutionCount)),
            "unconverged": .integer(Int64(solution.unconvergedCount)),
            "dead_antennas": .array(deadAntennas.map(JSONValue.string)),
            "antennas": .object(antennas),
        ]
        if let errors {
            result["errors"] = [
                "amplitude_rms": .number(errors.amplitudeRMS), "phase_rms_deg": .number(errors.phaseRMSDegrees),
                "samples": .integer(Int64(errors.samples)),
            ]
        }
        return .object(result)
    }

    private func values<Value>(
        _ window: WindowSolution, antenna: Int, _ body: (WindowSolution, Int) -> Value
    ) -> [Value] {
        window.times.indices.flatMap { time in
            (0..<window.channelCount).flatMap { channel in
                (0..<window.polarizationCount).map { polarization in
                    body(
                        window,
                        window.index(time: time, antenna: antenna, channel: channel, polarization: polarization))
                }
            }
        }
    }

    private static func median(_ values: [Float]) -> Double {
        guard !values.isEmpty else { return 0 }
        return Double(values.sorted()[values.count / 2])
    }

    private static func percent(_ value: Double) -> String { "\((value * 1000).rounded() / 10) %" }
}

// MARK: Charts

extension SolutionReport {
    /// Amplitude and phase of bandpass and gain, both polarisations, a line an antenna.
    func charts() -> [(String, SVGChart)] {
        let degrees = 180 / Double.pi
        func amplitude(_ gain: ComplexGain) -> Double { Double(gain.amplitude) }
        func phase(_ gain: ComplexGain) -> Double { Double(gain.phase) * degrees }
        return [
            ("bandpass_amplitude", bandpass("Bandpass amplitude", "amplitude", nil, amplitude)),
            ("bandpass_phase", bandpass("Bandpass phase, delay taken off", "phase, degrees", -180...180, phase)),
            ("gain_amplitude", gain("Gain amplitude", "amplitude", nil, amplitude)),
            ("gain_phase", gain("Gain phase", "phase, degrees", -180...180, phase)),
        ]
    }

    private func bandpass(
        _ title: String, _ label: String, _ range: ClosedRange<Double>?, _ value: (ComplexGain) -> Double
    ) -> SVGChart {
        let windows = solution.bandpass.sorted { ($0.frequencies.first ?? 0) < ($1.frequencies.first ?? 0) }
        return SVGChart(
            title: "\(title), reference antenna \(referenceName)", xLabel: "frequency, MHz", yLabel: label,
            lines: lines { antenna, polarization in
                windows.flatMap { window in
                    window.frequencies.enumerated().map { channel, frequency in
                        let at = window.index(
                            time: 0, antenna: antenna, channel: channel, polarization: polarization)
                        return (frequency / 1e6, window.isFlagged[at] ? .nan : value(window.gains[at]))
                    } + [(.nan, .nan)]
                }
            }, yRange: range)
    }

    private func gain(
        _ title: String, _ label: String, _ range: ClosedRange<Double>?, _ value: (ComplexGain) -> Double
    ) -> SVGChart {
        let start = solution.gain.first?.times.first ?? 0
        return SVGChart(
            title: "\(title), reference antenna \(referenceName)", xLabel: "time, s", yLabel: label,
            lines: lines { antenna, polarization in
                guard let window = solution.gain.first else { return [] }
                return window.times.enumerated().map { index, time in
                    let at = window.index(time: index, antenna: antenna, channel: 0, polarization: polarization)
                    return (time - start, window.isFlagged[at] ? .nan : value(window.gains[at]))
                }
            }, yRange: range)
    }

    private func lines(_ points: (Int, Int) -> [(Double, Double)]) -> [SVGChart.Line] {
        let polarizations = solution.bandpass.first?.polarizationCount ?? 0
        return outcome.observingAntennas.flatMap { antenna in
            (0..<polarizations).map { polarization in
                SVGChart.Line(
                    label: "antenna \(names[antenna]), polarisation \(polarization)",
                    points: points(antenna, polarization))
            }
        }
    }
}
