import Absurd
import CRadio

/// A file of libhdf5, open for reading or being written. Every failure is a `Refusal` that names the file.
///
/// The C layer serialises all calls with one lock, hence @unchecked Sendable: the class itself holds only a handle.
final class HDF5File: @unchecked Sendable {
    let path: String
    private let handle: radio_h5_id

    /// Opens for reading.
    init(reading path: String) throws {
        self.path = path
        handle = radio_h5_open(path)
        guard handle >= 0 else { throw Self.unreadable(path) }
    }

    /// Creates the file, or empties it.
    init(creating path: String) throws {
        self.path = path
        handle = radio_h5_create(path)
        guard handle >= 0 else {
            throw Refusal(path, why: HDF5.lastError, remedy: "check the directory and its space", exit: .cannotCreate)
        }
    }

    deinit {
        radio_h5_close(handle)
    }

    private static func unreadable(_ path: String) -> Refusal {
        let why = HDF5.lastError
        if why.contains("truncated") {
            return Refusal(path, why: why, remedy: "copy the file again, or leave it out", exit: .badData)
        }
        if why.contains("signature") {
            return Refusal(path, why: "not an HDF5 file", remedy: "give a UVH5 file", exit: .badData)
        }
        return Refusal(path, why: "cannot be opened (\(why))", remedy: "check the path and its rights", exit: .badData)
    }

    func refusal(_ why: String) -> Refusal {
        Refusal(path, why: why, remedy: "give a UVH5 file that pyuvdata reads", exit: .badData)
    }

    // MARK: Structure

    func exists(_ path: String) -> Bool { radio_h5_exists(handle, path) == 1 }
    func isGroup(_ path: String) -> Bool { radio_h5_is_group(handle, path) == 1 }

    func members(of group: String) throws -> [String] {
        let count = radio_h5_member_count(handle, group)
        guard count >= 0 else { throw refusal("\(group) cannot be listed (\(HDF5.lastError))") }
        guard count <= Limits.uvh5KeywordsMax else { throw refusal("\(group) has \(count) members") }
        return try (0..<count).map { index in
            var name = [CChar](repeating: 0, count: 256)
            guard radio_h5_member_name(handle, group, index, &name, name.count) >= 0 else {
                throw refusal("\(group) cannot be listed (\(HDF5.lastError))")
            }
            return HDF5.text(name[...])
        }
    }

    func dataset(_ path: String) throws -> HDF5Dataset {
        let dataset = radio_h5_dataset_open(handle, path)
        guard dataset >= 0 else { throw refusal("\(path) is missing") }
        return try HDF5Dataset(handle: dataset, path: path, file: self)
    }

    // MARK: Writing

    func createGroup(_ path: String) throws {
        guard radio_h5_group_create(handle, path) >= 0 else { throw unwritable(path) }
    }

    /// - Parameter chunk: nil stores the dataset in one piece.
    func create(_ path: String, _ kind: radio_h5_kind, shape: [Int], chunk: [Int]? = nil) throws -> HDF5Dataset {
        let dims = shape.map { UInt64($0) }
        let dataset = radio_h5_dataset_create(
            handle, path, kind, Int32(shape.count), dims, chunk?.map { UInt64($0) })
        guard dataset >= 0 else { throw unwritable(path) }
        return try HDF5Dataset(handle: dataset, path: path, file: self)
    }

    /// Writes a whole dataset; an empty `shape` is a scalar.
    func write<Element: BitwiseCopyable>(
        _ path: String, _ kind: radio_h5_kind, shape: [Int], _ values: [Element]
    ) throws {
        precondition(values.count == shape.reduce(1, *))
        let dataset = try create(path, kind, shape: shape)
        guard radio_h5_write(dataset.handle, kind, nil, nil, values) >= 0 else { throw unwritable(path) }
    }

    /// Writes a fixed-length string, as h5py does for `numpy.bytes_`.
    func write(_ path: String, _ text: String) throws {
        let bytes = text.utf8.map { CChar(bitPattern: $0) }
        guard radio_h5_write_strings(handle, path, bytes.isEmpty ? [0] : bytes, 0, max(bytes.count, 1)) >= 0 else {
            throw unwritable(path)
        }
    }

    func write(_ path: String, _ texts: [String]) throws {
        let width = max(texts.map(\.utf8.count).max() ?? 1, 1)
        var bytes = [CChar](repeating: 0, count: width * texts.count)
        for (row, text) in texts.enumerated() {
            for (column, byte) in text.utf8.enumerated() { bytes[row * width + column] = CChar(bitPattern: byte) }
        }
        guard radio_h5_write_strings(handle, path, bytes, texts.count, width) >= 0 else { throw unwritable(path) }
    }

    /// Hands everything to the kernel: a full disk shows here at the latest.
    func flush() throws {
        guard radio_h5_flush(handle) >= 0 else { throw unwritable("the file") }
    }

    func unwritable(_ what: String) -> Refusal {
        Refusal(
            path, why: "\(what) cannot be written (\(HDF5.lastError))", remedy: "check the space left on the disk",
            exit: .cannotCreate)
    }
}

enum HDF5 {
    static var lastError: String { String(cString: radio_h5_error()) }

    /// The text before the first zero byte.
    static func text(_ bytes: ArraySlice<CChar>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
