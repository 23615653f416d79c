import Absurd
import CRadio
import Glibc

/// One column of a Measurement Set's main table, read and written by ranges of rows.
///
/// Where the column is one flat array in one file (every bulk column of a set that we created), ranges move by pread
/// and pwrite and any number of threads may do so at once; elsewhere casacore moves them, one thread at a time.
/// Values are in row order, the polarisation running fastest, then the channel: `[row][channel][polarisation]`.
/// Writers of disjoint rows do not disturb each other, except that flags are packed: when a row's flags are not a
/// whole number of bytes, ranges must begin at multiples of eight rows.
public final class MeasurementColumn: Sendable {
    public enum Element: Sendable, Hashable {
        /// One byte, 0 or 1.
        case bool
        case int32, float32, float64
        /// Two floats.
        case complex64

        public var bytes: Int {
            switch self {
            case .bool: 1
            case .int32, .float32: 4
            case .float64, .complex64: 8
            }
        }
    }

    public let name: String
    public let element: Element
    /// Fastest axis first, `[polarisations, channels]` for visibilities; empty for scalars.
    public let shape: [Int]
    public let rowCount: Int
    /// Elements in one row.
    public let rowElements: Int
    /// Bytes of one row in a caller's buffer.
    public var rowBytes: Int { rowElements * element.bytes }
    /// Whether threads move this column in parallel, past casacore.
    public var isFlat: Bool { descriptor >= 0 }

    private let descriptor: Int32
    private let handle: CasacoreHandle

    init(_ name: String, of set: MeasurementSet) throws {
        self.name = name
        handle = set.handle
        rowCount = set.rowCount
        var layout = radio_ms_layout()
        try handle.call { radio_ms_get_layout($0, name, &layout) }
        switch layout.element {
        case RADIO_MS_BOOL: element = .bool
        case RADIO_MS_INT32: element = .int32
        case RADIO_MS_FLOAT32: element = .float32
        case RADIO_MS_FLOAT64: element = .float64
        case RADIO_MS_COMPLEX64: element = .complex64
        default: throw MeasurementSetFailure(description: "\(name) holds neither numbers nor flags")
        }
        rowElements = max(0, Int(layout.elements_per_row))
        let axes = withUnsafeBytes(of: layout.shape) { Array($0.bindMemory(to: Int64.self)) }
        shape = axes.prefix(Int(layout.dimensions)).map { Int($0) }
        let file = withUnsafeBytes(of: layout.flat_file) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if file.isEmpty {
            descriptor = -1
        } else {
            // A set on a read-only file system is still to be read.
            let writable = Glibc.open(file, O_RDWR | O_CLOEXEC)
            descriptor = writable >= 0 ? writable : Glibc.open(file, O_RDONLY | O_CLOEXEC)
        }
    }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

    /// Reads `rows` into `buffer`, which holds exactly `rows.count * rowBytes` bytes.
    public func read(rows: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
        try check(rows, bytes: buffer.count)
        guard isFlat else {
            return try handle.call {
                radio_ms_read(
                    $0, name, Int64(rows.lowerBound), Int64(rows.count), buffer.baseAddress, Int64(buffer.count))
            }
        }
        if element == .bool {
            try readBits(rows, into: buffer)
        } else {
            try move(bytes: buffer.count, at: rows.lowerBound * rowBytes) { done, offset in
                pread(descriptor, buffer.baseAddress! + done, buffer.count - done, offset)
            }
        }
    }

    /// Writes `rows` from `buffer`, which holds exactly `rows.count * rowBytes` bytes.
    /// - Throws: `Refusal` when the disk is full.
    public func write(rows: Range<Int>, from buffer: UnsafeRawBufferPointer) throws {
        try check(rows, bytes: buffer.count)
        guard isFlat else {
            return try handle.call {
                radio_ms_write(
                    $0, name, Int64(rows.lowerBound), Int64(rows.count), buffer.baseAddress, Int64(buffer.count))
            }
        }
        if element == .bool {
            try writeBits(rows, from: buffer)
        } else {
            try move(bytes: buffer.count, at: rows.lowerBound * rowBytes) { done, offset in
                pwrite(descriptor, buffer.baseAddress! + done, buffer.count - done, offset)
            }
        }
    }

    private func check(_ rows: Range<Int>, bytes: Int) throws {
        guard rows.lowerBound >= 0, rows.upperBound <= rowCount else {
            throw MeasurementSetFailure(description: "\(name): rows \(rows) of \(rowCount)")
        }
        guard bytes == rows.count * rowBytes else {
            throw MeasurementSetFailure(
                description: "\(name): a buffer of \(bytes) bytes for \(rows.count) rows of \(rowBytes)")
        }
    }

    /// Calls `body` with what is done and the file offset until `bytes` are moved.
    private func move(bytes: Int, at start: Int, _ body: (Int, Int) -> Int) throws {
        var done = 0
        while done < bytes {
            let count = body(done, start + done)
            if count > 0 {
                done += count
            } else if count == 0 {
                throw MeasurementSetFailure(description: "\(name): its file ends too early")
            } else if errno != EINTR {
                throw Self.failure(errno, name)
            }
        }
    }

    private static func failure(_ code: Int32, _ name: String) -> any Error {
        if code == ENOSPC || code == EDQUOT {
            return Refusal(
                "column \(name) of the Measurement Set", why: "the disk is full", remedy: "free space and retry",
                exit: .cannotCreate)
        }
        return MeasurementSetFailure(description: "\(name): \(String(cString: strerror(code)))")
    }
}

// MARK: Packed flags

extension MeasurementColumn {
    private func readBits(_ rows: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
        let bits = rows.lowerBound * rowElements..<rows.upperBound * rowElements
        let bytes = bits.lowerBound / 8..<(bits.upperBound + 7) / 8
        try withUnsafeTemporaryAllocation(byteCount: bytes.count, alignment: 8) { packed in
            try move(bytes: bytes.count, at: bytes.lowerBound) { done, offset in
                pread(descriptor, packed.baseAddress! + done, bytes.count - done, offset)
            }
            PackedFlags.unpack(packed, firstBit: bits.lowerBound % 8, into: buffer)
        }
    }

    private func writeBits(_ rows: Range<Int>, from buffer: UnsafeRawBufferPointer) throws {
        let bits = rows.lowerBound * rowElements..<rows.upperBound * rowElements
        let bytes = bits.lowerBound / 8..<(bits.upperBound + 7) / 8
        guard !bytes.isEmpty else { return }
        try withUnsafeTemporaryAllocation(byteCount: bytes.count, alignment: 8) { packed in
            // The neighbours' bits in the first and last byte stay what they are.
            for edge in [0, bytes.count - 1] {
                try move(bytes: 1, at: bytes.lowerBound + edge) { _, offset in
                    pread(descriptor, packed.baseAddress! + edge, 1, offset)
                }
            }
            PackedFlags.pack(buffer, into: packed, firstBit: bits.lowerBound % 8)
            try move(bytes: bytes.count, at: bytes.lowerBound) { done, offset in
                pwrite(descriptor, packed.baseAddress! + done, bytes.count - done, offset)
            }
        }
    }
}

/// Flags eight to a byte, lowest bit first, as casacore's tiles hold them.
enum PackedFlags {
    /// Unpacks `flags.count` bits, from `firstBit` (0...7) of the first byte on, to a byte each.
    static func unpack(
        _ packed: UnsafeMutableRawBufferPointer, firstBit: Int, into flags: UnsafeMutableRawBufferPointer
    ) {
        var index = 0
        if firstBit == 0 {
            while index + 8 <= flags.count {
                let byte = UInt64(packed[index / 8])
                // Each bit to a byte of its own: copies of the byte, one bit kept in each, then made 0 or 1.
                let kept = (byte &* 0x0101_0101_0101_0101) & 0x8040_2010_0804_0201
                let ones = ((kept &+ 0x7F7F_7F7F_7F7F_7F7F) >> 7) & 0x0101_0101_0101_0101
                flags.storeBytes(of: ones, toByteOffset: index, as: UInt64.self)
                index += 8
            }
        }
        while index < flags.count {
            let bit = firstBit + index
            flags[index] = packed[bit / 8] >> UInt8(bit % 8) & 1
            index += 1
        }
    }

    /// Packs all of `flags` (bytes, not 0 means set) from `firstBit` of the first byte on; other bits stay.
    static func pack(_ flags: UnsafeRawBufferPointer, into packed: UnsafeMutableRawBufferPointer, firstBit: Int) {
        var index = 0
        if firstBit == 0 {
            while index + 8 <= flags.count {
                let bytes = flags.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x0101_0101_0101_0101
                packed[index / 8] = UInt8(truncatingIfNeeded: (bytes &* 0x0102_0408_1020_4080) >> 56)
                index += 8
            }
        }
        while index < flags.count {
            let bit = firstBit + index
            let mask = UInt8(1) << UInt8(bit % 8)
            packed[bit / 8] = flags[index] & 1 != 0 ? packed[bit / 8] | mask : packed[bit / 8] & ~mask
            index += 1
        }
    }
}

// MARK: Arrays

extension MeasurementColumn {
    /// Rows of an Int32 column (ANTENNA1, DATA_DESC_ID, ...), `rowElements` values a row.
    public func integers(_ rows: Range<Int>) throws -> [Int32] { try array(rows, of: .int32, zero: 0) }

    /// Rows of a Double column (TIME, UVW, ...), `rowElements` values a row.
    public func doubles(_ rows: Range<Int>) throws -> [Double] { try array(rows, of: .float64, zero: 0) }

    /// Rows of a Float column (WEIGHT, WEIGHT_SPECTRUM, ...), `rowElements` values a row.
    public func floats(_ rows: Range<Int>) throws -> [Float] { try array(rows, of: .float32, zero: 0) }

    /// Rows of a Bool column, `rowElements` bytes a row, 0 or 1.
    public func flags(_ rows: Range<Int>) throws -> [UInt8] { try array(rows, of: .bool, zero: 0) }

    /// Rows of a visibility column, `rowElements` values (real, imaginary) a row.
    public func visibilities(_ rows: Range<Int>) throws -> [SIMD2<Float>] {
        try array(rows, of: .complex64, zero: .zero)
    }

    /// Writes rows from an array of the column's own element type.
    public func write<Value>(_ values: [Value], rows: Range<Int>) throws {
        try values.withUnsafeBytes { try write(rows: rows, from: $0) }
    }

    private func array<Value>(_ rows: Range<Int>, of kind: Element, zero: Value) throws -> [Value] {
        guard element == kind else {
            throw MeasurementSetFailure(description: "\(name) holds \(element), not \(kind)")
        }
        var values = [Value](repeating: zero, count: rows.count * rowElements)
        try values.withUnsafeMutableBytes { try read(rows: rows, into: $0) }
        return values
    }
}
