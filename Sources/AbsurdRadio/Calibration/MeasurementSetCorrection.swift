import Absurd
import CRadio
import Synchronization

/// Divides a Measurement Set's DATA by the gains of calibration tables into CORRECTED_DATA, in one pass.
///
/// DATA stays as it is, so running it again gives the same result. Samples without a solution get flagged and keep
/// their uncorrected value. Memory: one chunk of rows for each thread.
public struct MeasurementSetCorrection: Sendable {
    /// Also scales the weights by |g₁|²|g₂|², so that they stand for the corrected data's noise.
    public var calibratesWeights = false
    public var threads = 1

    public init() {}

    public struct Outcome: Sendable {
        public var rows: Int
        /// Samples that came without a flag and now have one.
        public var newlyFlagged: Int
        public var samples: Int
        /// Spectral windows that the tables do not cover: they are flagged.
        public var uncoveredWindows: Int
    }

    /// - Parameter set: open for writing.
    /// - Throws: `Refusal` when the tables don't fit the data; `Refusal` (cannot create) when the disk is full.
    public func run(
        _ set: MeasurementSet, tables: [CalibrationTable], progress: @escaping @Sendable (Double, String) -> Void
    ) throws -> Outcome {
        let descriptions = set.dataDescriptions
        let application = try GainApplication(
            tables: tables, antennaNames: set.antennas.map(\.name),
            windows: descriptions.map { description in
                GainApplication.Window(
                    frequencies: set.windows[description.window].frequencies,
                    receptors: description.correlations.map(MeasurementSet.receptors))
            })
        let rows = try MeasurementRows(set)
        try set.addVisibilityColumn("CORRECTED_DATA")
        let columns = try Columns(set, scalesWeights: calibratesWeights)
        let perChunk = max(8, Limits.visibilityChunkBytes / max(1, columns.data.rowBytes) / 8 * 8)
        let chunks = stride(from: 0, to: set.rowCount, by: perChunk).map { start in
            start..<min(start + perChunk, set.rowCount)
        }
        let workers = (0..<ParallelLoop.workers(chunks.count, threads: threads)).map { _ in Worker() }
        let errors = FirstError()
        let done = Mutex((chunks: 0, flagged: 0))
        ParallelLoop.run(chunks.count, threads: threads) { worker, index in
            errors.attempt {
                let flagged = try workers[worker].correct(
                    chunks[index], columns: columns, rows: rows, application: application)
                let finished = done.withLock { done in
                    done.chunks += 1
                    done.flagged += flagged
                    return done.chunks
                }
                progress(Double(finished) / Double(chunks.count), "rows corrected")
            }
        }
        try errors.check()
        return Outcome(
            rows: set.rowCount, newlyFlagged: done.withLock { $0.flagged },
            samples: set.rowCount * columns.data.rowElements, uncoveredWindows: application.uncoveredWindows)
    }

    private struct Columns: Sendable {
        let data: MeasurementColumn
        let corrected: MeasurementColumn
        let flags: MeasurementColumn
        let weights: WeightColumns?

        init(_ set: MeasurementSet, scalesWeights: Bool) throws {
            data = try set.column("DATA")
            flags = try set.column("FLAG")
            corrected = try set.column("CORRECTED_DATA")
            let elements = data.rowElements
            let fits = set.dataDescriptions.allSatisfy {
                set.windows[$0.window].frequencies.count * $0.correlations.count == elements
            }
            guard fits, elements > 0, data.element == .complex64, flags.rowElements == elements,
                corrected.rowElements == elements
            else {
                throw Refusal(
                    "Measurement Set \(set.path)", why: "its spectral windows differ in shape or DATA is not complex",
                    remedy: "convert the observation again", exit: .badData)
            }
            weights = scalesWeights ? try WeightColumns(set) : nil
        }
    }

    /// One thread's gains; used by that thread alone.
    private final class Worker: @unchecked Sendable {
        private let gains = InverseGains()

        func correct(
            _ range: Range<Int>, columns: Columns, rows: MeasurementRows, application: GainApplication
        ) throws -> Int {
            var values = try columns.data.visibilities(range)
            var flags = try columns.flags.flags(range)
            var weights = try columns.weights?.read(range)
            let samples = columns.data.rowElements
            var flagged = 0
            for (index, row) in range.enumerated() {
                gains.prepare(application, window: Int(rows.descriptions[row]), time: rows.times[row])
                let first = Int(rows.antenna1[row]) * samples
                let second = Int(rows.antenna2[row]) * samples
                flagged += gains.correct(
                    &values, &flags, offset: index * samples, first: first, second: second, samples: samples)
                weights?.scale(row: index, gains: gains, first: first, second: second)
            }
            try columns.corrected.write(values, rows: range)
            if flagged > 0 { try columns.flags.write(flags, rows: range) }
            if let weights { try columns.weights?.write(weights, range) }
            return flagged
        }
    }
}

extension InverseGains {
    fileprivate func correct(
        _ values: inout [SIMD2<Float>], _ flags: inout [UInt8], offset: Int, first: Int, second: Int, samples: Int
    ) -> Int {
        values.withUnsafeMutableBytes { values in
            flags.withUnsafeMutableBufferPointer { flags in
                self.first.withUnsafeBytes { gains1 in
                    self.second.withUnsafeBytes { gains2 in
                        let data = values.assumingMemoryBound(to: Float.self).baseAddress! + 2 * offset
                        return radio_correct_row(
                            data, data, flags.baseAddress! + offset,
                            gains1.assumingMemoryBound(to: Float.self).baseAddress! + 2 * first,
                            gains2.assumingMemoryBound(to: Float.self).baseAddress! + 2 * second, samples)
                    }
                }
            }
        }
    }
}
