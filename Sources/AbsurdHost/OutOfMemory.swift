import Glibc

/// Tells a kill by the kernel's out-of-memory killer from any other SIGKILL, by the kernel's own counters.
public struct OutOfMemory: Sendable {
    private let path: String
    private let key: String
    private var seen: Int64

    /// Counts of the caller's memory cgroup where there is one, else of the whole machine.
    public init(processRoot: String = "/proc", cgroupRoot: String = "/sys/fs/cgroup") {
        var path = "\(processRoot)/vmstat"
        for line in (SystemFile.text("\(processRoot)/self/cgroup") ?? "").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let file: String
            if parts[1].isEmpty {
                file = "\(cgroupRoot)\(parts[2])/memory.events"
            } else if parts[1].split(separator: ",").contains("memory") {
                file = "\(cgroupRoot)/memory\(parts[2])/memory.oom_control"
            } else {
                continue
            }
            if SystemFile.value("oom_kill", in: file) != nil { path = file }
        }
        self.path = path
        key = "oom_kill"
        seen = SystemFile.value(key, in: path) ?? 0
    }

    /// Whether a process that ended like this was most likely killed for memory: by SIGKILL, not by us, and the kernel
    /// has counted a kill since the last question.
    public mutating func explains(_ end: SpawnedProcess.End, killedByUs: Bool) -> Bool {
        let now = SystemFile.value(key, in: path) ?? seen
        defer { seen = now }
        return end.cause == .killed(signal: SIGKILL) && !killedByUs && now > seen
    }
}
