public import Absurd

/// Where each worker process runs: a CPU set inside one NUMA node, and the node that its memory comes from. Pure.
public struct Placement: Sendable, Hashable {
    public enum Workload: String, Sendable, Hashable, CaseIterable {
        case cpu, io, mixed

        /// Workers per usable CPU when their number is left to us.
        public var workersPerCPU: Double {
            switch self {
            case .cpu: 0.75
            case .io: 1.5
            case .mixed: 1
            }
        }
    }

    public enum NUMAChoice: Sendable, Hashable {
        /// Every node with CPUs that may be used.
        case auto
        /// Ignore nodes: CPU sets are still disjoint, but no memory policy is set.
        case none
        /// These nodes only.
        case nodes([Int])

        /// `auto`, `none` or a list such as `0,2-3`.
        public init?(_ text: String) {
            switch text {
            case "auto": self = .auto
            case "none": self = .none
            default:
                guard let nodes = CPUSet(list: text), !nodes.isEmpty else { return nil }
                self = .nodes(nodes.members)
            }
        }
    }

    public struct Request: Sendable, Hashable {
        /// Nil: from the workload.
        public var workers: Int?
        /// Seats of one worker.
        public var concurrency: Int
        public var workload: Workload
        public var numa: NUMAChoice

        public init(workers: Int? = nil, concurrency: Int = 1, workload: Workload = .mixed, numa: NUMAChoice = .auto) {
            self.workers = workers
            self.concurrency = concurrency
            self.workload = workload
            self.numa = numa
        }
    }

    public struct Worker: Sendable, Hashable {
        public var index: Int
        public var node: Int
        public var cpus: CPUSet
        /// Empty: leave the memory policy alone.
        public var memoryNodes: CPUSet
        public var seats: Int
    }

    /// A node as far as this placement may use it.
    public struct Ground: Sendable, Hashable {
        public var node: Int
        public var cores: [CPUSet]
        public var memoryNodes: CPUSet
        public var memoryBytes: Int64
        public var cpus: CPUSet { cores.reduce(CPUSet()) { $0.union($1) } }
    }

    public var workers: [Worker]
    public var grounds: [Ground]
    /// Things worth saying once, such as nodes without memory.
    public var notes: [String]
}

extension Placement {
    /// - Throws: `Refusal` when the request asks for nodes or CPUs that do not exist here.
    public static func plan(
        _ request: Request, topology: Topology, limits: HostLimits = HostLimits()
    ) throws(Refusal) -> Placement {
        var notes: [String] = []
        let grounds = try grounds(request, topology, limits, &notes)
        let usable = usableCPUs(grounds, limits)
        let count = request.workers ?? max(1, Int((request.workload.workersPerCPU * usable).rounded()))
        guard count >= 1, count <= 1024, request.concurrency >= 1, request.concurrency <= 256 else {
            throw Refusal(
                "\(count) workers of \(request.concurrency) tasks", why: "a node runs 1-1024 workers of 1-256 tasks",
                remedy: "change --workers or --concurrency", exit: .usage)
        }
        var workers: [Worker] = []
        for (ground, share) in zip(grounds, shares(of: count, weights: grounds.map { $0.cpus.count })) {
            for place in 0..<share {
                workers.append(
                    Worker(
                        index: workers.count, node: ground.node, cpus: slice(ground.cores, place: place, of: share),
                        memoryNodes: request.numa == .none || topology.nodes.count == 1 ? CPUSet() : ground.memoryNodes,
                        seats: request.concurrency))
            }
        }
        return Placement(workers: workers, grounds: grounds, notes: notes)
    }

    /// CPUs' worth of work that may be done: the CPUs of the grounds, a quota, what Slurm allotted.
    private static func usableCPUs(_ grounds: [Ground], _ limits: HostLimits) -> Double {
        let cpus = Double(grounds.reduce(0) { $0 + $1.cpus.count })
        return max(1, min(cpus, limits.cpuQuota ?? cpus, Double(limits.slurmCPUs ?? Int(cpus))))
    }

    private static func grounds(
        _ request: Request, _ topology: Topology, _ limits: HostLimits, _ notes: inout [String]
    ) throws(Refusal) -> [Ground] {
        let allowed = limits.cpus?.intersection(topology.cpus) ?? topology.cpus
        var nodes = topology.nodes.filter { !$0.cpus.intersection(allowed).isEmpty }
        if case .nodes(let wanted) = request.numa {
            let missing = wanted.filter { id in !nodes.contains { $0.id == id } }
            guard missing.isEmpty else {
                throw Refusal(
                    "NUMA node \(missing[0])", why: "it has no CPU that this process may use",
                    remedy: "choose from \(nodes.map { String($0.id) }.joined(separator: ", "))", exit: .configuration)
            }
            nodes = nodes.filter { wanted.contains($0.id) }
        }
        guard !nodes.isEmpty else {
            throw Refusal(
                "CPU set \(limits.cpus?.description ?? "")", why: "none of its CPUs is online",
                remedy: "check the cpuset of this service", exit: .configuration)
        }
        let served = nodes.map { memoryNode(for: $0, topology, limits) }
        for (node, memory) in zip(nodes, served) where memory.id != node.id {
            notes.append("NUMA node \(node.id) has no usable memory: node \(memory.id) serves it")
        }
        // A memory node that serves several is shared out, and a limit of the service over all of them.
        let bytes = served.map { memory in memory.memoryBytes / Int64(served.filter { $0.id == memory.id }.count) }
        let total = bytes.reduce(0, +)
        let scale = total > 0 ? min(1, Double(limits.memoryBytes ?? total) / Double(total)) : 1
        let grounds = nodes.indices.map { index in
            let cores = topology.cores.map { $0.intersection(nodes[index].cpus).intersection(allowed) }
            return Ground(
                node: nodes[index].id, cores: cores.filter { !$0.isEmpty }, memoryNodes: CPUSet([served[index].id]),
                memoryBytes: Int64(Double(bytes[index]) * scale))
        }
        for node in topology.nodes where node.cpus.isEmpty && node.memoryBytes > 0 {
            notes.append("NUMA node \(node.id) has memory only: left to the kernel")
        }
        return grounds
    }

    /// The node itself, or the nearest one with memory that may be used.
    private static func memoryNode(for node: Topology.Node, _ topology: Topology, _ limits: HostLimits) -> Topology.Node
    {
        func isUsable(_ other: Topology.Node) -> Bool {
            other.memoryBytes > 0 && limits.memoryNodes?.contains(other.id) ?? true
        }
        if isUsable(node) { return node }
        let others = topology.nodes.filter(isUsable)
        return others.min { (node.distances[$0.id] ?? 255, $0.id) < (node.distances[$1.id] ?? 255, $1.id) } ?? node
    }

    /// `count` things over weighted places by largest remainder; the lower place wins a tie.
    static func shares(of count: Int, weights: [Int]) -> [Int] {
        let total = max(1, weights.reduce(0, +))
        var shares = weights.map { count * $0 / total }
        let order = weights.indices.sorted { (count * weights[$1] % total, $0) < (count * weights[$0] % total, $1) }
        for place in order.prefix(count - shares.reduce(0, +)) { shares[place] += 1 }
        return shares
    }

    /// Worker `place` of `workers` on these cores: whole cores, neighbours, all used; where there are more workers than
    /// cores, single CPUs, and where there are more than CPUs, in turn.
    static func slice(_ cores: [CPUSet], place: Int, of workers: Int) -> CPUSet {
        let cpus = cores.flatMap(\.members)
        if workers <= cores.count {
            let bounds = [place, place + 1].map { $0 * cores.count / workers }
            return cores[bounds[0]..<bounds[1]].reduce(CPUSet()) { $0.union($1) }
        }
        if workers <= cpus.count {
            let bounds = [place, place + 1].map { $0 * cpus.count / workers }
            return CPUSet(cpus[bounds[0]..<bounds[1]])
        }
        return CPUSet([cpus[place % cpus.count]])
    }
}
