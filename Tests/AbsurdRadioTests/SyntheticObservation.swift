import Foundation

@testable import AbsurdRadio

/// A small array that looks at known sources with known gains: what the solver must find again.
struct SyntheticObservation {
    var antennaCount = 12
    var timeCount = 6
    var windowCount = 2
    var channelCount = 16
    var noise = 0.0
    var deadAntenna: Int?
    var seed: UInt64 = 1
    var sources = [
        CatalogueSource(name: "bright", ra: 180, dec: 30, flux: 10, frequency: 1.4e9, spectralIndex: -0.7),
        CatalogueSource(name: "east", ra: 180.4, dec: 30.2, flux: 2, frequency: 1.4e9, spectralIndex: 0),
        CatalogueSource(name: "south", ra: 179.8, dec: 29.5, flux: 1, frequency: 1.4e9, spectralIndex: -1),
    ]
    var centre = (ra: Double.pi, dec: 30 * Double.pi / 180)

    static let channelWidth = 250e3
    static let integration = 10.0

    var times: [Double] { (0..<timeCount).map { 5e9 + Double($0) * Self.integration } }

    func frequencies(_ window: Int) -> [Double] {
        (0..<channelCount).map { 1.3e9 + (Double(window * channelCount + $0)) * Self.channelWidth }
    }

    func delay(_ antenna: Int, _ polarization: Int) -> Double {
        var random = SeededNumbers(seed &+ 1000 &* UInt64(antenna * 2 + polarization + 1))
        return random.normal() * 30e-9
    }

    /// Gain without delay: [antenna] at a time and channel of the band.
    func gain(antenna: Int, polarization: Int, time: Int, channel: Int, frequency: Double) -> (Double, Double) {
        var random = SeededNumbers(seed &+ UInt64(antenna * 2 + polarization) &* 7919)
        let amplitude = 1 + 0.1 * random.normal()
        let phase = random.uniform() * 2 * .pi + 0.1 * random.normal() * Double(time)
        let ripple = 1 + 0.05 * sin(Double(channel) * 0.3 + Double(antenna))
        let angle = phase + 2 * .pi * delay(antenna, polarization) * (frequency - 1.3e9)
        return (amplitude * ripple * cos(angle), amplitude * ripple * sin(angle))
    }

    var rowPairs: [(Int, Int)] {
        (0..<antennaCount).flatMap { a in (a..<antennaCount).map { (a, $0) } }
    }

    func position(_ antenna: Int) -> [Double] {
        var random = SeededNumbers(seed &+ 31 &* UInt64(antenna + 1))
        return [random.normal() * 400, random.normal() * 400, random.normal() * 20]
    }

    var rows: BaselineRows {
        var (a, b, t): ([Int32], [Int32], [Double]) = ([], [], [])
        for time in times {
            for (first, second) in rowPairs {
                a.append(Int32(first))
                b.append(Int32(second))
                t.append(time)
            }
        }
        return BaselineRows(antennaCount: antennaCount, antenna1: a, antenna2: b, times: t)
    }

    func uvw(_ rows: BaselineRows) -> [Double] {
        let positions = (0..<antennaCount).map(position)
        return (0..<rows.count).flatMap { row in
            let (a, b) = (positions[Int(rows.antenna1[row])], positions[Int(rows.antenna2[row])])
            return (0..<3).map { b[$0] - a[$0] }
        }
    }

    var model: SkyModel { SkyModel(sources: sources, beam: { angle, _ in exp(-angle * angle * 1000) }) }

    func geometry(_ rows: BaselineRows) -> ArrayGeometry {
        ArrayGeometry(
            coordinates: rows.antennaCoordinates(uvw: uvw(rows)),
            phaseCentres: [(ra: Double, dec: Double)](repeating: centre, count: timeCount),
            pointings: [(ra: Double, dec: Double)](repeating: centre, count: timeCount))
    }

    /// The model by the plain sum over sources, in double: the reference for the prediction.
    func trueVisibility(uvw: ArraySlice<Double>, frequency: Double) -> (Double, Double) {
        let (u, v, w) = (uvw[uvw.startIndex], uvw[uvw.startIndex + 1], uvw[uvw.startIndex + 2])
        return sources.reduce((0.0, 0.0)) { sum, source in
            let (ra, dec) = (source.ra * .pi / 180, source.dec * .pi / 180)
            let l = cos(dec) * sin(ra - centre.ra)
            let m = sin(dec) * cos(centre.dec) - cos(dec) * sin(centre.dec) * cos(ra - centre.ra)
            let n = sqrt(1 - l * l - m * m)
            let angle = acos(sin(dec) * sin(centre.dec) + cos(dec) * cos(centre.dec) * cos(ra - centre.ra))
            let flux = source.flux(at: frequency) * model.beam(angle, frequency)
            let phase = 2 * Double.pi * (u * l + v * m + w * (n - 1)) * frequency / speedOfLight
            return (sum.0 + flux * cos(phase), sum.1 + flux * sin(phase))
        }
    }

    func planes(window: Int, binned bin: Int = 1, allFlagged: Bool = false) -> VisibilityPlanes {
        let (rows, frequencies) = (rows, frequencies(window))
        let uvw = uvw(rows)
        let planes = VisibilityPlanes(
            rows: rows, frequencies: frequencies, polarizationCount: 2,
            weights: [Float](repeating: 1, count: rows.count), channelBin: bin)
        var random = SeededNumbers(seed &* 977 &+ UInt64(window))
        for row in 0..<rows.count {
            let (a, b) = (Int(rows.antenna1[row]), Int(rows.antenna2[row]))
            let time = Int(rows.timeIndex[row])
            var data = [Float](repeating: 0, count: channelCount * 4)
            for channel in 0..<channelCount {
                let (x, y) = trueVisibility(uvw: uvw[row * 3..<row * 3 + 3], frequency: frequencies[channel])
                for polarization in 0..<2 {
                    func g(_ antenna: Int) -> (Double, Double) {
                        gain(
                            antenna: antenna, polarization: polarization, time: time,
                            channel: window * channelCount + channel, frequency: frequencies[channel])
                    }
                    let (p, q) = (g(a), g(b))
                    let j = (p.0 * q.0 + p.1 * q.1, p.1 * q.0 - p.0 * q.1)
                    let at = (channel * 2 + polarization) * 2
                    let isDead = a == deadAntenna || b == deadAntenna
                    data[at] = isDead ? 0 : Float(x * j.0 - y * j.1 + noise * random.normal())
                    data[at + 1] = isDead ? 0 : Float(x * j.1 + y * j.0 + noise * random.normal())
                }
            }
            var flags = [UInt8](repeating: allFlagged ? 1 : 0, count: channelCount * 2)
            planes.fill(
                row: row, data: data, flags: &flags, channels: channelCount, correlationCount: 2,
                correlations: [0, 1])
        }
        planes.multiply(byModel: model, geometry: geometry(rows), threads: 2)
        return planes
    }

    func solve(_ settings: SolverSettings, binned bin: Int = 1, allFlagged: Bool = false) throws -> CalibrationSolution
    {
        let solver = GainSolver(
            antennaCount: antennaCount, polarizationCount: 2, times: times, integrationSeconds: Self.integration,
            settings: settings)
        for window in 0..<windowCount {
            solver.add(
                window: window, planes: planes(window: window, binned: bin, allFlagged: allFlagged),
                frequencies: frequencies(window),
                channelWidths: [Double](repeating: Self.channelWidth, count: channelCount))
        }
        return try solver.finish()
    }

    /// Found against true gains of all unflagged solutions: rms of the relative amplitude error and of the phase
    /// error (rad) after the common phase of each time, channel and polarisation, that of `reference`, is taken off.
    func errors(_ solution: CalibrationSolution, reference: Int) -> (amplitude: Double, phase: Double, count: Int) {
        var (amplitude, phase, count) = (0.0, 0.0, 0)
        for window in 0..<windowCount {
            let frequencies = frequencies(window)
            for time in 0..<timeCount {
                for (channel, frequency) in frequencies.enumerated() {
                    for polarization in 0..<2 {
                        func truth(_ antenna: Int) -> (Double, Double) {
                            gain(
                                antenna: antenna, polarization: polarization, time: time,
                                channel: window * channelCount + channel, frequency: frequency)
                        }
                        let common = truth(reference)
                        for antenna in 0..<antennaCount {
                            guard
                                let found = solution.total(
                                    window: window, time: times[time], antenna: antenna, channel: channel,
                                    polarization: polarization)
                            else { continue }
                            let wanted = truth(antenna)
                            let size = hypot(wanted.0, wanted.1)
                            let turn = atan2(wanted.1, wanted.0) - atan2(common.1, common.0)
                            amplitude += pow(Double(found.amplitude) / size - 1, 2)
                            phase += pow(remainder(Double(found.phase) - turn, 2 * .pi), 2)
                            count += 1
                        }
                    }
                }
            }
        }
        return (sqrt(amplitude / Double(count)), sqrt(phase / Double(count)), count)
    }
}

extension CalibrationSolution {
    /// K · B · G of one sample; nil where any of them is flagged.
    func total(window: Int, time: Double, antenna: Int, channel: Int, polarization: Int) -> ComplexGain? {
        let (b, g) = (bandpass[window], gain[window])
        let bin = g.times.indices.min { abs(g.times[$0] - time) < abs(g.times[$1] - time) }!
        let atB = b.index(time: 0, antenna: antenna, channel: channel, polarization: polarization)
        let atG = g.index(time: bin, antenna: antenna, channel: 0, polarization: polarization)
        guard !b.isFlagged[atB], !g.isFlagged[atG] else { return nil }
        var result = b.gains[atB] * g.gains[atG]
        if let delay {
            let at = antenna * polarizationCount + polarization
            guard !delay.isFlagged[at] else { return nil }
            let turns = delay.delays[at] * (b.frequencies[channel] - referenceFrequencies[window])
            result = result * ComplexGain(amplitude: 1, phase: 2 * .pi * remainder(turns, 1))
        }
        return result
    }

    private var polarizationCount: Int { bandpass[0].polarizationCount }
}

/// SplitMix64: the same numbers on every machine.
struct SeededNumbers {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func uniform() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
    }

    mutating func normal() -> Double {
        let (a, b) = (uniform(), uniform())
        return sqrt(-2 * log(1 - a)) * cos(2 * .pi * b)
    }
}
