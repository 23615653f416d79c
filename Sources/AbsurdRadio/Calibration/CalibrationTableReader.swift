import Absurd
import CRadio

/// Reads one table from casacore; used by one thread under casacore's lock.
final class CalibrationTableReader {
    private let path: String
    private let handle: OpaquePointer

    private struct Row {
        var index: Int64
        var header: radio_caltable_row
    }

    private struct WindowAxis {
        var frequencies: [Double]
        var widths: [Double]
        var reference: Double
    }

    init(_ path: String) throws {
        self.path = path
        var handle: OpaquePointer?
        guard radio_caltable_open(path, &handle) == 0, let handle else { throw Self.refusal(path, Self.error) }
        self.handle = handle
    }

    deinit { radio_caltable_close(handle) }

    private static var error: String { String(cString: radio_ms_error()) }

    private static func refusal(_ path: String, _ why: String) -> Refusal {
        Refusal(
            "calibration table \(path)", why: "cannot be read: \(why)",
            remedy: "pass a table that calibration-solve gave",
            exit: .badData)
    }

    func read() throws -> CalibrationTable {
        var summary = radio_caltable_summary()
        try check(radio_caltable_summarize(handle, &summary))
        let name = String(cString: summary.vis_cal)
        guard let kind = CalibrationTable.Kind(rawValue: name) else {
            throw Self.refusal(path, "its kind \"\(name)\" is not one of K, B, G Jones")
        }
        let antennaNames = try (0..<summary.antennas).map { index in
            var text: UnsafePointer<CChar>?
            try check(radio_caltable_antenna(handle, index, &text))
            return text.map { String(cString: $0) } ?? ""
        }
        let axes = try (0..<summary.windows).map { try axis($0) }
        var rows = [[Row]](repeating: [], count: axes.count)
        for index in 0..<summary.rows {
            var header = radio_caltable_row()
            try check(radio_caltable_get_row(handle, index, &header))
            guard axes.indices.contains(Int(header.window)), antennaNames.indices.contains(Int(header.antenna)) else {
                throw Self.refusal(path, "row \(index) is of a window or antenna that it does not describe")
            }
            rows[Int(header.window)].append(Row(index: index, header: header))
        }
        let reference = rows.joined().first.map { Int($0.header.reference_antenna) } ?? 0
        var (windows, references): ([WindowSolution], [Double]) = ([], [])
        for (window, own) in rows.enumerated() where !own.isEmpty {
            windows.append(try solution(window: window, rows: own, axis: axes[window], antennas: antennaNames.count))
            references.append(axes[window].reference)
        }
        return CalibrationTable(
            kind: kind, antennaNames: antennaNames, referenceAntenna: reference, windows: windows,
            referenceFrequencies: references)
    }

    private func axis(_ index: Int32) throws -> WindowAxis {
        var (count, reference): (Int32, Double) = (0, 0)
        try check(radio_caltable_window(handle, index, 0, &count, &reference, nil, nil))
        var frequencies = [Double](repeating: 0, count: Int(count))
        var widths = frequencies
        try check(radio_caltable_window(handle, index, count, &count, &reference, &frequencies, &widths))
        return WindowAxis(frequencies: frequencies, widths: widths, reference: reference)
    }

    private func solution(window: Int, rows: [Row], axis: WindowAxis, antennas: Int) throws -> WindowSolution {
        var times: [Double] = []
        for time in rows.map(\.header.time_s).sorted() where times.last.map({ time - $0 > 1e-3 }) ?? true {
            times.append(time)
        }
        var intervals = [Double](repeating: 0, count: times.count)
        let (channels, polarizations) = (Int(rows[0].header.channels), Int(rows[0].header.polarizations))
        guard channels == axis.frequencies.count,
            rows.allSatisfy({ $0.header.channels == channels && $0.header.polarizations == polarizations })
        else { throw Self.refusal(path, "its cells in window \(window) have several shapes") }
        var result = WindowSolution(
            window: window, frequencies: axis.frequencies, channelWidths: axis.widths, times: times,
            intervals: intervals, antennaCount: antennas, polarizationCount: polarizations)
        let count = channels * polarizations
        var gains = [Float](repeating: 0, count: 2 * count)
        var (errors, snr) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
        var flags = [UInt8](repeating: 0, count: count)
        for row in rows {
            let time = max(0, times.partitioningIndex(above: row.header.time_s + 1e-6) - 1)
            intervals[time] = row.header.interval_s
            try check(radio_caltable_get_cells(handle, row.index, &gains, &errors, &flags, &snr))
            let start = result.index(time: time, antenna: Int(row.header.antenna), channel: 0, polarization: 0)
            for sample in 0..<count {
                result.gains[start + sample] = ComplexGain(gains[2 * sample], gains[2 * sample + 1])
                result.errors[start + sample] = errors[sample]
                result.snr[start + sample] = snr[sample]
                result.isFlagged[start + sample] = flags[sample] != 0
            }
        }
        result.intervals = intervals
        return result
    }

    private func check(_ code: Int32) throws {
        if code != 0 { throw Self.refusal(path, Self.error) }
    }
}
