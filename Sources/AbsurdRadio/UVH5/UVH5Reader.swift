import Absurd
import CRadio

/// Reads a UVH5 observation: the header at once, the visibilities in pieces of any size.
///
/// Both layouts are read: with the old spectral-window axis (rows, 1, channels, polarisations) and without, complex
/// numbers of 32 or 64 bits and HERA's pairs of integers, stored as they are or compressed with gzip, szip or LZF (h5py's
/// choice; bitshuffle is refused). May be used from several threads; libhdf5 serialises.
public final class UVH5Reader: Sendable {
    public let path: String
    public let metadata: UVH5Metadata

    private let visibilities: HDF5Dataset
    private let flags: HDF5Dataset
    private let samples: HDF5Dataset

    /// - Throws: `Refusal` (bad data) that names the file and what is wrong with it.
    public init(path: String) throws {
        self.path = path
        let file = try HDF5File(reading: path)
        metadata = try UVH5HeaderReading(file: file).metadata()
        visibilities = try file.dataset("Data/visdata")
        flags = try file.dataset("Data/flags")
        samples = try file.dataset("Data/nsamples")

        let cell = [metadata.channelCount, metadata.polarizationCount]
        for dataset in [visibilities, flags, samples] {
            let fits = dataset.shape == [metadata.rowCount] + cell || dataset.shape == [metadata.rowCount, 1] + cell
            guard fits else {
                throw file.refusal(
                    "\(dataset.path) has the shape \(dataset.shape), the header promises \([metadata.rowCount] + cell)")
            }
        }
        guard [RADIO_H5_IS_COMPLEX_FLOAT, RADIO_H5_IS_COMPLEX_INTEGER].contains(visibilities.content) else {
            throw file.refusal("Data/visdata holds no complex numbers")
        }
        guard [RADIO_H5_IS_BOOL, RADIO_H5_IS_INTEGER].contains(flags.content),
            radio_h5_dataset_element_bytes(flags.handle) == 1
        else {
            throw file.refusal("Data/flags holds no booleans")
        }
        guard [RADIO_H5_IS_FLOAT, RADIO_H5_IS_INTEGER].contains(samples.content) else {
            throw file.refusal("Data/nsamples holds no numbers")
        }
    }

    /// Values of one row: channels × polarisations.
    public var valuesPerRow: Int { metadata.channelCount * metadata.polarizationCount }

    /// Rows of one HDF5 chunk: reading whole multiples of it touches every chunk once. 1 when stored in one piece.
    public var rowsPerChunk: Int { visibilities.chunk?[0] ?? 1 }

    /// A quicker way to the same values for one thread of its own; nil where only libhdf5 can read them.
    func chunks() -> UVH5Chunks? { UVH5Chunks(visibilities, flags, samples) }

    /// Reads rows into the caller's buffers in file order (row, channel, polarisation); nil leaves a dataset unread.
    ///
    /// - Parameters:
    ///   - blts: rows, within `0..<metadata.rowCount`.
    ///   - visibilities: (real, imaginary) in pyuvdata's sign convention (see `UVH5Metadata`).
    ///   - flags: 1 where flagged.
    ///   - samples: the number of samples (weights) of each visibility.
    /// - Precondition: each buffer holds at least `blts.count * valuesPerRow` values.
    public func read(
        blts: Range<Int>, visibilities: UnsafeMutableBufferPointer<SIMD2<Float>>? = nil,
        flags: UnsafeMutableBufferPointer<UInt8>? = nil, samples: UnsafeMutableBufferPointer<Float>? = nil
    ) throws {
        let needed = blts.count * valuesPerRow
        precondition(blts.lowerBound >= 0 && blts.upperBound <= metadata.rowCount)
        precondition([visibilities?.count, flags?.count, samples?.count].allSatisfy { $0 ?? needed >= needed })
        guard needed > 0 else { return }
        if let visibilities {
            try read(self.visibilities, RADIO_H5_COMPLEX_F32, blts, visibilities.baseAddress!)
        }
        if let flags { try read(self.flags, RADIO_H5_BOOL, blts, flags.baseAddress!) }
        if let samples { try read(self.samples, RADIO_H5_F32, blts, samples.baseAddress!) }
    }

    private func read(
        _ dataset: HDF5Dataset, _ kind: radio_h5_kind, _ rows: Range<Int>, _ buffer: UnsafeMutableRawPointer
    ) throws {
        let start = [rows.lowerBound] + Array(repeating: 0, count: dataset.shape.count - 1)
        try dataset.read(kind, start: start, count: [rows.count] + dataset.shape.dropFirst(), into: buffer)
    }
}
