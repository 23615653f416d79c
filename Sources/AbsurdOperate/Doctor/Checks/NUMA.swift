/// NUMA: whether workers use the nodes, and whether their memory is where they are.
enum NUMA {
    static let checks = [
        Check("numa-spread", "do workers use every NUMA node?", spread),
        Check("numa-local", "is workers' memory on their own node?", locality),
    ]

    static func spread(_ facts: Facts) -> [Diagnosis]? {
        guard facts.database?.nodes != nil else { return nil }
        let allowed = facts.host.limits.cpus ?? facts.host.topology.cpus
        let nodes = facts.host.topology.nodes.filter { !$0.cpus.intersection(allowed).isEmpty }
        guard nodes.count > 1 else { return [] }
        return Machine.local(facts).compactMap { node in
            let used = Set(node.workers.compactMap(\.numaNode))
            let idle = nodes.map(\.id).filter { !used.contains($0) }
            guard !node.workers.isEmpty, !idle.isEmpty else { return nil }
            return Diagnosis(
                "numa-spread", .warning,
                cause: "node \(node.name) leaves NUMA node \(idle.map(String.init).joined(separator: ", ")) idle",
                evidence:
                    "its \(node.workers.count) workers are on \(used.sorted().map(String.init).joined(separator: ", "))",
                remedy: "--numa auto with at least \(nodes.count) workers, or one leader a NUMA node (absurd-leader@N)")
        }
    }

    static func locality(_ facts: Facts) -> [Diagnosis]? {
        guard facts.database?.nodes != nil else { return nil }
        guard facts.host.topology.nodes.count(where: { $0.memoryBytes > 0 }) > 1 else { return [] }
        return Machine.local(facts).flatMap { node in
            node.workers.compactMap { worker -> Diagnosis? in
                guard let pid = worker.process, let home = worker.numaNode, let process = facts.host.processes[pid]
                else {
                    return nil
                }
                let all = process.pages.values.reduce(0, +)
                let share = all > 0 ? Double(process.pages[home] ?? 0) / Double(all) : 1
                guard all >= 1000, share < 0.8 else { return nil }
                return Diagnosis(
                    "numa-local", .warning,
                    cause: "memory of worker \(worker.index) of node \(node.name) is on other NUMA nodes",
                    evidence:
                        "\(Int(share * 100)) % of its \(all) pages are on node \(home) (numa_maps of process \(pid))",
                    remedy:
                        "absurdctl restart \(worker.index); if it comes back, node \(home) is out of memory: numactl -H"
                )
            }
        }
    }
}
