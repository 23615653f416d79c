public import Absurd
import CHost
import Glibc

/// A program to be started, with everything that must be set before its first instruction.
public struct SpawnOrder: Sendable {
    public enum Isolation: Int32, Sendable {
        case none = 0
        /// A process group of its own.
        case group = 1
        /// A session of its own: descendants are found by it even after their parents are gone.
        case session = 2
    }

    public struct Limit: Sendable, Hashable {
        /// RLIMIT_…
        public var resource: Int32
        public var value: UInt64

        public init(resource: Int32, value: UInt64) {
            self.resource = resource
            self.value = value
        }
    }

    /// An absolute path; PATH is not searched.
    public var path: String
    /// Without the program's name.
    public var arguments: [String]
    public var environment: [String: String]
    /// Nil: the parent's.
    public var directory: String?
    /// The child's descriptor i is our `descriptors[i]`, -1 is /dev/null; every other one is closed.
    public var descriptors: [Int32] = [-1, 1, 2]
    /// Nil: ours.
    public var cpus: CPUSet?
    /// Memory comes from these nodes only. Empty: our policy.
    public var memoryNodes = CPUSet()
    /// Sent to the child when the *thread* that spawned it ends: spawn from a thread that lives as long as it should.
    public var deathSignal: Int32?
    public var isolation = Isolation.group
    public var user: UInt32?
    public var group: UInt32?
    /// Added to our niceness.
    public var nice: Int32 = 0
    /// An open cgroup.procs of the group that the child shall join.
    public var cgroup: Int32?
    public var limits: [Limit] = []

    public init(_ path: String, _ arguments: [String] = [], environment: [String: String] = [:]) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
    }
}

extension SpawnOrder {
    /// Starts the program and returns when it runs, about 0.1 ms later, whatever the size of this process.
    ///
    /// - Throws: `Refusal` that names the program and the step that failed. A refused CPU set or memory policy is not an
    ///   error: the child runs without it, and ``SpawnedProcess/placementWarning`` says so.
    public func start() throws(Refusal) -> SpawnedProcess {
        var report = host_spawn_report()
        let result = withStrings([path] + arguments) { argumentPointers in
            withStrings(environment.map { "\($0.key)=\($0.value)" }.sorted()) { environmentPointers in
                spawn(argumentPointers, environmentPointers, &report)
            }
        }
        guard result == 0 else {
            throw Refusal(
                path,
                why: "cannot be started: \(Self.sentence(report.failed_step)): "
                    + String(cString: strerror(report.failed_errno)),
                remedy: Self.remedy(report.failed_step), exit: .unavailable)
        }
        var warnings: [String] = []
        if report.affinity_errno != 0, let cpus {
            warnings.append("CPUs \(cpus): \(String(cString: strerror(report.affinity_errno)))")
        }
        if report.memory_errno != 0 {
            warnings.append("memory of NUMA nodes \(memoryNodes): \(String(cString: strerror(report.memory_errno)))")
        }
        return SpawnedProcess(
            processID: report.pid, descriptor: report.pidfd,
            placementWarning: warnings.isEmpty ? nil : warnings.joined(separator: "; "))
    }

    private func spawn(
        _ argumentPointers: UnsafePointer<UnsafeMutablePointer<CChar>?>,
        _ environmentPointers: UnsafePointer<UnsafeMutablePointer<CChar>?>, _ report: inout host_spawn_report
    ) -> Int32 {
        let rawLimits = limits.map { host_limit(resource: $0.resource, value: $0.value) }
        let cpuWords = cpus?.words ?? []
        let nodeWords = memoryNodes.words
        return cpuWords.withUnsafeBufferPointer { cpuBits in
            nodeWords.withUnsafeBufferPointer { nodeBits in
                rawLimits.withUnsafeBufferPointer { limitList in
                    descriptors.withUnsafeBufferPointer { descriptorList in
                        withOptionalString(directory) { directoryPointer in
                            var order = host_spawn_order()
                            order.path = UnsafePointer(argumentPointers[0])
                            order.arguments = argumentPointers
                            order.environment = environmentPointers
                            order.directory = directoryPointer
                            order.descriptors = descriptorList.baseAddress
                            order.descriptor_count = UInt32(descriptorList.count)
                            order.cpus = cpuBits.isEmpty ? nil : cpuBits.baseAddress
                            order.cpu_words = UInt32(cpuBits.count)
                            order.nodes = nodeBits.isEmpty ? nil : nodeBits.baseAddress
                            order.node_words = UInt32(nodeBits.count)
                            order.node_policy = host_policy_bind()
                            order.death_signal = deathSignal ?? 0
                            order.session = isolation.rawValue
                            order.user = user.map(Int64.init) ?? -1
                            order.group = group.map(Int64.init) ?? -1
                            order.nice = nice
                            order.cgroup = cgroup ?? -1
                            order.limits = limitList.baseAddress
                            order.limit_count = UInt32(limitList.count)
                            return host_spawn(&order, &report)
                        }
                    }
                }
            }
        }
    }

    private static func sentence(_ step: Int32) -> String {
        switch Int(step) {
        case HOST_STEP_CLONE: "no new process"
        case HOST_STEP_SIGNALS: "signal mask"
        case HOST_STEP_GROUP: "process group"
        case HOST_STEP_CGROUP: "control group"
        case HOST_STEP_LIMIT: "resource limit"
        case HOST_STEP_NICE: "niceness"
        case HOST_STEP_USER: "user and group"
        case HOST_STEP_DEATH_SIGNAL: "death signal"
        case HOST_STEP_DIRECTORY: "work directory"
        case HOST_STEP_DESCRIPTORS: "descriptors"
        default: "program"
        }
    }

    private static func remedy(_ step: Int32) -> String {
        switch Int(step) {
        case HOST_STEP_CLONE: "raise the process limit (ulimit -u, TasksMax) or free memory"
        case HOST_STEP_USER, HOST_STEP_NICE, HOST_STEP_CGROUP: "run as a user that may do this"
        case HOST_STEP_DIRECTORY: "check that it exists and may be entered"
        case HOST_STEP_DESCRIPTORS: "raise the descriptor limit (ulimit -n)"
        case HOST_STEP_LIMIT: "ask for less than the hard limit"
        default: "check that it is installed and may be run"
        }
    }
}

private func withStrings<R>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
) -> R {
    let copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { for copy in copies { free(copy) } }
    return copies.withUnsafeBufferPointer { body($0.baseAddress!) }
}

private func withOptionalString<R>(_ string: String?, _ body: (UnsafePointer<CChar>?) -> R) -> R {
    guard let string else { return body(nil) }
    return string.withCString { body($0) }
}
