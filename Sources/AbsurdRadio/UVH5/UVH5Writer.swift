import Absurd
import CRadio

/// Writes a UVH5 observation: the header at once, the visibilities in pieces.
///
/// Equal input makes byte-identical files: nothing in them depends on the clock.
public final class UVH5Writer {
    public let path: String
    public let metadata: UVH5Metadata
    public let layout: UVH5Layout

    private let file: HDF5File
    private let visibilities: HDF5Dataset
    private let flags: HDF5Dataset
    private let samples: HDF5Dataset
    private var scratch: [UInt8] = []

    /// Creates the file (an existing one is overwritten) and writes its header.
    /// - Throws: `Refusal` (cannot create).
    public init(path: String, metadata: UVH5Metadata, layout: UVH5Layout) throws {
        self.path = path
        self.metadata = metadata
        self.layout = layout
        let file = try HDF5File(creating: path)
        try UVH5HeaderWriting(file: file, layout: layout).write(metadata)
        try file.createGroup("Data")
        let cell = (layout.hasWindowAxis ? [1] : []) + [metadata.channelCount, metadata.polarizationCount]
        func dataset(_ name: String, _ kind: radio_h5_kind, bytes: Int) throws -> HDF5Dataset {
            let chunk = layout.chunk(
                channels: metadata.channelCount, polarizations: metadata.polarizationCount, elementBytes: bytes)
            return try file.create("Data/\(name)", kind, shape: [metadata.rowCount] + cell, chunk: chunk)
        }
        self.file = file
        visibilities = try dataset("visdata", RADIO_H5_COMPLEX_F32, bytes: 8)
        flags = try dataset("flags", RADIO_H5_BOOL, bytes: 1)
        samples = try dataset("nsamples", RADIO_H5_F32, bytes: 4)
    }

    /// Rows in which pieces should start so that whole chunks are written: the least common multiple of the chunks.
    public var rowsPerBlock: Int { [visibilities, flags, samples].map { $0.chunk?[0] ?? 1 }.max() ?? 1 }

    /// Writes rows from buffers in file order (row, channel, polarisation). Every row must be written once.
    ///
    /// Fast when the piece starts at a multiple of `rowsPerBlock` and ends at one or at the last row.
    public func write(
        blts: Range<Int>, visibilities: UnsafeBufferPointer<SIMD2<Float>>, flags: UnsafeBufferPointer<UInt8>,
        samples: UnsafeBufferPointer<Float>
    ) throws {
        let needed = blts.count * metadata.channelCount * metadata.polarizationCount
        precondition(visibilities.count >= needed && flags.count >= needed && samples.count >= needed)
        precondition(blts.lowerBound >= 0 && blts.upperBound <= metadata.rowCount)
        guard needed > 0 else { return }
        try write(self.visibilities, RADIO_H5_COMPLEX_F32, blts, visibilities)
        try write(self.flags, RADIO_H5_BOOL, blts, flags)
        try write(self.samples, RADIO_H5_F32, blts, samples)
    }

    /// Call it after the last piece: a full disk shows here at the latest.
    public func finish() throws {
        try file.flush()
    }

    private func write<Element: BitwiseCopyable>(
        _ dataset: HDF5Dataset, _ kind: radio_h5_kind, _ rows: Range<Int>, _ values: UnsafeBufferPointer<Element>
    ) throws {
        guard let chunk = dataset.chunk, rows.lowerBound % chunk[0] == 0,
            rows.upperBound % chunk[0] == 0 || rows.upperBound == metadata.rowCount
        else {
            let start = [rows.lowerBound] + Array(repeating: 0, count: dataset.shape.count - 1)
            let count = [rows.count] + dataset.shape.dropFirst()
            return try dataset.write(kind, start: start, count: count, from: values.baseAddress!)
        }
        let (channels, polarizations) = (metadata.channelCount, metadata.polarizationCount)
        let channelStep = chunk[chunk.count - 2]
        let polarizationStep = chunk[chunk.count - 1]
        let window = layout.hasWindowAxis ? [0] : []
        scratch = Array(repeating: 0, count: chunk.reduce(MemoryLayout<Element>.stride, *))
        for row in stride(from: rows.lowerBound, to: rows.upperBound, by: chunk[0]) {
            for channel in stride(from: 0, to: channels, by: channelStep) {
                for polarization in stride(from: 0, to: polarizations, by: polarizationStep) {
                    let part = ChunkPart(
                        rows: row - rows.lowerBound..<min(row + chunk[0], rows.upperBound) - rows.lowerBound,
                        channels: channel..<min(channel + channelStep, channels),
                        polarizations: polarization..<min(polarization + polarizationStep, polarizations))
                    try scratch.withUnsafeMutableBytes { bytes in
                        let piece = bytes.bindMemory(to: Element.self)
                        part.gather(
                            values, channels: channels, polarizations: polarizations, into: piece,
                            channelStep: channelStep, polarizationStep: polarizationStep)
                        try dataset.writeChunk(
                            start: [row] + window + [channel, polarization], from: UnsafeRawBufferPointer(bytes))
                    }
                }
            }
        }
    }
}

/// The part of an array (rows, channels, polarisations) that goes into one chunk.
private struct ChunkPart {
    var rows: Range<Int>
    var channels: Range<Int>
    var polarizations: Range<Int>

    @inline(__always)
    func gather<Element: BitwiseCopyable>(
        _ values: UnsafeBufferPointer<Element>, channels all: Int, polarizations depth: Int,
        into piece: UnsafeMutableBufferPointer<Element>, channelStep: Int, polarizationStep: Int
    ) {
        for (rowInChunk, row) in rows.enumerated() {
            for channel in channels {
                let source = (row * all + channel) * depth
                let target = (rowInChunk * channelStep + channel - channels.lowerBound) * polarizationStep
                for polarization in polarizations {
                    piece[target + polarization - polarizations.lowerBound] = values[source + polarization]
                }
            }
        }
    }
}
