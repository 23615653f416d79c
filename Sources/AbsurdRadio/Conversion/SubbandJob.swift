import Absurd
import CRadio

/// The bulk columns of a Measurement Set that is being filled. Any thread may write rows of its own.
struct SubbandWriter: Sendable {
    let data: MeasurementColumn
    let flags: MeasurementColumn
    let weightSpectrum: MeasurementColumn
    let weight: MeasurementColumn
    let sigma: MeasurementColumn
    let uvw: MeasurementColumn

    init(path: String) throws {
        let set = try MeasurementSet(opening: path, writable: true)
        data = try set.column("DATA")
        flags = try set.column("FLAG")
        weightSpectrum = try set.column("WEIGHT_SPECTRUM")
        weight = try set.column("WEIGHT")
        sigma = try set.column("SIGMA")
        uvw = try set.column("UVW")
        // casacore must not hold pages of the files that are written past it.
        if [data, flags, weightSpectrum, weight, sigma, uvw].allSatisfy(\.isFlat) { try set.close() }
    }
}

/// The conversion of one sub-band, block by block, on one thread.
struct SubbandJob {
    struct Counts: Sendable {
        var values = 0
        var flagged = 0
        var notFinite = 0
        var warnings: [String] = []
    }

    private let subband: Subband
    private let isMissing: Bool
    private let firstRow: Int
    private let geometry: SubbandGeometry
    private let channels: Int
    private let polarizations: Int
    private var counts = Counts()
    private var phasors: [SIMD2<Float>] = []
    private var phasorIntegrations: [Int32] = []

    /// - Parameter isMissing: only the rows' geometry is taken from `subband`; every value is flagged.
    init(subband: Subband, isMissing: Bool, firstRow: Int, fields: FieldChoice) {
        self.subband = subband
        self.isMissing = isMissing
        self.firstRow = firstRow
        geometry = SubbandGeometry(subband, fields: fields)
        channels = subband.frequencies.count
        polarizations = subband.correlations.count
    }

    /// - Parameter done: called with the rows of each block; what it throws ends the job.
    mutating func run(_ writer: SubbandWriter, done: (Int) throws -> Void) throws -> Counts {
        let reader = isMissing ? nil : try UVH5Reader(path: subband.candidate.path)
        if let reader, reader.metadata.rowCount != subband.rows.count {
            throw Refusal(
                subband.candidate.path, why: "it changed while it was converted",
                remedy: "convert it once it is complete", exit: .tryAgain)
        }
        let chunks = reader?.chunks()
        let rowsPerBlock = blockRows(chunk: reader?.rowsPerChunk ?? 1)
        let buffers = BlockBuffers(rows: rowsPerBlock, channels: channels, polarizations: polarizations)
        var unreadable = 0
        for start in stride(from: 0, to: subband.rows.count, by: rowsPerBlock) {
            let rows = start..<min(subband.rows.count, start + rowsPerBlock)
            if let reader, Self.read(reader, chunks, rows, buffers) {
                convert(rows, buffers)
            } else {
                if !isMissing { unreadable += rows.count }
                flag(rows, buffers)
            }
            try write(rows, buffers, writer)
            try done(rows.count)
        }
        if unreadable > 0 {
            counts.warnings.append("\(subband.candidate.path): \(unreadable) rows cannot be read, they are flagged")
        }
        return counts
    }

    /// About half a megabyte of visibilities, whole chunks, and whole bytes of packed flags.
    private func blockRows(chunk: Int) -> Int {
        let target = max(8, Limits.convertBlockValues / max(1, channels * polarizations))
        // Larger chunks are read in part, again and again: slower, but memory stays bounded.
        let whole = chunk % 8 == 0 ? chunk : chunk * 8
        let unit = whole <= target * 8 ? whole : 8
        return max(unit, target / unit * unit)
    }

    /// - Returns: false when the file is damaged there.
    private static func read(
        _ reader: UVH5Reader, _ chunks: UVH5Chunks?, _ rows: Range<Int>, _ buffers: BlockBuffers
    ) -> Bool {
        if let chunks,
            chunks.read(
                rows: rows, visibilities: buffers.visibilities, flags: buffers.inFlags, samples: buffers.samples)
        {
            return true
        }
        do {
            try reader.read(
                blts: rows, visibilities: buffers.visibilities, flags: buffers.inFlags, samples: buffers.samples)
            return true
        } catch {
            return false
        }
    }
}

// MARK: One block

extension SubbandJob {
    private mutating func convert(_ rows: Range<Int>, _ buffers: BlockBuffers) {
        for (index, row) in rows.enumerated() {
            buffers.antenna1[index] = subband.rows.antenna1[row]
            buffers.antenna2[index] = subband.rows.antenna2[row]
            buffers.swapped[index] = subband.rows.swapped.isEmpty ? 0 : subband.rows.swapped[row]
        }
        var block = radio_convert_block()
        buffers.describe(&block)
        block.rows = Int64(rows.count)
        block.channels = Int32(channels)
        block.polarizations = Int32(polarizations)
        block.reverse_channels = subband.channelsDescend
        block.antennas = Int32(geometry.antennaCount)
        let rotates = !geometry.shifts.isEmpty
        if rotates { preparePhasors(rows, buffers) }
        let result = subband.correlationSource.withUnsafeBufferPointer { source in
            subband.correlationSourceSwapped.withUnsafeBufferPointer { swappedSource in
                phasors.withUnsafeBytes { phasors in
                    block.polarization_source = source.baseAddress
                    block.polarization_source_swapped = swappedSource.baseAddress
                    block.phasors = rotates ? phasors.baseAddress?.assumingMemoryBound(to: Float.self) : nil
                    return radio_convert(&block)
                }
            }
        }
        counts.values += rows.count * channels * polarizations
        counts.flagged += Int(result.flagged)
        counts.notFinite += Int(result.not_finite)
    }

    /// Makes `phasors` hold the integrations of these rows, and the slots tell where.
    private mutating func preparePhasors(_ rows: Range<Int>, _ buffers: BlockBuffers) {
        var slotOf: [Int32: Int32] = [:]
        var wanted: [Int32] = []
        var last: Int32 = -1
        var slot: Int32 = 0
        for (index, row) in rows.enumerated() {
            let integration = subband.rows.integrationOfRow[row]
            if integration != last {
                last = integration
                slot = slotOf[integration] ?? Int32(wanted.count)
                if slotOf.updateValue(slot, forKey: integration) == nil { wanted.append(integration) }
            }
            buffers.slots[index] = slot
        }
        guard wanted != phasorIntegrations else { return }
        phasors.removeAll(keepingCapacity: true)
        for integration in wanted {
            geometry.appendPhasors(integration: Int(integration), frequencies: subband.frequencies, to: &phasors)
        }
        phasorIntegrations = wanted
    }

    /// What cannot be known: value and weight 0, flagged.
    private mutating func flag(_ rows: Range<Int>, _ buffers: BlockBuffers) {
        buffers.data.update(repeating: .zero)
        buffers.flags.update(repeating: 1)
        buffers.weightSpectrum.update(repeating: 0)
        buffers.weight.update(repeating: 0)
        buffers.sigma.update(repeating: -1)
        let values = rows.count * channels * polarizations
        counts.values += values
        counts.flagged += values
    }

    private func write(_ rows: Range<Int>, _ buffers: BlockBuffers, _ writer: SubbandWriter) throws {
        let target = firstRow + rows.lowerBound..<firstRow + rows.upperBound
        func put<Value>(_ column: MeasurementColumn, _ buffer: UnsafeMutableBufferPointer<Value>) throws {
            try column.write(
                rows: target,
                from: UnsafeRawBufferPointer(start: buffer.baseAddress, count: rows.count * column.rowBytes))
        }
        for (index, row) in rows.enumerated() {
            let value = uvw(row)
            for axis in 0..<3 { buffers.uvw[3 * index + axis] = value[axis] }
        }
        try put(writer.uvw, buffers.uvw)
        try put(writer.weight, buffers.weight)
        try put(writer.sigma, buffers.sigma)
        // A new set's flags are clear, and most blocks have none to set.
        let values = rows.count * channels * polarizations
        if buffers.flags[0..<values].contains(1) { try put(writer.flags, buffers.flags) }
        guard !isMissing else { return }
        try put(writer.data, buffers.data)
        try put(writer.weightSpectrum, buffers.weightSpectrum)
    }

    /// In the Measurement Set's sign: antenna 1 minus antenna 2.
    private func uvw(_ row: Int) -> SIMD3<Double> {
        guard !geometry.keepsUVW else {
            let isSwapped = !subband.rows.swapped.isEmpty && subband.rows.swapped[row] == 1
            return isSwapped ? subband.uvw[row] : -subband.uvw[row]
        }
        let base = Int(subband.rows.integrationOfRow[row]) * geometry.antennaCount
        return geometry.uvw[base + Int(subband.rows.antenna1[row])]
            - geometry.uvw[base + Int(subband.rows.antenna2[row])]
    }
}
