public import Absurd
public import AbsurdHost

/// One value and the reason for it.
public struct Advised: Sendable, Hashable {
    public var name: String
    public var value: String
    public var why: String

    public init(_ name: String, _ value: String, _ why: String) {
        self.name = name
        self.value = value
        self.why = why
    }

    var json: JSONValue { ["name": .string(name), "value": .string(value), "why": .string(why)] }
}

/// What to set for a machine and a workload. Pure.
public struct Advice: Sendable {
    /// Worker counts of the three workloads, the chosen one first.
    public var workers: [(workload: Placement.Workload, count: Int)]
    /// For the leader: flags as in its settings file.
    public var leader: [Advised]
    public var postgres: [Advised]
    public var connectionFormula: String

    /// - Throws: `Refusal` when the machine has no usable CPU.
    public init(_ machine: MachineFacts) throws(Refusal) {
        var counts: [(workload: Placement.Workload, count: Int)] = []
        for workload in [machine.workload] + Placement.Workload.allCases.filter({ $0 != machine.workload }) {
            let request = Placement.Request(concurrency: machine.concurrency, workload: workload)
            let plan = try Placement.plan(request, topology: machine.topology, limits: machine.limits)
            counts.append((workload, plan.workers.count))
        }
        workers = counts
        leader = Self.leader(machine, workers: counts[0].count)
        postgres = PostgresAdvice.settings(machine)
        connectionFormula = ConnectionFormula.text(nodes: machine.nodes, clientPools: machine.clientPools)
    }

    private static func leader(_ machine: MachineFacts, workers: Int) -> [Advised] {
        let cpus = (machine.limits.cpus?.intersection(machine.topology.cpus) ?? machine.topology.cpus).count
        let factor = machine.workload.workersPerCPU
        let allowance = machine.limits.cpuQuota.map { ", a quota of \($0) CPUs" } ?? ""
        let nodes = machine.topology.nodes.filter { !$0.cpus.isEmpty }
        return [
            Advised(
                "workers", "\(workers)",
                "\(factor) a CPU for a workload of kind \(machine.workload.rawValue): \(cpus) CPUs\(allowance)"),
            Advised(
                "concurrency", "\(machine.concurrency)",
                "tiny tasks that one worker runs at a time; a stage takes the cores that it needs, whatever this is"),
            Advised(
                "numa", nodes.count > 1 ? "auto" : "none",
                nodes.count > 1
                    ? "\(nodes.count) NUMA nodes: each worker gets CPUs and memory of one"
                    : "one NUMA node: there is nothing to bind"),
            Advised("poll-interval", "1", "a spawn wakes the leader; the poll only finds what a lost connection hid"),
        ]
    }

    public var json: JSONValue {
        [
            "workers": .object(
                Dictionary(
                    uniqueKeysWithValues: workers.map { ($0.workload.rawValue, JSONValue.integer(Int64($0.count))) })),
            "leader": .array(leader.map(\.json)), "postgresql": .array(postgres.map(\.json)),
            "connection_formula": .string(connectionFormula),
        ]
    }

    public enum Part: String, Sendable, Hashable, CaseIterable {
        /// A settings file for `absurd leader --config`.
        case leader
        /// A fragment of postgresql.conf.
        case postgresql
    }

    /// One part, to be applied as it is: a reason above each line.
    public func lines(_ part: Part) -> [String] {
        switch part {
        case .leader:
            let counts = workers.map { "\($0.count) for \($0.workload.rawValue)" }.joined(separator: ", ")
            return ["# Workers: \(counts)"] + leader.flatMap { Self.entry("\($0.name): \($0.value)", $0.why) }
        case .postgresql:
            return ["# Connections: \(connectionFormula)"]
                + postgres.flatMap { Self.entry("\($0.name) = \($0.value)", $0.why) }
        }
    }

    /// Both parts, to be read.
    public var lines: [String] {
        ["# --- leader.yaml: absurd leader --config leader.yaml"] + lines(.leader)
            + ["", "# --- postgresql.conf, or a file in its conf.d; then restart the server"] + lines(.postgresql)
    }

    private static func entry(_ setting: String, _ why: String) -> [String] { ["# \(why)", setting] }
}
