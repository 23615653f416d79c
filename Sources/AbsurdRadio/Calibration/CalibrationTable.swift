import Absurd
import CRadio

/// One calibration table in CASA's layout: what `CalibrationSolution` is written to, and what is applied.
public struct CalibrationTable: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// exp(2πi τ (ν − ν₀)); the gains' real parts hold τ in nanoseconds.
        case delay = "K Jones"
        case bandpass = "B Jones"
        case gain = "G Jones"

        /// The name under which a stage hands the table on: "K", "B", "G".
        public var letter: String { String(rawValue.prefix(1)) }
    }

    public var kind: Kind
    public var antennaNames: [String]
    public var referenceAntenna: Int
    /// One for each spectral window of the data it was solved on.
    public var windows: [WindowSolution]
    /// Of each window, Hz: what delays are about.
    public var referenceFrequencies: [Double]

    public init(
        kind: Kind, antennaNames: [String], referenceAntenna: Int, windows: [WindowSolution],
        referenceFrequencies: [Double]
    ) {
        self.kind = kind
        self.antennaNames = antennaNames
        self.referenceAntenna = referenceAntenna
        self.windows = windows
        self.referenceFrequencies = referenceFrequencies
    }
}

extension CalibrationSolution {
    /// The tables that together are this solution: K where delays were asked for, B, G.
    public func tables(antennaNames: [String]) -> [CalibrationTable] {
        var result: [CalibrationTable] = []
        func add(_ kind: CalibrationTable.Kind, _ windows: [WindowSolution]) {
            result.append(
                CalibrationTable(
                    kind: kind, antennaNames: antennaNames, referenceAntenna: referenceAntenna, windows: windows,
                    referenceFrequencies: referenceFrequencies))
        }
        if let delay { add(.delay, bandpass.map { delay.window(like: $0) }) }
        add(.bandpass, bandpass)
        add(.gain, gain)
        return result
    }
}

extension DelaySolution {
    /// The delays as one channel of a window: nanoseconds in the real parts.
    func window(like bandpass: WindowSolution) -> WindowSolution {
        let centre = bandpass.frequencies.reduce(0, +) / Double(bandpass.frequencies.count)
        var result = WindowSolution(
            window: bandpass.window, frequencies: [centre], channelWidths: [bandpass.channelWidths.reduce(0, +)],
            times: bandpass.times, intervals: bandpass.intervals, antennaCount: antennaCount,
            polarizationCount: polarizationCount)
        for time in result.times.indices {
            for antenna in 0..<antennaCount {
                for polarization in 0..<polarizationCount {
                    let from = antenna * polarizationCount + polarization
                    let to = result.index(time: time, antenna: antenna, channel: 0, polarization: polarization)
                    result.gains[to] = ComplexGain(Float(delays[from] * 1e9), 0)
                    result.errors[to] = Float(errors[from] * 1e9)
                    result.snr[to] = snr[from]
                    result.isFlagged[to] = isFlagged[from]
                }
            }
        }
        return result
    }
}

// MARK: Files

extension CalibrationTable {
    /// Writes a new table; CASA's tasks read it.
    ///
    /// - Parameters:
    ///   - measurementSet: path of the data it was solved on; its subtables are copied. No handle may write there.
    ///   - polarizationBasis: "linear" or "circular".
    /// - Throws: `Refusal` (cannot create).
    public func write(
        to path: String, measurementSet: String, polarizationBasis: String, field: Int = 0, scan: Int = 1,
        history: String
    ) throws {
        var (times, intervals): ([Double], [Double]) = ([], [])
        var (windowIDs, antennas, references): ([Int32], [Int32], [Int32]) = ([], [], [])
        var offsets: [(window: Int, start: Int)] = []
        for (number, window) in windows.enumerated() {
            for time in window.times.indices {
                for antenna in 0..<window.antennaCount {
                    times.append(window.times[time])
                    intervals.append(window.intervals[time])
                    windowIDs.append(Int32(window.window))
                    antennas.append(Int32(antenna))
                    references.append(Int32(referenceAntenna))
                    offsets.append((number, window.index(time: time, antenna: antenna, channel: 0, polarization: 0)))
                }
            }
        }
        let ordered = windows.indices.sorted { windows[$0].window < windows[$1].window }
        let gains = windows.map { SharedCopy($0.gains) }
        let errors = windows.map { SharedCopy($0.errors) }
        let snr = windows.map { SharedCopy($0.snr) }
        let flags = windows.map { SharedCopy($0.isFlagged.map { $0 ? UInt8(1) : 0 }) }
        let frequencies = ordered.map { SharedCopy(windows[$0].frequencies) }
        let widths = ordered.map { SharedCopy(windows[$0].channelWidths) }
        let counts = ordered.map { Int32(windows[$0].channelCount) }
        let rows = offsets.map { at in
            radio_caltable_cells(
                gains: UnsafeRawPointer(gains[at.window].start + at.start).assumingMemoryBound(to: Float.self),
                errors: errors[at.window].start + at.start, flags: flags[at.window].start + at.start,
                snr: snr[at.window].start + at.start)
        }
        let frequencyPointers = frequencies.map { UnsafePointer<Double>($0.start) as UnsafePointer<Double>? }
        let widthPointers = widths.map { UnsafePointer<Double>($0.start) as UnsafePointer<Double>? }
        let polarizations = Int32(windows.first?.polarizationCount ?? 0)
        let rowCount = Int64(times.count)
        let referenceHertz = ordered.map { referenceFrequencies[$0] }
        let failure = Self.withStrings([path, measurementSet, kind.rawValue, polarizationBasis, history]) { text in
            Self.withPointers(times, intervals, referenceHertz) { times, intervals, reference in
                var plan = radio_caltable_plan()
                (plan.path, plan.ms_path, plan.vis_cal) = (text[0], text[1], text[2])
                (plan.pol_basis, plan.history) = (text[3], text[4])
                plan.polarization_count = polarizations
                plan.window_count = Int32(ordered.count)
                plan.reference_frequencies_hz = reference
                (plan.times_s, plan.intervals_s, plan.row_count) = (times, intervals, rowCount)
                (plan.field, plan.scan) = (Int32(field), Int32(scan))
                return Self.withPointers(windowIDs, antennas, references) { windowIDs, antennas, references in
                    (plan.windows, plan.antennas, plan.reference_antennas) = (windowIDs, antennas, references)
                    return Self.withPointers(counts, frequencyPointers, widthPointers) { counts, frequencies, widths in
                        (plan.channel_counts, plan.frequencies_hz, plan.widths_hz) = (counts, frequencies, widths)
                        return CasacoreHandle.locked {
                            radio_caltable_write(&plan, rows) == 0 ? nil : String(cString: radio_ms_error())
                        }
                    }
                }
            }
        }
        withExtendedLifetime((gains, errors, snr, flags, frequencies, widths)) {}
        if let failure {
            throw Refusal(
                "calibration table \(path)", why: "cannot be written: \(failure)",
                remedy: "check the disk and that nothing exists there", exit: .cannotCreate)
        }
    }

    private static func withPointers<A, B, C, Value>(
        _ a: [A], _ b: [B], _ c: [C],
        _ body: (UnsafePointer<A>?, UnsafePointer<B>?, UnsafePointer<C>?) -> Value
    ) -> Value {
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                c.withUnsafeBufferPointer { c in body(a.baseAddress, b.baseAddress, c.baseAddress) }
            }
        }
    }

    private static func withStrings<Value>(_ strings: [String], _ body: ([UnsafePointer<CChar>]) -> Value) -> Value {
        let copies = strings.map { SharedCopy(Array($0.utf8CString)) }
        return withExtendedLifetime(copies) { body(copies.map { UnsafePointer($0.start) }) }
    }

    /// - Throws: `Refusal` (bad data) when there is no calibration table of a kind we know at `path`.
    public init(reading path: String) throws {
        self = try CasacoreHandle.locked { try CalibrationTableReader(path).read() }
    }
}

/// An array at a fixed place in memory while the object lives; never written after it is made.
final class SharedCopy<Element: BitwiseCopyable>: @unchecked Sendable {
    let start: UnsafeMutablePointer<Element>

    init(_ values: [Element]) {
        start = .allocate(capacity: max(1, values.count))
        values.withUnsafeBufferPointer { from in
            if let base = from.baseAddress { start.initialize(from: base, count: from.count) }
        }
    }

    deinit { start.deallocate() }
}
