import Absurd
import Dispatch
import Glibc
import Synchronization

/// Writes the sub-bands of one observation into one Measurement Set.
///
/// Rows: spectral windows in ascending frequency, within each the file's own rows in their order. Every worker takes
/// one sub-band at a time, reads it in blocks, converts each and writes it to its place in the tile files: no two
/// workers write the same bytes. Memory: a block and a header per worker, whatever the files' size.
public struct GroupConversion: Sendable {
    public let selection: SubbandSelection
    public let options: ConversionOptions
    let fields: FieldChoice
    /// First row of each window, and the number of rows at the end.
    let firstRows: [Int]

    /// - Throws: `Refusal` for phase centres that are not supported.
    public init(_ selection: SubbandSelection, options: ConversionOptions) throws {
        self.selection = selection
        self.options = options
        let reference = selection.subbands[0]
        fields = try FieldChoice(reference, mode: options.phaseCentre)
        var first = [0]
        for window in selection.windows { first.append(first.last! + (window.subband ?? reference).rows.count) }
        firstRows = first
    }

    public var rowCount: Int { firstRows[firstRows.count - 1] }

    /// Bytes that the Measurement Set takes, within a few per cent.
    public var outputBytes: Int {
        let reference = selection.subbands[0]
        let values = reference.frequencies.count * reference.correlations.count
        let perRow = values * (8 + 4) + values / 8 + 24 + reference.correlations.count * 8 + 8
        return rowCount * perRow + (4 << 20)
    }

    /// - Parameters:
    ///   - path: nothing may be there.
    ///   - progress: called by any worker with 0...1.
    /// - Throws: `Refusal` when the disk is full or nothing in the files is usable.
    public func write(to path: String, progress: @Sendable (Double) -> Void) throws -> ConversionReport {
        try create(path)
        let writer = try SubbandWriter(path: path)
        let reference = selection.subbands[0]
        let tally = Mutex(Tally())
        let next = Atomic(0)
        let total = rowCount
        DispatchQueue.concurrentPerform(iterations: max(1, min(options.workers, selection.windows.count))) { _ in
            while true {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < selection.windows.count, tally.withLock({ $0.failure == nil }) else { return }
                let subband = selection.windows[index].subband
                do {
                    var job = SubbandJob(
                        subband: subband ?? reference, isMissing: subband == nil, firstRow: firstRows[index],
                        fields: fields)
                    let counts = try job.run(writer) { rows in
                        let done = tally.withLock { tally in
                            tally.rows += rows
                            return tally.failure == nil ? tally.rows : nil
                        }
                        guard let done else { throw CancellationError() }
                        progress(Double(done) / Double(max(1, total)))
                    }
                    tally.withLock { $0.add(counts) }
                } catch {
                    tally.withLock { $0.failure = $0.failure ?? error }
                }
            }
        }
        return try report(tally.withLock { $0 })
    }

    private struct Tally {
        var rows = 0
        var counts = SubbandJob.Counts()
        var failure: (any Error)?

        mutating func add(_ more: SubbandJob.Counts) {
            counts.values += more.values
            counts.flagged += more.flagged
            counts.notFinite += more.notFinite
            counts.warnings += more.warnings
        }
    }

    private func report(_ tally: Tally) throws -> ConversionReport {
        if let failure = tally.failure { throw failure }
        let reference = selection.subbands[0]
        var report = ConversionReport(
            rows: rowCount, windows: selection.windows.count, antennas: reference.antennas.count,
            fields: fields.fields.count)
        report.warnings = selection.warnings + tally.counts.warnings.sorted()
        report.flaggedFraction = Double(tally.counts.flagged) / Double(max(1, tally.counts.values))
        if tally.counts.notFinite > 0 {
            report.warnings.append("\(tally.counts.notFinite) visibilities are no numbers: flagged, and set to 0")
        }
        guard tally.counts.flagged < tally.counts.values else {
            throw Refusal(
                "observation \(reference.candidate.stamp)", why: "every visibility is flagged or no number",
                remedy: "look at what the correlator wrote", exit: .badData)
        }
        return report
    }
}

// MARK: Creation

extension GroupConversion {
    private func create(_ path: String) throws {
        let subbands = selection.subbands
        let reference = subbands[0]
        let ends = subbands.flatMap { $0.rows.integrations }.map { integration in
            let middle = Self.modifiedJulianSeconds(integration.julianDate)
            return (middle - integration.seconds / 2, middle + integration.seconds / 2)
        }
        let start = ends.map(\.0).min()!
        let end = ends.map(\.1).max()!
        let plan = MeasurementSetPlan(
            path: path, rowCount: rowCount, telescope: reference.telescope, observer: reference.telescope,
            project: reference.instrument, arrayPosition: reference.site.position, timeRange: (start, end),
            antennas: reference.antennas,
            windows: selection.windows.enumerated().map { index, window in
                MeasurementSet.Window(
                    name: "SPW\(index)", frequencies: window.frequencies, widths: window.widths)
            },
            correlations: reference.correlations,
            fields: fields.fields.map {
                MeasurementSet.Field(
                    name: $0.name, rightAscension: $0.direction.rightAscension,
                    declination: $0.direction.declination)
            },
            fieldTimes: fields.fields.map { Self.modifiedJulianSeconds($0.julianDate) }, application: "absurd",
            history: "convert-uvh5-to-ms: \(subbands.count) sub-bands of \(reference.candidate.stamp), "
                + "\(fields.fields.count) phase centre(s)")
        try plan.create { columns in
            for (index, window) in selection.windows.enumerated() {
                try writeScalars((window.subband ?? reference).rows, window: index, columns)
            }
        }
    }

    /// In pieces, so that memory does not grow with the file.
    private func writeScalars(_ rows: SubbandRows, window: Int, _ columns: ScalarColumns) throws {
        let times = rows.integrations.map { Self.modifiedJulianSeconds($0.julianDate) }
        let fieldIDs = rows.integrations.map { Int32(fields.index(of: $0)) }
        for start in stride(from: 0, to: rows.count, by: 1 << 16) {
            let piece = start..<min(rows.count, start + 1 << 16)
            let integrations = rows.integrationOfRow[piece]
            let first = firstRows[window] + start
            let time = integrations.map { times[Int($0)] }
            let seconds = integrations.map { rows.integrations[Int($0)].seconds }
            for name in ["TIME", "TIME_CENTROID"] { try columns.writeRuns(name, first: first, time) }
            for name in ["INTERVAL", "EXPOSURE"] { try columns.writeRuns(name, first: first, seconds) }
            try columns.writeRuns("FIELD_ID", first: first, integrations.map { fieldIDs[Int($0)] })
            try columns.writeRuns(
                "DATA_DESC_ID", first: first, [Int32](repeating: Int32(window), count: piece.count))
            try columns.writeRuns("SCAN_NUMBER", first: first, [Int32](repeating: 1, count: piece.count))
            try columns.write("ANTENNA1", first: first, Array(rows.antenna1[piece]))
            try columns.write("ANTENNA2", first: first, Array(rows.antenna2[piece]))
        }
    }

    static func modifiedJulianSeconds(_ julianDate: Double) -> Double { (julianDate - 2_400_000.5) * 86_400 }
}
