import CHost
import Glibc

/// What this process may use of the machine: its affinity, its control groups, and a batch system's allotment.
public struct HostLimits: Sendable, Hashable {
    /// Nil: every CPU.
    public var cpus: CPUSet?
    /// NUMA nodes that memory may come from; nil: all.
    public var memoryNodes: CPUSet?
    /// CPUs' worth of time, from cpu.max or cfs_quota; nil: unlimited.
    public var cpuQuota: Double?
    public var memoryBytes: Int64?
    /// CPUs that Slurm allotted to this task; nil outside of Slurm.
    public var slurmCPUs: Int?

    public init(
        cpus: CPUSet? = nil, memoryNodes: CPUSet? = nil, cpuQuota: Double? = nil, memoryBytes: Int64? = nil,
        slurmCPUs: Int? = nil
    ) {
        self.cpus = cpus
        self.memoryNodes = memoryNodes
        self.cpuQuota = cpuQuota
        self.memoryBytes = memoryBytes
        self.slurmCPUs = slurmCPUs
    }

    /// Of the calling process. `processRoot` and `cgroupRoot` are /proc and /sys/fs/cgroup, or fixture trees.
    public static func read(
        processRoot: String = "/proc", cgroupRoot: String = "/sys/fs/cgroup", environment: [String: String] = [:],
        affinity: CPUSet? = HostLimits.affinity()
    ) -> HostLimits {
        var limits = HostLimits(cpus: affinity)
        for line in (SystemFile.text("\(processRoot)/self/cgroup") ?? "").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let controllers = parts[1].split(separator: ",")
            for path in ancestors(of: String(parts[2])) {
                if controllers.isEmpty {
                    limits.addUnified("\(cgroupRoot)\(path)")
                } else {
                    for controller in controllers {
                        limits.addOld(String(controller), "\(cgroupRoot)/\(controller)\(path)")
                    }
                }
            }
        }
        limits.addSlurm(environment)
        return limits
    }

    /// The CPUs on which the calling thread may run.
    public static func affinity() -> CPUSet? {
        var words = [UInt64](repeating: 0, count: 1024)
        let used = host_allowed_cpus(0, &words, 1024)
        return used < 0 ? nil : CPUSet(words: Array(words[..<Int(used)]))
    }

    /// "/a/b" -> "/a/b", "/a", "": a limit of any ancestor holds too.
    private static func ancestors(of path: String) -> [String] {
        var paths: [String] = []
        var rest = path == "/" ? "" : path
        while !rest.isEmpty {
            paths.append(rest)
            rest = rest.lastIndex(of: "/").map { String(rest[..<$0]) } ?? ""
        }
        return paths + [""]
    }

    private mutating func addUnified(_ directory: String) {
        restrict(cpus: SystemFile.list("\(directory)/cpuset.cpus.effective"))
        restrict(nodes: SystemFile.list("\(directory)/cpuset.mems.effective"))
        restrict(memory: SystemFile.number("\(directory)/memory.max"))
        let words = SystemFile.text("\(directory)/cpu.max")?.split(whereSeparator: \.isWhitespace) ?? []
        if words.count == 2, let quota = Double(words[0]), let period = Double(words[1]), period > 0 {
            restrict(quota: quota / period)
        }
    }

    private mutating func addOld(_ controller: String, _ directory: String) {
        switch controller {
        case "cpuset":
            restrict(cpus: SystemFile.list("\(directory)/cpuset.effective_cpus"))
            restrict(nodes: SystemFile.list("\(directory)/cpuset.effective_mems"))
        case "memory":
            let bytes = SystemFile.number("\(directory)/memory.limit_in_bytes")
            restrict(memory: bytes.map { $0 < 1 << 60 ? $0 : .max })
        case "cpu":
            if let quota = SystemFile.number("\(directory)/cpu.cfs_quota_us"), quota > 0,
                let period = SystemFile.number("\(directory)/cpu.cfs_period_us"), period > 0
            {
                restrict(quota: Double(quota) / Double(period))
            }
        default: break
        }
    }

    private mutating func addSlurm(_ environment: [String: String]) {
        guard environment["SLURM_JOB_ID"] != nil else { return }
        let perTask = environment["SLURM_CPUS_PER_TASK"].flatMap { Int($0) }
        slurmCPUs = perTask ?? environment["SLURM_CPUS_ON_NODE"].flatMap { Int($0) }
        if let megabytes = environment["SLURM_MEM_PER_NODE"].flatMap({ Int64($0) }), megabytes > 0 {
            restrict(memory: megabytes << 20)
        } else if let megabytes = environment["SLURM_MEM_PER_CPU"].flatMap({ Int64($0) }), let slurmCPUs {
            restrict(memory: (megabytes << 20) * Int64(slurmCPUs))
        }
    }

    private mutating func restrict(cpus other: CPUSet?) {
        guard let other, !other.isEmpty else { return }
        cpus = cpus?.intersection(other) ?? other
    }

    private mutating func restrict(nodes other: CPUSet?) {
        guard let other, !other.isEmpty else { return }
        memoryNodes = memoryNodes?.intersection(other) ?? other
    }

    private mutating func restrict(memory bytes: Int64?) {
        guard let bytes, bytes < .max else { return }
        memoryBytes = min(memoryBytes ?? .max, bytes)
    }

    private mutating func restrict(quota: Double) { cpuQuota = min(cpuQuota ?? quota, quota) }
}
