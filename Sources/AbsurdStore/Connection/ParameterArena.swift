import Absurd

/// The encoded parameters of one statement in one growing run of bytes.
///
/// Reuse one on a hot path: `removeAll()` keeps the memory, and arrays are written element by element without an
/// intermediate Swift array.
public struct ParameterArena: Sendable {
    var bytes: [UInt8] = []
    /// Offset of each parameter in `bytes`; -1 is NULL.
    private(set) var offsets: [Int] = []
    private(set) var lengths: [Int32] = []
    private(set) var types: [UInt32] = []
    private var open: OpenArray?

    private struct OpenArray {
        var start: Int
        var count: Int32
        var hasNull: Bool
    }

    public init() {}

    public init(_ parameters: [PostgresParameter]) {
        for parameter in parameters { append(parameter) }
    }

    public var count: Int { offsets.count }

    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        offsets.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        types.removeAll(keepingCapacity: true)
    }

    public mutating func append(_ parameter: PostgresParameter) {
        switch parameter {
        case .null:
            offsets.append(-1)
            lengths.append(0)
            types.append(0)
        case .text(let value): scalar(PostgresType.text) { $0.append(contentsOf: value.utf8) }
        case .bytea(let value): scalar(PostgresType.bytea) { $0.append(contentsOf: value) }
        case .bool(let value): scalar(PostgresType.bool) { $0.append(value ? 1 : 0) }
        case .int2(let value): scalar(PostgresType.int2) { $0.appendBigEndian(value) }
        case .int4(let value): scalar(PostgresType.int4) { $0.appendBigEndian(value) }
        case .int8(let value): scalar(PostgresType.int8) { $0.appendBigEndian(value) }
        case .float8(let value): scalar(PostgresType.float8) { $0.appendBigEndian(value.bitPattern) }
        case .uuid(let value): scalar(PostgresType.uuid) { $0.append(uuid: value) }
        case .timestamptz(let value): scalar(PostgresType.timestamptz) { $0.append(timestamp: value) }
        case .jsonb(let value):
            scalar(PostgresType.jsonb) {
                $0.append(1)
                $0.append(contentsOf: value)
            }
        case .texts(let values): array(PostgresType.text, values) { $0.append(text: $1) }
        case .int4s(let values): array(PostgresType.int4, values) { $0.append(int4: $1) }
        case .int8s(let values): array(PostgresType.int8, values) { $0.append(int8: $1) }
        case .float8s(let values): array(PostgresType.float8, values) { $0.append(float8: $1) }
        case .uuids(let values): array(PostgresType.uuid, values) { $0.append(uuid: $1) }
        case .timestamptzs(let values): array(PostgresType.timestamptz, values) { $0.append(timestamptz: $1) }
        case .jsonbs(let values): array(PostgresType.jsonb, values) { $0.append(jsonb: $1) }
        }
    }

    // MARK: Arrays, element by element

    /// Opens a one-dimensional array parameter; the elements follow, then `endArray()`.
    public mutating func beginArray(of element: UInt32) {
        precondition(open == nil, "an array is still open")
        open = OpenArray(start: bytes.count, count: 0, hasNull: false)
        bytes.appendBigEndian(1 as Int32)
        bytes.appendBigEndian(0 as Int32)
        bytes.appendBigEndian(element)
        bytes.appendBigEndian(0 as Int32)
        bytes.appendBigEndian(1 as Int32)
        types.append(Self.arrayType(of: element))
    }

    public mutating func appendNull() {
        open?.count += 1
        open?.hasNull = true
        bytes.appendBigEndian(-1 as Int32)
    }

    public mutating func append(text: String) {
        element(Int32(text.utf8.count)) { $0.append(contentsOf: text.utf8) }
    }

    public mutating func append(int4: Int32) { element(4) { $0.appendBigEndian(int4) } }

    public mutating func append(int8: Int64) { element(8) { $0.appendBigEndian(int8) } }

    public mutating func append(float8: Double) { element(8) { $0.appendBigEndian(float8.bitPattern) } }

    public mutating func append(uuid: TaskID) { element(16) { $0.append(uuid: uuid) } }

    public mutating func append(timestamptz: Timestamp) { element(8) { $0.append(timestamp: timestamptz) } }

    public mutating func append(jsonb: some Collection<UInt8>) {
        element(Int32(jsonb.count + 1)) {
            $0.append(1)
            $0.append(contentsOf: jsonb)
        }
    }

    public mutating func append(jsonb: [UInt8]) {
        element(Int32(jsonb.count + 1)) {
            $0.append(1)
            $0.append(contentsOf: jsonb)
        }
    }

    public mutating func endArray() {
        guard let array = open else { preconditionFailure("no array is open") }
        bytes.overwriteBigEndian(array.hasNull ? 1 as Int32 : 0, at: array.start + 4)
        bytes.overwriteBigEndian(array.count, at: array.start + 12)
        offsets.append(array.start)
        lengths.append(Int32(bytes.count - array.start))
        open = nil
    }

    // MARK: Parts

    private mutating func scalar(_ type: UInt32, _ write: (inout [UInt8]) -> Void) {
        let start = bytes.count
        write(&bytes)
        offsets.append(start)
        lengths.append(Int32(bytes.count - start))
        types.append(type)
    }

    private mutating func element(_ length: Int32, _ write: (inout [UInt8]) -> Void) {
        open?.count += 1
        bytes.appendBigEndian(length)
        write(&bytes)
    }

    private mutating func array<Element>(
        _ type: UInt32, _ values: [Element?], _ write: (inout ParameterArena, Element) -> Void
    ) {
        beginArray(of: type)
        for value in values {
            if let value { write(&self, value) } else { appendNull() }
        }
        endArray()
    }

    private static func arrayType(of element: UInt32) -> UInt32 {
        switch element {
        case PostgresType.text: PostgresType.textArray
        case PostgresType.int4: PostgresType.int4Array
        case PostgresType.int8: PostgresType.int8Array
        case PostgresType.float8: PostgresType.float8Array
        case PostgresType.uuid: PostgresType.uuidArray
        case PostgresType.timestamptz: PostgresType.timestamptzArray
        case PostgresType.jsonb: PostgresType.jsonbArray
        default: preconditionFailure("no array type for element type \(element)")
        }
    }

    /// Calls `body` with the parallel arrays that libpq wants; they live only during the call.
    func withParameters<Result>(
        _ body: (
            _ count: Int32, _ types: UnsafePointer<UInt32>?, _ values: UnsafePointer<UnsafePointer<CChar>?>?,
            _ lengths: UnsafePointer<Int32>?, _ formats: UnsafePointer<Int32>?
        ) -> Result
    ) -> Result {
        if offsets.isEmpty { return body(0, nil, nil, nil, nil) }
        return bytes.withUnsafeBytes { buffer in
            // An empty text is not NULL: it needs an address even when the arena holds no byte at all.
            let base = buffer.baseAddress ?? Self.nowhere
            return withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { values in
                withUnsafeTemporaryAllocation(of: Int32.self, capacity: count) { formats in
                    for index in 0..<count {
                        let offset = offsets[index]
                        let address = offset < 0 ? nil : (base + offset).assumingMemoryBound(to: CChar.self)
                        values.initializeElement(at: index, to: address)
                        formats.initializeElement(at: index, to: 1)
                    }
                    return body(
                        Int32(count), types, UnsafePointer(values.baseAddress), lengths,
                        UnsafePointer(formats.baseAddress))
                }
            }
        }
    }

    private nonisolated(unsafe) static let nowhere = UnsafeRawPointer(
        UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))
}

extension [UInt8] {
    mutating func appendBigEndian(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    mutating func overwriteBigEndian(_ value: Int32, at offset: Int) {
        withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Int32.self) }
    }

    mutating func append(uuid: TaskID) {
        appendBigEndian(uuid.high)
        appendBigEndian(uuid.low)
    }

    mutating func append(timestamp: Timestamp) {
        appendBigEndian(timestamp.microseconds - PostgresType.epochMicroseconds)
    }
}
