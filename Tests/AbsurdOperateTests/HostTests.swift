import Absurd
import AbsurdHost
import Testing

@testable import AbsurdOperate

/// The machine's diagnoses, on roots made of files.
@Suite struct `A machine` {
    private func findings(
        _ root: FixtureRoot, worker: Int? = nil, cpus: String = "0-7", numaNode: Int = 0, user: Int = 500
    ) -> [Diagnosis] {
        var facts = Facts()
        facts.host = HostExamination.read(root.places, processes: worker.map { [$0] } ?? [])
        if let worker {
            var database = DatabaseFacts()
            let row: JSONValue = [
                "worker": 0, "state": "running", "pid": .integer(Int64(worker)), "cpus": .string(cpus),
                "numa_node": .integer(Int64(numaNode)), "running": [["task_name": "imaging"]], "respawns": 0,
            ]
            let info: JSONValue = [
                "host": "antenna", "user_id": .integer(Int64(user)), "workers": [row],
                "status": ["seats": 4, "running": 1],
            ]
            database.nodes = [NodeFacts(name: "antenna", isAlive: true, leaseSeconds: 20, queues: ["q"], info: info)]
            facts.database = database
        }
        return withExtendedLifetime(root) { Examination(facts).findings }
    }

    @Test func `that is well has no findings`() throws {
        // The room on its disks is that of the machine which runs the test.
        let found = findings(try .healthy()).filter { $0.check != "disk-tiers" || !$0.evidence.contains("free") }
        #expect(found.isEmpty)
    }

    @Test func `with a tiny dev-shm is named with the command that enlarges it`() throws {
        let root = try FixtureRoot.healthy()
        try root.write("proc/self/mounts", "/dev/sda1 / ext4 rw 0 0\nshm /dev/shm tmpfs rw,size=1024k 0 0\n")
        let finding = try #require(findings(root).first { $0.check == "shared-memory" })
        #expect(finding.severity == .critical)
        #expect(finding.evidence.contains("1 MiB in all"))
        #expect(finding.remedy.hasPrefix("mount -o remount,size="))
    }

    @Test func `without dev-shm is named`() throws {
        let root = try FixtureRoot.healthy()
        try root.write("proc/self/mounts", "/dev/sda1 / ext4 rw 0 0\n")
        #expect(findings(root).contains { $0.check == "shared-memory" && $0.cause == "there is no /dev/shm" })
    }

    @Test func `whose worker was stopped is named with the signal that wakes it`() throws {
        let root = try FixtureRoot.healthy()
        try root.write("proc/77/status", "Name:\tabsurd-worker\nState:\tT (stopped)\nCpus_allowed_list:\t0-7\n")
        let finding = try #require(findings(root, worker: 77).first)
        #expect(finding.check == "stopped-worker" && finding.severity == .critical)
        #expect(finding.remedy.hasPrefix("kill -CONT 77"))
        #expect(finding.evidence.contains("1 tasks in its seats"))
    }

    @Test func `whose logind removes shared memory is named, unless the leader is a system user`() throws {
        let root = try FixtureRoot.healthy()
        try root.write("run/systemd/users/1000", "")
        try root.write("etc/passwd", "astro:x:1000:1000::/home/astro:/bin/bash\n")
        try root.write("proc/77/status", "Name:\tabsurd-worker\nState:\tS (sleeping)\nCpus_allowed_list:\t0-7\n")
        #expect(findings(root, worker: 77).filter { $0.check == "remove-ipc" }.isEmpty)
        let finding = try #require(findings(root, worker: 77, user: 1000).first { $0.check == "remove-ipc" })
        #expect(finding.remedy.contains("loginctl enable-linger astro"))
        try root.write("etc/systemd/logind.conf.d/absurd.conf", "[Login]\nRemoveIPC=no\n")
        #expect(findings(root, worker: 77, user: 1000).filter { $0.check == "remove-ipc" }.isEmpty)
    }

    @Test func `whose worker may run elsewhere than told is named`() throws {
        let root = try FixtureRoot.healthy()
        try root.write("proc/77/status", "Name:\tabsurd-worker\nState:\tS (sleeping)\nCpus_allowed_list:\t0-15\n")
        let finding = try #require(findings(root, worker: 77).first { $0.check == "cpu-set" })
        #expect(finding.evidence.contains("CPUs 0-7") && finding.evidence.contains("0-15"))
    }

    @Test func `whose worker's memory is on another node is named, with the share`() throws {
        let root = try FixtureRoot.healthy()
        try root.write("proc/77/status", "Name:\tabsurd-worker\nState:\tS (sleeping)\nCpus_allowed_list:\t0-7\n")
        try root.write("proc/77/numa_maps", "7f00 default anon=4000 N0=1000 N1=3000\n7f01 default anon=10 N0=10\n")
        let found = findings(root, worker: 77)
        #expect(found.contains { $0.check == "numa-local" && $0.evidence.hasPrefix("25 % of its 4010 pages") })
        #expect(found.contains { $0.check == "numa-spread" && $0.cause.contains("NUMA node 1 idle") })
    }

    @Test func `without wsclean and casacore is named with what to install`() throws {
        let root = try FixtureRoot.healthy()
        let bare = root.path + "/usr"
        for name in ["/bin/wsclean", "/lib/x86_64-linux-gnu/libcasa_ms.so.7"] { unlinkFile(bare + name) }
        let found = findings(root).filter { $0.check == "installed" }
        #expect(found.map(\.severity) == [.critical, .warning])
        #expect(found.map(\.remedy) == ["apt install libcasa-ms7 (or casacore-dev)", "apt install wsclean"])
    }

    @Test func `that is overloaded is named`() throws {
        let root = try FixtureRoot.healthy()
        try root.write("proc/loadavg", "64.00 60.00 50.00 80/300 4711\n")
        #expect(findings(root).contains { $0.check == "cpu" && $0.evidence.contains("16 usable CPUs") })
    }

    @Test func `whose tmpfs tier is a disk is named`() throws {
        let root = try FixtureRoot.healthy()
        try root.write("data/tmp/x", "")
        var places = root.places
        places.tmpfsDirectory = "/data/tmp"
        places.incomingDirectory = "/data/incoming"
        var facts = Facts()
        facts.host = HostExamination.read(places, processes: [])
        let found = Examination(facts).findings.filter { $0.check == "disk-tiers" }
        #expect(found.contains { $0.cause == "tmpfs (/data/tmp) is not in memory" && $0.evidence.contains("ext4") })
        #expect(found.contains { $0.cause == "incoming (/data/incoming) is not there" })
    }
}
