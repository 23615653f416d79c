import Absurd
import Glibc

/// What an attempt has used: its own thread, and the children that it has waited for.
///
/// Owned by the seat's thread, which starts it before the handler and reads it afterwards.
public final class ResourceMeter {
    private let wallStart: UInt64
    private let cpuStart: UInt64
    private var childCPUSeconds = 0.0
    private var childMaxRSSBytes: Int64 = 0
    private var childReadBytes: Int64 = 0
    private var childWriteBytes: Int64 = 0
    private var hadChild = false
    private var steps: [(name: String, start: UInt64)] = []

    public init() {
        wallStart = Self.nanoseconds(CLOCK_MONOTONIC)
        cpuStart = Self.nanoseconds(CLOCK_THREAD_CPUTIME_ID)
    }

    /// `usage` of a child and of all that it waited for; `io` as /proc/PID/io showed it before the child was reaped.
    public func addChild(_ usage: rusage, readBytes: Int64, writeBytes: Int64) {
        hadChild = true
        childCPUSeconds += Self.seconds(usage.ru_utime) + Self.seconds(usage.ru_stime)
        childMaxRSSBytes = max(childMaxRSSBytes, Int64(usage.ru_maxrss) * 1024)
        childReadBytes += readBytes
        childWriteBytes += writeBytes
    }

    public var wallNanoseconds: UInt64 { Self.nanoseconds(CLOCK_MONOTONIC) - wallStart }

    /// A step begins, and the one before it ends. Messages that differ in their numbers only are one step; so is all that
    /// comes after the last that are kept.
    public func begin(step name: String) {
        func kind(_ text: String) -> String { text.filter { !$0.isNumber && $0 != "." } }
        guard !name.isEmpty, steps.count < Limits.profileStepsMax, steps.last.map({ kind($0.name) }) != kind(name)
        else {
            return
        }
        steps.append((name, wallNanoseconds))
    }

    private var stepsJSON: JSONValue {
        let end = wallNanoseconds
        return .array(
            steps.indices.map { index in
                let next = index + 1 < steps.count ? steps[index + 1].start : end
                return [
                    "name": .string(steps[index].name),
                    "start_seconds": .number(Self.rounded(Double(steps[index].start) / 1e9)),
                    "seconds": .number(Self.rounded(Double(next - steps[index].start) / 1e9)),
                ]
            })
    }

    /// `{"cpu_seconds":…,"wall_seconds":…}`; where there was a child, `max_rss_bytes`, `read_bytes`, `write_bytes`; where
    /// steps were told, `spans`.
    public var json: JSONValue {
        let own = Double(Self.nanoseconds(CLOCK_THREAD_CPUTIME_ID) - cpuStart) / 1e9
        var members: [String: JSONValue] = [
            "cpu_seconds": .number(Self.rounded(own + childCPUSeconds)),
            "wall_seconds": .number(Self.rounded(Double(wallNanoseconds) / 1e9)),
            "max_rss_bytes": .integer(hadChild ? childMaxRSSBytes : Self.ownMaxRSSBytes),
        ]
        if hadChild {
            members["read_bytes"] = .integer(childReadBytes)
            members["write_bytes"] = .integer(childWriteBytes)
        }
        if !steps.isEmpty { members["spans"] = stepsJSON }
        return .object(members)
    }

    private static var ownMaxRSSBytes: Int64 {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Int64(usage.ru_maxrss) * 1024
    }

    private static func rounded(_ seconds: Double) -> Double { (seconds * 1e6).rounded() / 1e6 }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
        var now = timespec()
        clock_gettime(clock, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}

/// Bytes that a process has really read from and written to storage: `/proc/PID/io`.
public func storageBytes(of process: pid_t) -> (read: Int64, write: Int64) {
    let file = open("/proc/\(process)/io", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return (0, 0) }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 1024)
    let count = read(file, &buffer, buffer.count)
    var result: (read: Int64, write: Int64) = (0, 0)
    for line in String(decoding: buffer[..<max(0, count)], as: UTF8.self).split(separator: "\n") {
        let parts = line.split(separator: ":")
        guard parts.count == 2, let value = Int64(parts[1].trimmingPrefix { $0 == " " }) else { continue }
        if parts[0] == "read_bytes" { result.read = value }
        if parts[0] == "write_bytes" { result.write = value }
    }
    return result
}
