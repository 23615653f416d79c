import AbsurdCluster
import AbsurdHost
import AbsurdStore
import TestSupport
import Testing

@testable import AbsurdOperate

@Suite struct `The advice` {
    /// Two NUMA nodes of 16 cores and 256 GiB.
    private static let telescope: MachineFacts = {
        let nodes = [
            Topology.Node(id: 0, cpus: CPUSet(0..<16), memoryBytes: 128 << 30),
            Topology.Node(id: 1, cpus: CPUSet(16..<32), memoryBytes: 128 << 30),
        ]
        let topology = Topology(nodes: nodes, cores: (0..<32).map { CPUSet([$0]) })
        return MachineFacts(topology: topology, limits: HostLimits(), memoryBytes: 256 << 30)
    }()

    private func value(_ name: String, _ advice: Advice) -> String? {
        (advice.leader + advice.postgres).first { $0.name == name }?.value
    }

    @Test func `counts workers by the workload`() throws {
        let advice = try Advice(Self.telescope)
        #expect(advice.workers.map(\.count) == [32, 24, 48])
        #expect(advice.workers.map(\.workload) == [.mixed, .cpu, .io])
        #expect(value("workers", advice) == "32" && value("numa", advice) == "auto")
    }

    @Test func `keeps to a quota and a memory limit`() throws {
        var machine = Self.telescope
        machine.limits.cpuQuota = 8
        machine.limits.memoryBytes = 16 << 30
        machine.workload = .cpu
        let advice = try Advice(machine)
        #expect(value("workers", advice) == "6")
        #expect(value("shared_buffers", advice) == "1024MB")
        machine.isDatabaseAlone = true
        #expect(value("shared_buffers", try Advice(machine)) == "4096MB")
        #expect(value("effective_cache_size", try Advice(machine)) == "12288MB")
    }

    @Test func `computes connections by the formula`() throws {
        var machine = Self.telescope
        machine.nodes = 3
        machine.clientPools = 2
        let advice = try Advice(machine)
        #expect(value("max_connections", advice) == "47")
        #expect(advice.lines.contains { $0.contains("(3 leaders x 3 + 2 client pools x 10") })
    }

    @Test func `gives a reason before each line`() throws {
        for advised in try Advice(Self.telescope).postgres { #expect(!advised.why.isEmpty, "\(advised.name)") }
        let lines = try Advice(Self.telescope).lines
        for (index, line) in lines.enumerated() where line.contains(" = ") && !line.hasPrefix("#") {
            #expect(lines[index - 1].hasPrefix("# "), "\(line)")
        }
    }

    @Test func `is taken by a server as it stands`() throws {
        var options = EmbeddedCluster.Options(directory: try TestCluster.temporaryDirectory("tuned"))
        options.removesItself = true
        let nodes = [Topology.Node(id: 0, cpus: CPUSet([0, 1]), memoryBytes: 4 << 30)]
        let topology = Topology(nodes: nodes, cores: [CPUSet([0]), CPUSet([1])])
        let advice = try Advice(MachineFacts(topology: topology, limits: HostLimits(), memoryBytes: 4 << 30))
        let pairs = advice.postgres.map { ($0.name, $0.value) }
        options.settings = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        let cluster = try EmbeddedCluster.start(options)
        defer { cluster.stop() }
        let session = try PostgresSession(cluster.settings())
        for (name, wanted) in pairs {
            let row = try session.query(
                """
                SELECT f.applied, coalesce(f.error, ''), f.setting FROM pg_file_settings f
                WHERE f.name = $1 ORDER BY f.seqno DESC LIMIT 1
                """, [.text(name)])[0]
            let isApplied: Bool = try row.get(0)
            let error: String = try row.get(1)
            let setting: String = try row.get(2)
            #expect(isApplied, "\(name): \(error)")
            #expect(setting == wanted.replacing("'", with: ""))
        }
        try session.script("CREATE EXTENSION pg_stat_statements")
    }
}
