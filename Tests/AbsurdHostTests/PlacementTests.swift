import Absurd
import Testing

@testable import AbsurdHost

@Suite struct TopologyTests {
    @Test func `a list of CPUs is read and written as the kernel does it`() {
        #expect(CPUSet(list: "0-3,8,10-11\n")?.members == [0, 1, 2, 3, 8, 10, 11])
        #expect(CPUSet(list: "0-6:2")?.members == [0, 2, 4, 6])
        #expect(CPUSet(list: "")?.isEmpty == true)
        for bad in ["x", "3-1", "-1", "1-", "1-9999999999", "0-3:0"] { #expect(CPUSet(list: bad) == nil, "\(bad)") }
        #expect(CPUSet([0, 1, 2, 64, 66, 67]).description == "0-2,64,66-67")
        #expect(CPUSet([200]).subtracting(CPUSet([200])) == CPUSet())
    }

    @Test func `sixteen cores on two nodes are read, with SMT siblings`() {
        let plain = SyntheticMachine().topology()
        #expect(plain.nodes.map(\.cpus.description) == ["0-7", "8-15"])
        #expect(plain.nodes.map(\.memoryBytes) == [64 << 30, 64 << 30])
        #expect(plain.cores.count == 16 && !plain.hasSMT)
        #expect(plain.nodes[0].distances == [0: 10, 1: 21])
        let smt = SyntheticMachine(threads: 2).topology()
        #expect(smt.nodes.map(\.cpus.description) == ["0-7,16-23", "8-15,24-31"])
        #expect(smt.cores.count == 16 && smt.cores[3] == CPUSet([3, 19]))
    }

    @Test func `offline CPUs do not exist`() {
        let topology = SyntheticMachine(threads: 2, offline: [3, 19, 20]).topology()
        #expect(topology.nodes[0].cpus.description == "0-2,4-7,16-18,21-23")
        #expect(topology.cores.count == 15)
        #expect(topology.cores.contains(CPUSet([4])))
    }

    @Test func `a machine without nodes is one node with the memory of meminfo`() {
        let tree = FixtureTree()
        tree.write("devices/system/cpu/online", "0-3\n")
        tree.write("meminfo", "MemTotal:  1024 kB\n")
        let topology = Topology.read(root: tree.root, memoryInfo: "\(tree.root)/meminfo")
        #expect(topology.nodes == [.init(id: 0, cpus: CPUSet(0...3), memoryBytes: 1 << 20, distances: [0: 10])])
        #expect(topology.cores.count == 4)
    }

    @Test func `this machine is read without a surprise`() {
        let topology = Topology.read()
        let allowed = HostLimits.affinity()
        #expect(!topology.cpus.isEmpty)
        #expect(allowed?.isSubset(of: topology.cpus) == true)
        #expect(topology.nodes.contains { $0.memoryBytes > 0 })
    }
}

@Suite struct HostLimitsTests {
    @Test func `a cgroup of the second version limits CPUs, time and memory, and so do its ancestors`() {
        let tree = FixtureTree()
        tree.write("proc/self/cgroup", "0::/batch/absurd.service\n")
        tree.write("cgroup/batch/absurd.service/cpuset.cpus.effective", "0-7\n")
        tree.write("cgroup/batch/absurd.service/cpuset.mems.effective", "0\n")
        tree.write("cgroup/batch/absurd.service/memory.max", "max\n")
        tree.write("cgroup/batch/memory.max", "1073741824\n")
        tree.write("cgroup/batch/cpu.max", "250000 100000\n")
        let limits = HostLimits.read(
            processRoot: "\(tree.root)/proc", cgroupRoot: "\(tree.root)/cgroup", affinity: CPUSet(4...11))
        #expect(limits.cpus == CPUSet(4...7))
        #expect(limits.memoryNodes == CPUSet([0]))
        #expect(limits.cpuQuota == 2.5)
        #expect(limits.memoryBytes == 1 << 30)
    }

    @Test func `cgroups of the first version are read controller by controller`() {
        let tree = FixtureTree()
        tree.write("proc/self/cgroup", "4:memory:/a\n3:cpuset:/b\n1:cpu,cpuacct:/c\n0::/\n")
        tree.write("cgroup/memory/a/memory.limit_in_bytes", "2097152\n")
        tree.write("cgroup/cpuset/b/cpuset.effective_cpus", "2-3\n")
        tree.write("cgroup/cpu/c/cpu.cfs_quota_us", "150000\n")
        tree.write("cgroup/cpu/c/cpu.cfs_period_us", "100000\n")
        let limits = HostLimits.read(
            processRoot: "\(tree.root)/proc", cgroupRoot: "\(tree.root)/cgroup", affinity: nil)
        #expect(limits == HostLimits(cpus: CPUSet(2...3), cpuQuota: 1.5, memoryBytes: 2 << 20))
    }

    @Test func `an allotment of Slurm holds inside a job only`() {
        let tree = FixtureTree()
        let variables = ["SLURM_CPUS_PER_TASK": "6", "SLURM_CPUS_ON_NODE": "32", "SLURM_MEM_PER_CPU": "1000"]
        func read(_ environment: [String: String]) -> HostLimits {
            HostLimits.read(processRoot: tree.root, cgroupRoot: tree.root, environment: environment, affinity: nil)
        }
        #expect(read(variables) == HostLimits())
        let limits = read(variables.merging(["SLURM_JOB_ID": "7"]) { $1 })
        #expect(limits.slurmCPUs == 6)
        #expect(limits.memoryBytes == 6000 << 20)
    }
}

@Suite struct PlacementTests {
    let plain = SyntheticMachine().topology()
    let smt = SyntheticMachine(threads: 2).topology()

    @Test(arguments: [(Placement.Workload.cpu, 12), (.io, 24), (.mixed, 16)])
    func `the number of workers follows the workload`(workload: Placement.Workload, workers: Int) throws {
        let placement = try Placement.plan(.init(workload: workload), topology: plain)
        #expect(placement.workers.count == workers)
        #expect(placement.workers.map(\.index) == Array(0..<workers))
    }

    @Test(arguments: 1...40)
    func `every worker's CPUs lie in one node, and no core is left idle or split needlessly`(count: Int) throws {
        for topology in [plain, smt] {
            let placement = try Placement.plan(.init(workers: count), topology: topology)
            for worker in placement.workers {
                let node = try #require(topology.nodes.first { $0.id == worker.node })
                #expect(!worker.cpus.isEmpty && worker.cpus.isSubset(of: node.cpus))
                #expect(worker.memoryNodes == CPUSet([node.id]))
            }
            let used = placement.workers.reduce(CPUSet()) { $0.union($1.cpus) }
            if count > 1 { #expect(used == topology.cpus) }
            let total = placement.workers.reduce(0) { $0 + $1.cpus.count }
            if count <= topology.cpus.count && count > 1 { #expect(total == used.count, "disjoint") }
            if count <= 16 {
                for worker in placement.workers {
                    for core in topology.cores {
                        let part = core.intersection(worker.cpus)
                        #expect(part.isEmpty || part == core)
                    }
                }
            }
        }
    }

    @Test func `holes of a cpuset are left out, and a node without a usable CPU gets no worker`() throws {
        let limits = HostLimits(cpus: CPUSet([1, 3, 5, 12]))
        let placement = try Placement.plan(.init(workers: 4), topology: plain, limits: limits)
        #expect(placement.workers.map(\.node) == [0, 0, 0, 1])
        #expect(placement.workers.map(\.cpus.description) == ["1", "3", "5", "12"])
        let one = try Placement.plan(
            .init(workers: 2), topology: plain, limits: HostLimits(cpus: CPUSet(8...11)))
        #expect(one.workers.map(\.node) == [1, 1])
        #expect(one.workers.map(\.cpus.description) == ["8-9", "10-11"])
    }

    @Test func `a quota and an allotment bound the number of workers but not the CPUs`() throws {
        let quota = try Placement.plan(.init(), topology: plain, limits: HostLimits(cpuQuota: 2.5))
        #expect(quota.workers.count == 3)
        let slurm = try Placement.plan(.init(workload: .io), topology: plain, limits: HostLimits(slurmCPUs: 4))
        #expect(slurm.workers.count == 6)
    }

    @Test func `nodes can be chosen, and one that is not there is refused`() throws {
        let placement = try Placement.plan(.init(workers: 3, numa: .nodes([1])), topology: plain)
        #expect(placement.workers.allSatisfy { $0.node == 1 })
        #expect(throws: Refusal.self) { try Placement.plan(.init(numa: .nodes([5])), topology: plain) }
        #expect(Placement.NUMAChoice("0,2-3") == .nodes([0, 2, 3]))
        #expect(Placement.NUMAChoice("some") == nil)
        let none = try Placement.plan(.init(workers: 2, numa: .none), topology: plain)
        #expect(none.workers.allSatisfy { $0.memoryNodes.isEmpty })
    }

    @Test func `memory-only nodes get no worker, and a node without memory is served by its nearest`() throws {
        let machine = SyntheticMachine(memoryGiB: [64, 0], memoryOnlyGiB: [128])
        let topology = machine.topology()
        let placement = try Placement.plan(.init(workers: 2), topology: topology)
        #expect(placement.workers.map(\.node) == [0, 1])
        // Node 0 and node 2 are equally far from node 1: the lower one serves, and is shared.
        #expect(placement.workers.map(\.memoryNodes.description) == ["0", "0"])
        #expect(placement.grounds.map(\.memoryBytes) == [32 << 30, 32 << 30])
        #expect(placement.notes.count == 2)
    }

    @Test func `impossible numbers are refused with a remedy`() {
        for request in [Placement.Request(workers: 0), .init(workers: 5000), .init(concurrency: 0)] {
            #expect(throws: Refusal.self) { try Placement.plan(request, topology: plain) }
        }
        #expect(throws: Refusal.self) {
            try Placement.plan(.init(), topology: plain, limits: HostLimits(cpus: CPUSet([99])))
        }
    }
}
