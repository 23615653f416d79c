import Absurd

/// A Swift type that can be read from Postgres' binary format. Reading the wrong type throws; it never guesses.
public protocol PostgresDecodable {
    init(postgres cell: PostgresCell) throws(PostgresError)
}

extension PostgresCell {
    /// The bytes when the value is not NULL and of one of these types.
    func bytes(_ wanted: String, _ types: UInt32...) throws(PostgresError) -> UnsafeRawBufferPointer {
        guard let bytes else { throw .decoding("NULL where \(wanted) was expected") }
        guard types.contains(type) else { throw .decoding("type \(type) where \(wanted) was expected") }
        return bytes
    }
}

extension UnsafeRawBufferPointer {
    func bigEndian<Integer: FixedWidthInteger>(at offset: Int, as: Integer.Type) throws(PostgresError) -> Integer {
        guard offset >= 0, offset + MemoryLayout<Integer>.size <= count else { throw .decoding("value too short") }
        return Integer(bigEndian: loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        self = cell.bytes == nil ? nil : try Wrapped(postgres: cell)
    }
}

extension Bool: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        self = try cell.bytes("bool", PostgresType.bool).bigEndian(at: 0, as: UInt8.self) != 0
    }
}

extension Int64: PostgresDecodable {
    /// Any integer type: a smaller one widens.
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        switch cell.type {
        case PostgresType.int2:
            self = Int64(try cell.bytes("an integer", cell.type).bigEndian(at: 0, as: Int16.self))
        case PostgresType.int4:
            self = Int64(try cell.bytes("an integer", cell.type).bigEndian(at: 0, as: Int32.self))
        default:
            self = try cell.bytes("an integer", PostgresType.int8).bigEndian(at: 0, as: Int64.self)
        }
    }
}

extension Int: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) { self = Int(try Int64(postgres: cell)) }
}

extension Int32: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        guard let value = Int32(exactly: try Int64(postgres: cell)) else { throw .decoding("beyond 32 bits") }
        self = value
    }
}

extension Int16: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        guard let value = Int16(exactly: try Int64(postgres: cell)) else { throw .decoding("beyond 16 bits") }
        self = value
    }
}

extension Double: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        if cell.type == PostgresType.float4 {
            self = Double(
                Float(bitPattern: try cell.bytes("a number", cell.type).bigEndian(at: 0, as: UInt32.self)))
        } else {
            self.init(
                bitPattern: try cell.bytes("a float8", PostgresType.float8).bigEndian(at: 0, as: UInt64.self))
        }
    }
}

extension TaskID: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        let bytes = try cell.bytes("a uuid", PostgresType.uuid)
        self.init(
            high: try bytes.bigEndian(at: 0, as: UInt64.self), low: try bytes.bigEndian(at: 8, as: UInt64.self))
    }
}

extension Timestamp: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        let value = try cell.bytes("a timestamp", PostgresType.timestamptz, PostgresType.timestamp)
            .bigEndian(at: 0, as: Int64.self)
        // The extreme values are Postgres' infinities and stay extreme.
        let (sum, overflow) = value.addingReportingOverflow(PostgresType.epochMicroseconds)
        self.init(microseconds: overflow ? .max : value == .min ? .min : sum)
    }
}

extension String: PostgresDecodable {
    /// Text of any kind (text, varchar, name, json, enum …) and jsonb as JSON text.
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        guard let bytes = cell.bytes else { throw .decoding("NULL where text was expected") }
        switch cell.type {
        case PostgresType.jsonb: self = String(decoding: bytes.dropFirst(), as: UTF8.self)
        case PostgresType.bool, PostgresType.int2, PostgresType.int4, PostgresType.int8, PostgresType.float8,
            PostgresType.uuid, PostgresType.timestamptz, PostgresType.bytea, PostgresType.numeric:
            throw .decoding("type \(cell.type) where text was expected")
        default: self = String(decoding: bytes, as: UTF8.self)
        }
    }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
    /// A one-dimensional array, or `bytea` and JSON text as `[UInt8]`.
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        guard let bytes = cell.bytes else { throw .decoding("NULL where an array was expected") }
        if Element.self == UInt8.self {
            let payload = cell.type == PostgresType.jsonb ? bytes.dropFirst() : bytes[...]
            // The cast is the identity: Element is UInt8 here.
            guard let copy = Swift.Array<UInt8>(payload) as? [Element] else { throw .decoding("not bytes") }
            self = copy
            return
        }
        let dimensions = try bytes.bigEndian(at: 0, as: Int32.self)
        let type = try bytes.bigEndian(at: 8, as: UInt32.self)
        self = []
        if dimensions == 0 { return }
        guard dimensions == 1 else { throw .decoding("array of \(dimensions) dimensions") }
        let count = Int(try bytes.bigEndian(at: 12, as: Int32.self))
        reserveCapacity(Swift.min(Swift.max(count, 0), bytes.count))
        var offset = 20
        for _ in 0..<Swift.max(count, 0) {
            let length = Int(try bytes.bigEndian(at: offset, as: Int32.self))
            offset += 4
            if length < 0 {
                append(try Element(postgres: PostgresCell(type: type, bytes: nil)))
                continue
            }
            guard offset + length <= bytes.count else { throw .decoding("array too short") }
            let element = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
            append(try Element(postgres: PostgresCell(type: type, bytes: element)))
            offset += length
        }
    }
}

extension UInt8: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        throw .decoding("a single byte is no Postgres type; ask for [UInt8]")
    }
}
