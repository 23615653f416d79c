import Absurd
import CRadio

/// One dataset of an `HDF5File`, with its shape and what it holds.
final class HDF5Dataset: @unchecked Sendable {
    let handle: radio_h5_id
    let path: String
    let file: HDF5File
    /// Empty for a scalar.
    let shape: [Int]
    /// A dataset without any value, h5py's `Empty`.
    let isNull: Bool
    let content: radio_h5_class

    var count: Int { isNull ? 0 : shape.reduce(1, *) }

    /// Takes the handle over.
    init(handle: radio_h5_id, path: String, file: HDF5File) throws {
        self.handle = handle
        self.path = path
        self.file = file
        var dims = [UInt64](repeating: 0, count: Int(RADIO_H5_RANK_MAX))
        let rank = radio_h5_dataset_shape(handle, &dims)
        content = radio_h5_dataset_class(handle)
        isNull = rank == -2
        shape = rank > 0 ? dims.prefix(Int(rank)).map { Int($0) } : []
        guard rank >= 0 || isNull else { throw file.refusal("\(path) has a shape that cannot be read") }
    }

    deinit {
        radio_h5_dataset_close(handle)
    }

    /// The chunk's shape; nil when the dataset is stored in one piece.
    var chunk: [Int]? {
        var dims = [UInt64](repeating: 0, count: Int(RADIO_H5_RANK_MAX))
        let rank = radio_h5_dataset_chunk(handle, &dims)
        return rank > 0 ? dims.prefix(Int(rank)).map { Int($0) } : nil
    }

    // MARK: Reading

    /// Reads a box into the caller's buffer, which must hold it whole.
    func read(_ kind: radio_h5_kind, start: [Int], count: [Int], into buffer: UnsafeMutableRawPointer) throws {
        let status = radio_h5_read(handle, kind, start.map { UInt64($0) }, count.map { UInt64($0) }, buffer)
        guard status >= 0 else {
            throw Refusal(
                file.path, why: "\(path) cannot be read (\(HDF5.lastError))",
                remedy: "copy the file again, or leave it out", exit: .badData)
        }
    }

    private func readAll<Element: BitwiseCopyable>(_ kind: radio_h5_kind, zero: Element) throws -> [Element] {
        guard count <= Limits.uvh5HeaderValuesMax else { throw file.refusal("\(path) has \(count) values") }
        var values = [Element](repeating: zero, count: count)
        guard count > 0 else { return values }
        guard radio_h5_read(handle, kind, nil, nil, &values) >= 0 else {
            throw file.refusal("\(path) cannot be read (\(HDF5.lastError))")
        }
        return values
    }

    private var isNumber: Bool { content == RADIO_H5_IS_FLOAT || content == RADIO_H5_IS_INTEGER }

    func doubles() throws -> [Double] {
        guard isNumber else { throw file.refusal("\(path) holds no numbers") }
        return try readAll(RADIO_H5_F64, zero: 0)
    }

    func integers() throws -> [Int] {
        guard isNumber else { throw file.refusal("\(path) holds no numbers") }
        return try readAll(RADIO_H5_I64, zero: Int64(0)).map { Int($0) }
    }

    func booleans() throws -> [Bool] {
        guard content == RADIO_H5_IS_BOOL else { return try integers().map { $0 != 0 } }
        return try readAll(RADIO_H5_BOOL, zero: UInt8(0)).map { $0 != 0 }
    }

    func strings() throws -> [String] {
        guard content == RADIO_H5_IS_STRING else { throw file.refusal("\(path) holds no text") }
        guard count > 0 else { return [] }
        let stored = Int(radio_h5_dataset_element_bytes(handle))
        // A variable-length string is a 16-byte reference in the file: its text may be longer than that.
        let width = min(max(stored, 4096 / max(1, min(count, 16))), Limits.uvh5TextBytesMax)
        guard count * width <= Limits.uvh5TextBytesMax * 16 else { throw file.refusal("\(path) is too long a text") }
        var bytes = [CChar](repeating: 0, count: count * width)
        guard radio_h5_read_strings(handle, &bytes, count, width) >= 0 else {
            throw file.refusal("\(path) cannot be read (\(HDF5.lastError))")
        }
        return (0..<count).map { HDF5.text(bytes[$0 * width..<($0 + 1) * width]) }
    }

    // MARK: Writing

    func write(_ kind: radio_h5_kind, start: [Int], count: [Int], from buffer: UnsafeRawPointer) throws {
        let status = radio_h5_write(handle, kind, start.map { UInt64($0) }, count.map { UInt64($0) }, buffer)
        guard status >= 0 else { throw file.unwritable(path) }
    }

    /// Writes one whole chunk; at the edges its unused part is padding.
    func writeChunk(start: [Int], from buffer: UnsafeRawBufferPointer) throws {
        let status = radio_h5_write_chunk(handle, start.map { UInt64($0) }, buffer.baseAddress!, buffer.count)
        guard status >= 0 else { throw file.unwritable(path) }
    }
}
