import Absurd

#if canImport(Glibc)
    import Glibc
#endif

/// The gains of several tables multiplied into one for each sample of a data set: what calibration divides by.
///
/// Bandpass and delay: the nearest solution in time and channel. Gain: linear in time, amplitude and phase by
/// themselves, between the solutions on either side that are not flagged; beyond the first and last, those hold.
/// Antennas are matched by name, spectral windows by frequency.
public struct GainApplication: Sendable {
    /// One spectral window of the data.
    public struct Window: Sendable {
        public var frequencies: [Double]
        /// For each correlation, the polarisations (0 or 1) that its two antennas receive.
        public var receptors: [(Int, Int)]

        public init(frequencies: [Double], receptors: [(Int, Int)]) {
            self.frequencies = frequencies
            self.receptors = receptors
        }
    }

    public let windows: [Window]
    public let antennaCount: Int
    /// For each data window the matching windows of the tables; nil where a table has none: its data get flagged.
    private let matches: [[Match]?]

    private struct Match: Sendable {
        var kind: CalibrationTable.Kind
        var solution: WindowSolution
        var reference: Double
        /// Channel of the solution for each channel of the data.
        var channels: [Int]
    }
    /// Data antenna → table antenna, nil where the table has none of that name; for each table.
    private let antennas: [[Int?]]

    /// - Throws: `Refusal` when no window of the data is covered by all tables.
    public init(tables: [CalibrationTable], antennaNames: [String], windows: [Window]) throws {
        self.windows = windows
        antennaCount = antennaNames.count
        antennas = tables.map { table in
            let places = Dictionary(
                zip(table.antennaNames, table.antennaNames.indices), uniquingKeysWith: { first, _ in first })
            return antennaNames.map { places[$0] }
        }
        matches = windows.map { window in
            let found = tables.map { Self.match($0, frequencies: window.frequencies) }
            return found.contains { $0 == nil } ? nil : found.compactMap(\.self)
        }
        guard matches.contains(where: { $0 != nil }) else {
            throw Refusal(
                "calibration tables", why: "no spectral window of the data lies within their frequencies",
                remedy: "pass tables that were solved in the same band", exit: .badData)
        }
        guard antennas.allSatisfy({ $0.contains { $0 != nil } }) else {
            throw Refusal(
                "calibration tables", why: "none of the data's antennas is in them",
                remedy: "pass tables that were solved on the same array", exit: .badData)
        }
    }

    /// How many data windows have no solution.
    public var uncoveredWindows: Int { matches.count { $0 == nil } }

    private static func match(_ table: CalibrationTable, frequencies: [Double]) -> Match? {
        guard let low = frequencies.min(), let high = frequencies.max() else { return nil }
        let centre = (low + high) / 2
        func reach(_ window: WindowSolution) -> (distance: Double, isInside: Bool) {
            let widths = window.channelWidths.map(abs)
            let edges = zip(window.frequencies, widths).map { ($0 - $1 / 2, $0 + $1 / 2) }
            let (bottom, top) = (edges.map(\.0).min() ?? 0, edges.map(\.1).max() ?? 0)
            return (abs((bottom + top) / 2 - centre), bottom <= centre && centre <= top)
        }
        let best = table.windows.indices.map { ($0, reach(table.windows[$0])) }
            .filter { $0.1.isInside }.min { $0.1.distance < $1.1.distance }
        guard let (index, _) = best else { return nil }
        let solution = table.windows[index]
        let channels = frequencies.map { frequency in
            solution.frequencies.indices.min {
                abs(solution.frequencies[$0] - frequency) < abs(solution.frequencies[$1] - frequency)
            } ?? 0
        }
        return Match(
            kind: table.kind, solution: solution, reference: table.referenceFrequencies[index], channels: channels)
    }
}

/// The inverse gains of one window at one time as the correcting loop reads them; used by one thread at a time.
public final class InverseGains {
    /// 1 / g of antenna 1's and antenna 2's receptor for each sample, [antenna][channel][correlation]; 0 = none.
    public private(set) var first: [ComplexGain] = []
    public private(set) var second: [ComplexGain] = []
    public private(set) var samples = 0
    private var window = -1
    private var time = Double.nan
    private var products: [ComplexGain] = []

    public init() {}

    /// Makes the gains of `window` at `time` (MJD s) current; costs nothing when they are already.
    public func prepare(_ application: GainApplication, window: Int, time: Double) {
        guard window != self.window || time != self.time else { return }
        (self.window, self.time) = (window, time)
        let description = application.windows[window]
        let (channels, correlations) = (description.frequencies.count, description.receptors.count)
        samples = channels * correlations
        application.multiply(window: window, time: time, into: &products)
        let count = application.antennaCount * samples
        if first.count != count {
            first = [ComplexGain](repeating: .zero, count: count)
            second = first
        }
        for antenna in 0..<application.antennaCount {
            for channel in 0..<channels {
                let pair = (antenna * channels + channel) * 2
                for correlation in 0..<correlations {
                    let to = (antenna * channels + channel) * correlations + correlation
                    first[to] = products[pair + description.receptors[correlation].0]
                    second[to] = products[pair + description.receptors[correlation].1]
                }
            }
        }
    }
}

extension GainApplication {
    /// 1 / Π g, [antenna][channel][2 polarisations]; 0 where any factor has no solution.
    fileprivate func multiply(window: Int, time: Double, into result: inout [ComplexGain]) {
        let frequencies = windows[window].frequencies
        result = [ComplexGain](repeating: .zero, count: antennaCount * frequencies.count * 2)
        guard let matches = matches[window] else { return }
        for antenna in 0..<antennaCount {
            for polarization in 0..<2 {
                for channel in frequencies.indices {
                    result[(antenna * frequencies.count + channel) * 2 + polarization] = .one
                }
                for (table, match) in matches.enumerated() {
                    guard let source = antennas[table][antenna] else {
                        clear(antenna, polarization, frequencies.count, &result)
                        break
                    }
                    let own = min(polarization, match.solution.polarizationCount - 1)
                    factor(
                        match, antenna: source, polarization: own, time: time, frequencies: frequencies
                    ) { channel, gain in
                        let at = (antenna * frequencies.count + channel) * 2 + polarization
                        result[at] = result[at] * gain.inverse
                    }
                }
            }
        }
    }

    private func clear(_ antenna: Int, _ polarization: Int, _ channels: Int, _ result: inout [ComplexGain]) {
        for channel in 0..<channels { result[(antenna * channels + channel) * 2 + polarization] = .zero }
    }

    /// Calls `body` with each channel's gain of one table, zero where it has none.
    private func factor(
        _ match: Match, antenna: Int, polarization: Int, time: Double, frequencies: [Double],
        _ body: (Int, ComplexGain) -> Void
    ) {
        let solution = match.solution
        func at(_ index: Int, _ channel: Int) -> Int {
            solution.index(time: index, antenna: antenna, channel: channel, polarization: polarization)
        }
        switch match.kind {
        case .gain:
            let gain = solution.interpolated(time: time, antenna: antenna, channel: 0, polarization: polarization)
            for channel in frequencies.indices { body(channel, gain) }
        case .bandpass:
            let nearest = solution.nearest(time: time)
            for (channel, own) in match.channels.enumerated() {
                let index = at(nearest, own)
                body(channel, solution.isFlagged[index] ? .zero : solution.gains[index])
            }
        case .delay:
            let index = at(solution.nearest(time: time), 0)
            let turns = Double(solution.gains[index].re) * 1e-9
            for (channel, frequency) in frequencies.enumerated() {
                let phase = 2 * Double.pi * remainder(turns * (frequency - match.reference), 1)
                body(channel, solution.isFlagged[index] ? .zero : ComplexGain(amplitude: 1, phase: phase))
            }
        }
    }
}

extension WindowSolution {
    /// Index of the solution time nearest to `time`.
    func nearest(time: Double) -> Int {
        let after = times.partitioningIndex(above: time)
        guard after > 0 else { return 0 }
        guard after < times.count else { return times.count - 1 }
        return time - times[after - 1] <= times[after] - time ? after - 1 : after
    }

    /// Amplitude and phase linear in time between the neighbours that are not flagged; zero where there are none.
    func interpolated(time: Double, antenna: Int, channel: Int, polarization: Int) -> ComplexGain {
        func value(_ index: Int) -> ComplexGain? {
            let at = self.index(time: index, antenna: antenna, channel: channel, polarization: polarization)
            return isFlagged[at] ? nil : gains[at]
        }
        let split = times.partitioningIndex(above: time)
        let before = (0..<split).last { value($0) != nil }
        let after = (split..<times.count).first { value($0) != nil }
        guard let first = before ?? after, let last = after ?? before else { return .zero }
        guard first != last, let a = value(first), let b = value(last) else { return value(first) ?? .zero }
        let part = (time - times[first]) / (times[last] - times[first])
        let turn = Double((b * a.conjugate).phase)
        return ComplexGain(
            amplitude: Double(a.amplitude) * (1 - part) + Double(b.amplitude) * part,
            phase: Double(a.phase) + turn * part)
    }
}
