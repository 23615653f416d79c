import AbsurdHost
import AbsurdRing

/// The machine: shared memory, its removal at logout, CPU sets, disks.
enum Machine {
    static let checks = [
        Check("shared-memory", "does the workers' ring fit into /dev/shm?", sharedMemory),
        Check("remove-ipc", "does shared memory survive a logout?", removeIPC),
        Check("cpu-set", "do workers run where they were put?", cpuSet),
        Check("memory", "is there memory left?", memory),
        Check("disk-tiers", "have incoming, stage and tmpfs room?", tiers),
    ]

    /// The nodes that run on this machine.
    static func local(_ facts: Facts) -> [NodeFacts] {
        (facts.database?.nodes ?? []).filter { node in
            guard node.isAlive else { return false }
            return node.host == facts.host.name
                || node.workers.contains { $0.process.map { facts.host.processes[$0] != nil } ?? false }
        }
    }

    static func sharedMemory(_ facts: Facts) -> [Diagnosis]? {
        guard let space = facts.host.sharedMemory else {
            return [
                Diagnosis(
                    "shared-memory", .critical, cause: "there is no /dev/shm",
                    evidence: "no file system is mounted there, and the ring between leader and workers needs it",
                    remedy: "mount -t tmpfs -o size=25% tmpfs /dev/shm")
            ]
        }
        // As the leader here has it, else as one with a worker a CPU and the default concurrency would; and twice,
        // because at a restart the old one may still be there.
        let seats = local(facts).map(\.seats).max() ?? 4 * max(1, Int(facts.host.usableCPUs.rounded()))
        let one = Int64(SegmentShape(workers: 1, seatsPerWorker: 1).segmentBytes ?? 0) * Int64(max(1, seats))
        guard space.totalBytes < 2 * one || (local(facts).isEmpty && space.freeBytes < one) else { return [] }
        return [
            Diagnosis(
                "shared-memory", .critical, cause: "/dev/shm is too small for the workers' ring",
                evidence: "\(mebibytes(space.totalBytes)) in all, \(mebibytes(space.freeBytes)) free; \(seats) seats "
                    + "take \(mebibytes(one)), and twice that during a restart",
                remedy: "mount -o remount,size=\(max(64, 4 * one >> 20))M /dev/shm (docker run --shm-size), or fewer "
                    + "--workers or --concurrency")
        ]
    }

    static func removeIPC(_ facts: Facts) -> [Diagnosis]? {
        guard let removes = facts.host.removesIPC else { return [] }
        guard facts.database?.nodes != nil else { return nil }
        guard removes else { return [] }
        return local(facts).compactMap { node in
            // logind spares root, system users and those who linger.
            guard let user = node.userID, user >= 1000 else { return nil }
            let name = facts.host.userNames[user] ?? "\(user)"
            guard !facts.host.lingeringUsers.contains(name) else { return nil }
            return Diagnosis(
                "remove-ipc", .critical,
                cause: "systemd-logind removes the ring of node \(node.name) when user \(name) logs out",
                evidence: "RemoveIPC is on, and \(name) (id \(user)) is no system user and does not linger",
                remedy: "loginctl enable-linger \(name), or RemoveIPC=no in /etc/systemd/logind.conf, or run it as a "
                    + "system user (the systemd unit does)")
        }
    }

    static func cpuSet(_ facts: Facts) -> [Diagnosis]? {
        guard facts.database?.nodes != nil else { return nil }
        var findings: [Diagnosis] = []
        for node in local(facts) {
            for worker in node.workers {
                guard let pid = worker.process, let told = worker.cpus.flatMap({ CPUSet(list: $0) }),
                    let actual = facts.host.processes[pid]?.cpus, !actual.isSubset(of: told)
                else { continue }
                findings.append(
                    Diagnosis(
                        "cpu-set", .warning,
                        cause: "worker \(worker.index) of node \(node.name) is not bound to its CPUs",
                        evidence: "it was put on CPUs \(told), and process \(pid) may run on \(actual)",
                        remedy:
                            "absurdctl restart \(worker.index); if it comes back: check the service's cpuset and seccomp"
                    ))
            }
            let crowded = Dictionary(grouping: node.workers.compactMap(\.cpus), by: { $0 }).filter {
                $0.value.count > 2
            }
            for (cpus, workers) in crowded.sorted(by: { $0.key < $1.key }) {
                findings.append(
                    Diagnosis(
                        "cpu-set", .warning, cause: "\(workers.count) workers of node \(node.name) share CPUs \(cpus)",
                        evidence:
                            "the node has \(node.workers.count) workers on \(Int(facts.host.usableCPUs)) usable CPUs",
                        remedy: "absurdctl resize \(max(1, Int(facts.host.usableCPUs))), or give the service more CPUs")
                )
            }
        }
        return findings
    }

    static func memory(_ facts: Facts) -> [Diagnosis]? {
        let all = facts.host.memoryBytes
        guard all > 0 else { return nil }
        let free = facts.host.memoryAvailableBytes
        guard Double(free) < 0.05 * Double(all) else { return [] }
        return [
            Diagnosis(
                "memory", .warning, cause: "memory is nearly used up",
                evidence: "\(mebibytes(free)) of \(mebibytes(all)) are available",
                remedy: "fewer workers (absurdctl resize N), smaller images, or clean the tmpfs")
        ]
    }

    static func tiers(_ facts: Facts) -> [Diagnosis]? {
        facts.host.tiers.compactMap { tier in
            let name = "\(tier.role.rawValue) (\(tier.path))"
            guard tier.exists else {
                return Diagnosis(
                    "disk-tiers", .warning, cause: "\(name) is not there", evidence: "no such directory",
                    remedy: "mount it, or name the right one")
            }
            if tier.role != .incoming, !tier.isWritable {
                return Diagnosis(
                    "disk-tiers", .warning, cause: "\(name) cannot be written by this user",
                    evidence: "access denied or mounted read-only", remedy: "chown it, or run this as the leader's user"
                )
            }
            guard let space = tier.space else { return nil }
            return full(tier, name, space)
        }
    }

    private static func full(_ tier: HostFacts.Tier, _ name: String, _ space: HostFacts.Space) -> Diagnosis? {
        let evidence = "\(mebibytes(space.freeBytes)) of \(mebibytes(space.totalBytes)) are free"
        switch tier.role {
        case .tmpfs:
            if let kind = tier.fileSystem, kind != "tmpfs", kind != "ramfs" {
                return Diagnosis(
                    "disk-tiers", .warning, cause: "\(name) is not in memory", evidence: "it lies on \(kind)",
                    remedy: "mount a tmpfs there, or set CONTIMG_TMPFS_DIR=/dev/shm/dsa110-contimg")
            }
            guard space.freeBytes < Bounds.tmpfsFreeBytesForStaging else { return nil }
            return Diagnosis(
                "disk-tiers", .note, cause: "\(name) is too small to stage a telescope's observation",
                evidence: "\(evidence); staging asks for twice the input, "
                    + mebibytes(Bounds.tmpfsFreeBytesForStaging),
                remedy: "mount -o remount,size=8G /dev/shm; without it conversions read from disk")
        case .incoming, .stage:
            if space.freeBytes < Bounds.stageFreeBytesCritical {
                return Diagnosis(
                    "disk-tiers", .critical, cause: "\(name) is full", evidence: evidence,
                    remedy: "make room: move or delete old products, or archive them elsewhere")
            }
            guard space.freeBytes < Bounds.stageFreeBytesComfortable, space.freeBytes < space.totalBytes / 10 else {
                return nil
            }
            return Diagnosis(
                "disk-tiers", .warning, cause: "\(name) is nearly full", evidence: evidence,
                remedy: "make room: an observation needs about 3.5 GB")
        }
    }

    static func mebibytes(_ bytes: Int64) -> String {
        bytes >= 10 << 30 ? "\(bytes >> 30) GiB" : bytes >= 1 << 20 ? "\(bytes >> 20) MiB" : "\(bytes >> 10) KiB"
    }
}
