/// The CPUs and the memory of a machine, as sysfs describes them.
public struct Topology: Sendable, Hashable {
    public struct Node: Sendable, Hashable {
        public var id: Int
        /// Online CPUs; empty for a node that has memory only.
        public var cpus: CPUSet
        /// 0 for a node that has CPUs only.
        public var memoryBytes: Int64
        /// To the node with that id, as the firmware says it: 10 is local.
        public var distances: [Int: Int]

        public init(id: Int, cpus: CPUSet, memoryBytes: Int64, distances: [Int: Int] = [:]) {
            self.id = id
            self.cpus = cpus
            self.memoryBytes = memoryBytes
            self.distances = distances
        }
    }

    public var nodes: [Node]
    /// The CPUs of each physical core: more than one where SMT is on. Ordered by first CPU.
    public var cores: [CPUSet]

    public init(nodes: [Node], cores: [CPUSet]) {
        self.nodes = nodes
        self.cores = cores
    }

    public var cpus: CPUSet { nodes.reduce(CPUSet()) { $0.union($1.cpus) } }
    public var hasSMT: Bool { cores.contains { $0.count > 1 } }

    public func node(ofCPU cpu: Int) -> Node? { nodes.first { $0.cpus.contains(cpu) } }

    /// Reads `<root>/devices/system/{cpu,node}`. `root` is /sys, or a fixture tree in tests; `memoryInfo` is what tells
    /// the memory where there are no nodes.
    public static func read(root: String = "/sys", memoryInfo: String = "/proc/meminfo") -> Topology {
        let system = "\(root)/devices/system"
        let online = SystemFile.list("\(system)/cpu/online") ?? CPUSet([0])
        var nodes: [Node] = []
        let nodeIDs = SystemFile.list("\(system)/node/online") ?? CPUSet()
        for id in nodeIDs.members {
            let directory = "\(system)/node/node\(id)"
            let cpus = (SystemFile.list("\(directory)/cpulist") ?? CPUSet()).intersection(online)
            let distances =
                SystemFile.text("\(directory)/distance")?.split(whereSeparator: \.isWhitespace)
                .compactMap { Int($0) } ?? []
            nodes.append(
                Node(
                    id: id, cpus: cpus, memoryBytes: memoryTotal("\(directory)/meminfo"),
                    distances: Dictionary(zip(nodeIDs.members, distances), uniquingKeysWith: { first, _ in first })))
        }
        if nodes.allSatisfy({ $0.cpus.isEmpty }) {
            nodes = [Node(id: 0, cpus: online, memoryBytes: memoryTotal(memoryInfo), distances: [0: 10])]
        }
        var cores: [CPUSet] = []
        var seen = CPUSet()
        for cpu in online.members where !seen.contains(cpu) {
            let path = "\(system)/cpu/cpu\(cpu)/topology"
            let siblings = SystemFile.list("\(path)/core_cpus_list") ?? SystemFile.list("\(path)/thread_siblings_list")
            var core = (siblings ?? CPUSet()).intersection(online)
            core.insert(cpu)
            cores.append(core.subtracting(seen))
            seen = seen.union(core)
        }
        return Topology(nodes: nodes, cores: cores)
    }

    /// `Node 0 MemTotal:  9005276 kB` or `MemTotal:  9005276 kB`.
    private static func memoryTotal(_ path: String) -> Int64 {
        for line in (SystemFile.text(path) ?? "").split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace)
            if let at = words.firstIndex(of: "MemTotal:"), at + 1 < words.count, let value = Int64(words[at + 1]) {
                return value << 10
            }
        }
        return 0
    }
}
