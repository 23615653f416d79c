import CRadio

/// Reads a dataset's chunks from where they lie in the file, past libhdf5 and its lock. For one thread at a time.
///
/// Only for what the telescope's files hold: chunks without filters, in the classic format.
final class ChunkMap {
    private let map: OpaquePointer

    /// nil: the dataset is stored in another way, libhdf5 must read it.
    init?(_ dataset: HDF5Dataset, kind: radio_h5_kind) {
        guard let map = radio_chunk_map_open(dataset.handle, kind, dataset.file.path) else { return nil }
        self.map = map
    }

    deinit { radio_chunk_map_close(map) }

    /// - Precondition: the rows are in the dataset, the buffer holds them.
    /// - Returns: false where libhdf5 must decide: a chunk that was never written, or one behind the file's end.
    func read(rows: Range<Int>, into buffer: UnsafeMutableRawPointer) -> Bool {
        radio_chunk_map_read(map, Int64(rows.lowerBound), Int64(rows.count), buffer) == 0
    }
}

/// Maps of the three bulk datasets of a UVH5 file.
final class UVH5Chunks {
    private let visibilities: ChunkMap
    private let flags: ChunkMap
    private let samples: ChunkMap

    init?(_ visibilities: HDF5Dataset, _ flags: HDF5Dataset, _ samples: HDF5Dataset) {
        guard let first = ChunkMap(visibilities, kind: RADIO_H5_COMPLEX_F32),
            let second = ChunkMap(flags, kind: RADIO_H5_BOOL), let third = ChunkMap(samples, kind: RADIO_H5_F32)
        else { return nil }
        self.visibilities = first
        self.flags = second
        self.samples = third
    }

    /// As `UVH5Reader.read`; false: read these rows there.
    func read(
        rows: Range<Int>, visibilities: UnsafeMutableBufferPointer<SIMD2<Float>>,
        flags: UnsafeMutableBufferPointer<UInt8>, samples: UnsafeMutableBufferPointer<Float>
    ) -> Bool {
        self.visibilities.read(rows: rows, into: visibilities.baseAddress!)
            && self.flags.read(rows: rows, into: flags.baseAddress!)
            && self.samples.read(rows: rows, into: samples.baseAddress!)
    }
}
