import Absurd
import Synchronization

extension MeasurementSetSolve {
    struct LoadedWindow {
        var planes: VisibilityPlanes
        var geometry: ArrayGeometry
        var count: FlagCount
    }

    /// Reads one data description's visibilities into planes, in parallel by runs of rows, and writes back the flags
    /// of runs in which something was newly flagged.
    func load(
        _ set: MeasurementSet, _ rows: MeasurementRows, description number: Int, hands: [Int],
        pointings: [(ra: Double, dec: Double)]
    ) throws -> LoadedWindow {
        let description = set.dataDescriptions[number]
        let window = set.windows[description.window]
        let (data, flags) = (try set.column("DATA"), try set.column("FLAG"))
        let samples = window.frequencies.count * description.correlations.count
        guard data.rowElements == samples, flags.rowElements == samples, data.element == .complex64 else {
            throw Refusal(
                "Measurement Set \(set.path)", why: "DATA or FLAG is not shaped as window \(description.window) says",
                remedy: "convert the observation again", exit: .badData)
        }
        let limit = max(8, Limits.visibilityChunkBytes / max(1, data.rowBytes) / 8 * 8)
        let runs = rows.runs(ofDescription: number, limit: limit)
        let starts = runs.reduce(into: [0]) { $0.append($0.last! + $1.count) }
        let baselines = baselineRows(set, rows, runs: runs)
        let uvw = try readJoined(try set.column("UVW"), runs) { try $0.doubles($1) }
        let weights = try self.weights(set, runs: runs, uvw: uvw, window: window)
        let planes = VisibilityPlanes(
            rows: baselines, frequencies: window.frequencies, polarizationCount: hands.count, weights: weights,
            channelBin: min(channelBin, window.frequencies.count))
        let errors = FirstError()
        let total = Mutex(FlagCount())
        let changed = Mutex<[Int: [UInt8]]>([:])
        ParallelLoop.run(runs.count, threads: solver.threads) { _, index in
            errors.attempt {
                let values = try data.visibilities(runs[index])
                var bits = try flags.flags(runs[index])
                let (own, isChanged) = Self.fill(
                    planes, values: values, flags: &bits, firstRow: starts[index], count: runs[index].count,
                    channels: window.frequencies.count, correlations: description.correlations.count, hands: hands)
                total.withLock { $0.add(own) }
                if isChanged { changed.withLock { $0[index] = bits } }
            }
        }
        try errors.check()
        for (index, bits) in changed.withLock({ $0 }) { try flags.write(bits, rows: runs[index]) }
        return LoadedWindow(
            planes: planes,
            geometry: geometry(set, rows, baselines: baselines, uvw: uvw, runs: runs, pointings: pointings),
            count: total.withLock { $0 })
    }

    /// - Returns: the counts of these rows, and whether a flag changed.
    private static func fill(
        _ planes: VisibilityPlanes, values: [SIMD2<Float>], flags: inout [UInt8], firstRow: Int, count: Int,
        channels: Int, correlations: Int, hands: [Int]
    ) -> (FlagCount, Bool) {
        let samples = channels * correlations
        var total = FlagCount()
        var isChanged = false
        values.withUnsafeBytes { values in
            flags.withUnsafeMutableBufferPointer { flags in
                for row in 0..<count {
                    let own = flags.baseAddress! + row * samples
                    let isAuto = planes.rows.antenna1[firstRow + row] == planes.rows.antenna2[firstRow + row]
                    if isAuto {
                        for sample in 0..<samples where own[sample] == 0 {
                            own[sample] = 1
                            isChanged = true
                        }
                        continue
                    }
                    for channel in 0..<channels {
                        for hand in hands { total.before += Int(own[channel * correlations + hand]) }
                    }
                    let start = values.baseAddress! + row * samples * MemoryLayout<SIMD2<Float>>.stride
                    let bad = planes.fill(
                        row: firstRow + row, data: start.assumingMemoryBound(to: Float.self), flags: own,
                        channels: channels, correlationCount: correlations, correlations: hands)
                    total.bad += bad
                    total.samples += channels * hands.count
                    isChanged = isChanged || bad > 0
                }
            }
        }
        return (total, isChanged)
    }

    private func readJoined<Value>(
        _ column: MeasurementColumn, _ runs: [Range<Int>], _ read: (MeasurementColumn, Range<Int>) throws -> [Value]
    ) throws -> [Value] {
        try runs.flatMap { try read(column, $0) }
    }

    private func baselineRows(
        _ set: MeasurementSet, _ rows: MeasurementRows, runs: [Range<Int>]
    ) -> BaselineRows {
        BaselineRows(
            antennaCount: set.antennas.count, antenna1: runs.flatMap { rows.antenna1[$0] },
            antenna2: runs.flatMap { rows.antenna2[$0] }, times: runs.flatMap { rows.times[$0] })
    }

    /// The rows' weights where they make sense, zero for baselines outside the uv range.
    private func weights(
        _ set: MeasurementSet, runs: [Range<Int>], uvw: [Double], window: MeasurementSet.Window
    ) throws -> [Float] {
        let column = try set.column("WEIGHT")
        let values = try readJoined(column, runs) { try $0.floats($1) }
        let width = max(1, column.rowElements)
        let wavelengths = window.frequencies.reduce(0, +) / Double(window.frequencies.count) / speedOfLight
        return (0..<uvw.count / 3).map { row in
            let (u, v) = (uvw[row * 3] * wavelengths, uvw[row * 3 + 1] * wavelengths)
            guard uvRange.contains((u * u + v * v).squareRoot()) else { return 0 }
            let mean = values[row * width..<(row + 1) * width].reduce(0, +) / Float(width)
            return mean.isFinite && mean > 0 ? mean : 0
        }
    }

    private func geometry(
        _ set: MeasurementSet, _ rows: MeasurementRows, baselines: BaselineRows, uvw: [Double], runs: [Range<Int>],
        pointings: [(ra: Double, dec: Double)]
    ) -> ArrayGeometry {
        let fields = runs.flatMap { rows.fields[$0] }
        let centres = baselines.rowsOfTime.map { own -> (ra: Double, dec: Double) in
            let field = set.fields[own.first.map { Int(fields[Int($0)]) } ?? 0]
            return (field.rightAscension, field.declination)
        }
        let beams = baselines.times.map { time in
            pointings[max(0, rows.distinctTimes.partitioningIndex(above: time + 1e-9) - 1)]
        }
        return ArrayGeometry(
            coordinates: baselines.antennaCoordinates(uvw: uvw), phaseCentres: centres, pointings: beams)
    }
}
