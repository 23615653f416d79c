import Absurd
import CRadio
import Glibc
import Synchronization

/// Stokes I of a whole Measurement Set in memory: every spectral window, read once.
///
/// Memory: 12 bytes a sample (complex float and weight) and 36 a row.
public final class ImagingVisibilities: @unchecked Sendable {
    // Who writes what: `init` fills everything, rows split over threads; later only the gridder (values) and the
    // weighting (weights) write, one call at a time, by the one thread that owns the run.
    let uvw: SharedArray<Double>
    let windows: SharedArray<Int32>
    let firstSamples: SharedArray<Int64>
    let values: SharedArray<Float>
    let weights: SharedArray<Float>
    let frequencies: SharedArray<Double>
    let firstChannels: SharedArray<Int32>

    public let rowCount: Int
    public let channelCount: Int
    /// Hz: the edges of the band.
    public let band: (low: Double, high: Double)
    public let centre: MeasurementSet.Field
    /// Julian date (UTC) of the start.
    public let start: Double
    public let telescope: String
    /// Samples that are neither flagged nor without weight.
    public private(set) var goodCount = 0

    public var sampleCount: Int { rowCount * channelCount }

    /// Bytes that a set of this size takes.
    public static func bytes(rows: Int, channels: Int) -> Int { rows * channels * 12 + rows * 36 }

    /// - Throws: `Refusal` (bad data) for windows of different lengths, several phase centres or no parallel hands.
    public init(reading set: MeasurementSet, dataColumn: String, threads: Int) throws {
        func refuse(_ why: String, _ remedy: String) -> Refusal {
            Refusal("Measurement Set \(set.path)", why: why, remedy: remedy, exit: .badData)
        }
        guard let first = set.windows.first, set.rowCount > 0, !first.frequencies.isEmpty else {
            throw refuse("it has no data rows or no channels", "convert it again")
        }
        guard set.windows.allSatisfy({ $0.frequencies.count == first.frequencies.count }) else {
            throw refuse("its windows differ in their number of channels", "use config.backend wsclean")
        }
        guard let field = set.fields.first else { throw refuse("it has no field", "convert it again") }
        centre = field
        guard set.fields.allSatisfy({ Self.separation($0, field) < 5e-7 }) else {
            throw refuse("its fields have different phase centres", "convert it with one phase centre")
        }
        let hands = try set.dataDescriptions.map { description -> (Int, Int) in
            guard let pair = Self.parallelHands(description.correlations) else {
                throw refuse("it has no parallel hands to make Stokes I of", "image another set")
            }
            return pair
        }
        rowCount = set.rowCount
        channelCount = first.frequencies.count
        telescope = set.telescope
        start = set.timeRange.0 / 86400 + 2_400_000.5
        var (low, high) = (Double.infinity, 0.0)
        for window in set.windows {
            for (frequency, width) in zip(window.frequencies, window.widths) {
                low = min(low, frequency - abs(width) / 2)
                high = max(high, frequency + abs(width) / 2)
            }
        }
        band = (low, high)
        uvw = SharedArray(rowCount * 3)
        windows = SharedArray(rowCount)
        firstSamples = SharedArray(rowCount)
        values = SharedArray(rowCount * channelCount * 2)
        weights = SharedArray(rowCount * channelCount)
        frequencies = SharedArray(set.windows.count * channelCount)
        firstChannels = SharedArray(set.windows.count + 1)
        for (index, window) in set.windows.enumerated() {
            firstChannels.start[index + 1] = Int32((index + 1) * channelCount)
            for (channel, value) in window.frequencies.enumerated() {
                frequencies.start[index * channelCount + channel] = value
            }
        }
        let reader = try RowReader(set, dataColumn: dataColumn, hands: hands)
        goodCount = try reader.read(into: self, threads: threads)
    }

    /// Radians, for small angles.
    private static func separation(_ a: MeasurementSet.Field, _ b: MeasurementSet.Field) -> Double {
        let turn = (a.rightAscension - b.rightAscension).remainder(dividingBy: 2 * .pi)
        let across = turn * cos((a.declination + b.declination) / 2)
        let along = a.declination - b.declination
        return (across * across + along * along).squareRoot()
    }

    private static func parallelHands(_ correlations: [MeasurementSet.Correlation]) -> (Int, Int)? {
        for (a, b) in [(MeasurementSet.Correlation.xx, MeasurementSet.Correlation.yy), (.rr, .ll), (.i, .i)] {
            if let first = correlations.firstIndex(of: a), let last = correlations.firstIndex(of: b) {
                return (first, last)
            }
        }
        return nil
    }

    /// The C view of these arrays; valid while `self` lives.
    var samples: radio_gridder_samples {
        radio_gridder_samples(
            row_count: Int64(rowCount), uvw_m: uvw.start, windows: windows.start, first_samples: firstSamples.start,
            window_count: Int32(firstChannels.count - 1), first_channels: firstChannels.start,
            frequencies_hz: frequencies.start, values: values.start, weights: weights.start)
    }
}

/// Moves blocks of rows from the columns into the arrays.
private struct RowReader {
    static let blockRows = 1024

    let data: MeasurementColumn
    let flags: MeasurementColumn
    let weights: MeasurementColumn
    let uvw: MeasurementColumn
    let antennas: (MeasurementColumn, MeasurementColumn)
    let descriptions: MeasurementColumn
    let windowOf: [Int]
    let hands: [(Int, Int)]

    init(_ set: MeasurementSet, dataColumn: String, hands: [(Int, Int)]) throws {
        data = try set.column(dataColumn)
        flags = try set.column("FLAG")
        let spectrum = try set.hasColumn("WEIGHT_SPECTRUM") ? set.column("WEIGHT_SPECTRUM") : nil
        weights = spectrum?.rowElements == data.rowElements ? spectrum! : try set.column("WEIGHT")
        uvw = try set.column("UVW")
        antennas = (try set.column("ANTENNA1"), try set.column("ANTENNA2"))
        descriptions = try set.column("DATA_DESC_ID")
        windowOf = set.dataDescriptions.map(\.window)
        self.hands = hands
        guard data.element == .complex64, flags.rowElements == data.rowElements else {
            throw MeasurementSetFailure(description: "\(dataColumn) and FLAG do not fit together")
        }
    }

    /// - Returns: how many samples have weight.
    func read(into target: ImagingVisibilities, threads: Int) throws -> Int {
        let blocks = (target.rowCount + Self.blockRows - 1) / Self.blockRows
        let state = Mutex<(failure: (any Error)?, good: Int)>((nil, 0))
        ParallelLoop.run(blocks, threads: threads) { _, block in
            guard state.withLock({ $0.failure == nil }) else { return }
            let rows = block * Self.blockRows..<min(target.rowCount, (block + 1) * Self.blockRows)
            do {
                let good = try read(rows, into: target)
                state.withLock { $0.good += good }
            } catch {
                state.withLock { $0.failure = error }
            }
        }
        return try state.withLock { state in
            if let failure = state.failure { throw failure }
            return state.good
        }
    }

    private func read(_ rows: Range<Int>, into target: ImagingVisibilities) throws -> Int {
        let (start, count, channels) = (rows.lowerBound, rows.count, target.channelCount)
        let correlations = data.rowElements / channels
        let positions = UnsafeMutableRawBufferPointer(
            start: target.uvw.start + rows.lowerBound * 3, count: count * 3 * MemoryLayout<Double>.stride)
        try uvw.read(rows: rows, into: positions)
        let (a, b) = (try antennas.0.integers(rows), try antennas.1.integers(rows))
        let ids = try descriptions.integers(rows)
        let visibilities = try data.visibilities(rows)
        let flagged = try flags.flags(rows)
        let natural = try weights.floats(rows)
        let values = target.values.start + rows.lowerBound * channels * 2
        let good = target.weights.start + rows.lowerBound * channels
        // Runs of rows with one description are the rule; each goes to C at once.
        var first = 0
        while first < count {
            var end = first + 1
            while end < count && ids[end] == ids[first] { end += 1 }
            let id = Int(ids[first])
            guard windowOf.indices.contains(id) else {
                throw MeasurementSetFailure(description: "DATA_DESC_ID \(id) is not in DATA_DESCRIPTION")
            }
            let (hand, rows) = (hands[id], Int64(end - first))
            visibilities.withUnsafeBytes { data in
                flagged.withUnsafeBufferPointer { flagged in
                    natural.withUnsafeBufferPointer { natural in
                        radio_gridder_stokes(
                            data.bindMemory(to: Float.self).baseAddress! + first * self.data.rowElements * 2,
                            flagged.baseAddress! + first * self.data.rowElements,
                            natural.baseAddress! + first * weights.rowElements, rows, Int64(channels),
                            Int64(correlations), Int64(hand.0), Int64(hand.1), Int64(weights.rowElements),
                            values + first * channels * 2, good + first * channels)
                    }
                }
            }
            for row in first..<end {
                target.windows.start[start + row] = Int32(windowOf[id])
                target.firstSamples.start[start + row] = Int64((start + row) * channels)
                if a[row] == b[row] { (good + row * channels).update(repeating: 0, count: channels) }
            }
            first = end
        }
        var number = 0
        for index in 0..<count * channels where good[index] > 0 { number += 1 }
        return number
    }
}
