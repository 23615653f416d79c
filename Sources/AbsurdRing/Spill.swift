public import Absurd
import CLane
import Glibc

/// Payloads that do not fit into a lane travel as a file; the lane carries its path.
///
/// The file begins with 24 bytes: magic, length, checksum, little-endian. It is written whole before its path is offered,
/// and whoever reads it checks all three.
public enum Spill {
    static let magic: UInt64 = 0x4c4c_4950_5342_4100

    /// Writes `bytes` to a new file in `directory` and returns its path.
    public static func write(_ bytes: UnsafeRawBufferPointer, directory: String, name: String) throws(Refusal) -> String
    {
        let path = "\(directory)/\(name).spill"
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw failure(path, "cannot be created: \(reason())", .cannotCreate) }
        defer { close(file) }
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        var header: [UInt64] = [magic, UInt64(bytes.count), 0]
        if let start { header[2] = lane_checksum(start, UInt64(bytes.count), 0) }
        let written = header.withUnsafeBytes { writeAll(file, $0) } && writeAll(file, bytes)
        guard written else {
            let why = reason()
            unlink(path)
            throw failure(path, "cannot be written: \(why)", .cannotCreate)
        }
        return path
    }

    /// Reads a spilled payload back.
    public static func read(_ path: String) throws(Refusal) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { throw failure(path, "cannot be read: \(reason())", .badData) }
        defer { close(file) }
        var header: [UInt64] = [0, 0, 0]
        guard header.withUnsafeMutableBytes({ readAll(file, $0) }), header[0] == magic,
            let count = Int(exactly: header[1]), count <= Limits.paramsBytesMax + Limits.resultBytesMax
        else { throw failure(path, "is not a spilled payload", .badData) }
        var bytes = [UInt8](repeating: 0, count: count)
        let whole = bytes.withUnsafeMutableBytes { readAll(file, $0) }
        let sum = bytes.withUnsafeBufferPointer { $0.baseAddress.map { lane_checksum($0, UInt64(count), 0) } ?? 0 }
        guard whole, sum == header[2] else { throw failure(path, "is cut off or damaged", .badData) }
        return bytes
    }

    private static func failure(_ path: String, _ why: String, _ exit: ExitCode) -> Refusal {
        Refusal("payload \(path)", why: why, remedy: "check the space and the rights of its directory", exit: exit)
    }

    private static func reason() -> String { String(cString: strerror(errno)) }

    private static func writeAll(_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(file, bytes.baseAddress! + done, bytes.count - done)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    private static func readAll(_ file: Int32, _ bytes: UnsafeMutableRawBufferPointer) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = Glibc.read(file, bytes.baseAddress! + done, bytes.count - done)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }
}
