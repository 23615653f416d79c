public import AbsurdHost

/// What the advice depends on, and nothing else.
public struct MachineFacts: Sendable, Hashable {
    public enum Storage: String, Sendable, Hashable, CaseIterable { case ssd, hdd }

    public var topology: Topology
    public var limits: HostLimits
    /// Of the whole machine.
    public var memoryBytes: Int64
    public var workload = Placement.Workload.mixed
    /// Leaders that share the database.
    public var nodes = 1
    /// Programs with a connection pool of their own.
    public var clientPools = 1
    /// Tasks that one worker runs at a time.
    public var concurrency = 4
    /// Nothing but the database runs on its machine.
    public var isDatabaseAlone = false
    public var storage = Storage.ssd

    public init(topology: Topology, limits: HostLimits, memoryBytes: Int64) {
        self.topology = topology
        self.limits = limits
        self.memoryBytes = memoryBytes
    }

    /// Less than the machine's where a control group says so.
    public var usableMemoryBytes: Int64 { min(memoryBytes, limits.memoryBytes ?? memoryBytes) }
}
