public import Absurd

/// Which CPUs and how much memory the running stages hold, so that no node is promised twice. Pure.
///
/// A stage gets CPUs of one node, idle ones if there are enough; a stage that needs more than is free waits; one that can
/// never fit is refused. Small tasks that run inside a worker need no grant.
public struct GrantBook: Sendable {
    public struct Grant: Sendable, Hashable {
        public var worker: Int
        public var node: Int
        public var cpus: CPUSet
        public var memoryBytes: Int64

        public init(worker: Int, node: Int, cpus: CPUSet, memoryBytes: Int64) {
            self.worker = worker
            self.node = node
            self.cpus = cpus
            self.memoryBytes = memoryBytes
        }
    }

    public enum Answer: Sendable, Hashable {
        case granted(Grant)
        /// It fits, but not now.
        case later
        /// No node is large enough.
        case never(Refusal)
    }

    private struct Node: Sendable {
        var ground: Placement.Ground
        var freeCPUs: CPUSet
        var freeMemoryBytes: Int64
    }

    private var nodes: [Node]
    private let workers: [Placement.Worker]

    public init(_ placement: Placement) {
        workers = placement.workers
        nodes = placement.grounds.map {
            Node(ground: $0, freeCPUs: $0.cpus, freeMemoryBytes: $0.memoryBytes)
        }
    }

    /// `freeSeats[w]`: seats of worker w without a task. A task of 0 cores takes its node whole; one of more cores than
    /// any node has takes a whole node as well, since `cores` is what it can use, not what it must have.
    public mutating func grant(_ type: TaskType, freeSeats: [Int]) -> Answer {
        let largest = nodes.map(\.ground.memoryBytes).max() ?? 0
        guard type.memoryBytes <= largest else {
            return .never(
                Refusal(
                    "task \(type.name)",
                    why:
                        "needs \(type.memoryBytes >> 20) MiB, and the largest NUMA node here may use \(largest >> 20) MiB",
                    remedy: "run it on a larger machine or raise the memory limit", exit: .configuration))
        }
        let widest = nodes.filter { $0.ground.memoryBytes >= type.memoryBytes }.map { $0.ground.cpus.count }.max() ?? 0
        // The tightest node that has room: so that wide holes stay for wide stages.
        var best: (node: Int, cpus: Int, worker: Int)?
        for (index, node) in nodes.enumerated() {
            let cores = type.cores == 0 ? node.ground.cpus.count : min(type.cores, widest)
            guard node.freeMemoryBytes >= type.memoryBytes, node.freeCPUs.count >= cores, cores > 0,
                let worker = seat(on: node, freeSeats)
            else { continue }
            if let best, nodes[best.node].freeCPUs.count <= node.freeCPUs.count { continue }
            best = (index, cores, worker)
        }
        guard let best else { return .later }
        let cpus = choose(best.cpus, nodes[best.node], workers[best.worker].cpus)
        nodes[best.node].freeCPUs = nodes[best.node].freeCPUs.subtracting(cpus)
        nodes[best.node].freeMemoryBytes -= type.memoryBytes
        return .granted(
            Grant(
                worker: best.worker, node: nodes[best.node].ground.node, cpus: cpus, memoryBytes: type.memoryBytes))
    }

    /// Takes a grant that a predecessor made: its stage still runs.
    public mutating func adopt(_ grant: Grant) {
        guard let index = nodes.firstIndex(where: { $0.ground.node == grant.node }) else { return }
        nodes[index].freeCPUs = nodes[index].freeCPUs.subtracting(grant.cpus)
        nodes[index].freeMemoryBytes -= grant.memoryBytes
    }

    public mutating func release(_ grant: Grant) {
        guard let index = nodes.firstIndex(where: { $0.ground.node == grant.node }) else { return }
        nodes[index].freeCPUs = nodes[index].freeCPUs.union(grant.cpus.intersection(nodes[index].ground.cpus))
        nodes[index].freeMemoryBytes = min(
            nodes[index].ground.memoryBytes, nodes[index].freeMemoryBytes + grant.memoryBytes)
    }

    /// Per node: CPUs and bytes that no stage holds.
    public var free: [(node: Int, cpus: CPUSet, memoryBytes: Int64)] {
        nodes.map { ($0.ground.node, $0.freeCPUs, $0.freeMemoryBytes) }
    }

    /// The worker of this node with the most free seats; among equals the one whose own CPUs are the most idle.
    private func seat(on node: Node, _ freeSeats: [Int]) -> Int? {
        func rank(_ worker: Placement.Worker) -> (Int, Int, Int) {
            (freeSeats[worker.index], worker.cpus.intersection(node.freeCPUs).count, -worker.index)
        }
        let able = workers.filter {
            $0.node == node.ground.node && $0.index < freeSeats.count && freeSeats[$0.index] > 0
        }
        return able.max { rank($0) < rank($1) }?.index
    }

    /// Idle CPUs: the worker's own cores first, whole cores before halves of them.
    private func choose(_ count: Int, _ node: Node, _ own: CPUSet) -> CPUSet {
        let cores = node.ground.cores.map { (idle: $0.intersection(node.freeCPUs), core: $0) }
        let order = cores.filter { !$0.idle.isEmpty }.sorted {
            let left = ($0.idle == $0.core ? 0 : 1, $0.idle.isSubset(of: own) ? 0 : 1, $0.idle.first ?? 0)
            let right = ($1.idle == $1.core ? 0 : 1, $1.idle.isSubset(of: own) ? 0 : 1, $1.idle.first ?? 0)
            return left < right
        }
        return CPUSet(order.flatMap(\.idle.members).prefix(count))
    }
}
