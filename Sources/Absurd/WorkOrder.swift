/// What the leader asks of a seat, in the few bytes that travel through the lane beside the fence.
///
/// ```
/// u8 version · u8 flags (1: a grant follows) · u16 length of the name · u32 time-out, s
/// [u64 memory bytes · u16 NUMA node · u16 CPUs · u16 each CPU]        name · params, JSON text to the end
/// ```
/// All little-endian. A tiny task fits a slot without a byte elsewhere.
public struct WorkOrder: Sendable, Hashable {
    public struct Grant: Sendable, Hashable {
        public var cpus: [Int]
        public var numaNode: Int
        public var memoryBytes: Int64

        public init(cpus: [Int], numaNode: Int, memoryBytes: Int64) {
            self.cpus = cpus
            self.numaNode = numaNode
            self.memoryBytes = memoryBytes
        }
    }

    public var name: String
    public var params: [UInt8]
    /// 0: none.
    public var timeoutSeconds: Int32
    /// Present for a stage: the cores and memory that are its own while it runs.
    public var grant: Grant?

    public init(name: String, params: [UInt8], timeoutSeconds: Int32, grant: Grant? = nil) {
        self.name = name
        self.params = params
        self.timeoutSeconds = timeoutSeconds
        self.grant = grant
    }

    static let version: UInt8 = 1

    /// Appends the encoded order to `out`.
    public func encode(into out: inout [UInt8]) {
        let nameCount = min(name.utf8.count, Limits.taskNameBytesMax)
        out.append(Self.version)
        out.append(grant == nil ? 0 : 1)
        out.appendLittleEndian(UInt16(nameCount))
        out.appendLittleEndian(UInt32(bitPattern: timeoutSeconds))
        if let grant {
            out.appendLittleEndian(UInt64(bitPattern: grant.memoryBytes))
            out.appendLittleEndian(UInt16(clamping: grant.numaNode))
            out.appendLittleEndian(UInt16(clamping: grant.cpus.count))
            for cpu in grant.cpus.prefix(Int(UInt16.max)) { out.appendLittleEndian(UInt16(clamping: cpu)) }
        }
        out.append(contentsOf: name.utf8.prefix(nameCount))
        out.append(contentsOf: params)
    }

    /// - Returns: nil when the bytes are not an order of this version.
    public init?(decoding bytes: UnsafeRawBufferPointer) {
        var reader = LittleEndianReader(bytes)
        guard reader.next(UInt8.self) == Self.version, let flags = reader.next(UInt8.self),
            let nameCount = reader.next(UInt16.self), let timeout = reader.next(UInt32.self)
        else { return nil }
        timeoutSeconds = Int32(bitPattern: timeout)
        if flags & 1 != 0 {
            guard let memory = reader.next(UInt64.self), let node = reader.next(UInt16.self),
                let count = reader.next(UInt16.self)
            else { return nil }
            var cpus: [Int] = []
            for _ in 0..<count {
                guard let cpu = reader.next(UInt16.self) else { return nil }
                cpus.append(Int(cpu))
            }
            grant = Grant(cpus: cpus, numaNode: Int(node), memoryBytes: Int64(bitPattern: memory))
        }
        guard let text = reader.take(Int(nameCount)) else { return nil }
        name = String(decoding: text, as: UTF8.self)
        params = Array(reader.rest)
    }
}

/// What a seat hands back: the result's JSON text, an error for people, and how long it took.
///
/// `u32 duration, µs · u32 length of the error · error · result to the end`; the outcome travels in the slot itself.
public struct WorkResult: Sendable, Hashable {
    public var outcome: AttemptOutcome
    public var result: [UInt8]
    public var error: String?
    public var durationMicroseconds: UInt32

    public init(outcome: AttemptOutcome, result: [UInt8], error: String? = nil, durationMicroseconds: UInt32 = 0) {
        self.outcome = outcome
        self.result = result
        self.error = error
        self.durationMicroseconds = durationMicroseconds
    }

    public func encode(into out: inout [UInt8]) {
        let error = Array((error ?? "").utf8.prefix(Limits.errorBytesMax))
        out.appendLittleEndian(durationMicroseconds)
        out.appendLittleEndian(UInt32(error.count))
        out += error
        out += result
    }

    /// - Returns: nil when outcome or bytes make no sense.
    public init?(outcome code: UInt32, decoding bytes: UnsafeRawBufferPointer) {
        var reader = LittleEndianReader(bytes)
        guard let small = UInt8(exactly: code), let outcome = AttemptOutcome(rawValue: small),
            let duration = reader.next(UInt32.self), let errorCount = reader.next(UInt32.self),
            let error = reader.take(Int(errorCount))
        else { return nil }
        self.outcome = outcome
        durationMicroseconds = duration
        self.error = error.isEmpty ? nil : String(decoding: error, as: UTF8.self)
        result = Array(reader.rest)
    }
}

extension [UInt8] {
    mutating func appendLittleEndian<Integer: FixedWidthInteger>(_ value: Integer) {
        var word = value.littleEndian
        Swift.withUnsafeBytes(of: &word) { append(contentsOf: $0) }
    }
}

/// Reads forward and never past the end.
struct LittleEndianReader {
    private let bytes: UnsafeRawBufferPointer
    private var at = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func next<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Integer? {
        let size = MemoryLayout<Integer>.size
        guard bytes.count - at >= size else { return nil }
        defer { at += size }
        return Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: Integer.self))
    }

    mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, bytes.count - at >= count else { return nil }
        defer { at += count }
        return UnsafeRawBufferPointer(rebasing: bytes[at..<at + count])
    }

    var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[at...]) }
}
