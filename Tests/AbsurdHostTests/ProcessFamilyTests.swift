import Absurd
import CHost
import Glibc
import Testing

@testable import AbsurdHost

@Suite struct ProcessFamilyTests {
    private func status(_ id: Int32, parent: Int32, group: Int32, session: Int32, state: Character = "S")
        -> ProcessStatus
    {
        ProcessStatus(processID: id, state: state, parent: parent, group: group, session: session, startTicks: 0)
    }

    @Test func `a family is its session, its group and every descendant, without zombies`() {
        let all = [
            status(1, parent: 0, group: 1, session: 1), status(10, parent: 1, group: 10, session: 10),
            status(11, parent: 10, group: 11, session: 10), status(12, parent: 11, group: 12, session: 12),
            status(13, parent: 1, group: 10, session: 10), status(14, parent: 10, group: 10, session: 10, state: "Z"),
            status(20, parent: 1, group: 20, session: 20),
        ]
        #expect(ProcessFamily.members(of: 10, among: all) == [10, 11, 12, 13])
    }

    @Test func `a name with blanks and parentheses does not shift the fields`() {
        let text = "77 (a) b (c) S 1 2 3 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 1 2"
        let status = ProcessStatus.parse(text)
        #expect(status?.processID == 77 && status?.parent == 1 && status?.group == 2 && status?.session == 3)
        #expect(status?.startTicks == 12345)
        #expect(ProcessStatus.parse("nonsense") == nil)
    }

    @Test func `the whole tree is killed, children in groups and sessions of their own included`() throws {
        var ends: [Int32] = [0, 0]
        try #require(host_pipe(&ends) == 0)
        var order = SpawnOrder(
            "/bin/sh", ["-c", "trap '' TERM; setsid sleep 1000 & (sleep 1000 & sleep 1000) & echo up; wait"],
            environment: ["PATH": "/usr/bin:/bin"])
        order.descriptors = [-1, ends[1], -1]
        order.isolation = .session
        let child = try order.start()
        close(ends[1])
        var bytes = [UInt8](repeating: 0, count: 16)
        #expect(read(ends[0], &bytes, 16) == 3)
        let family = ProcessFamily(root: child.processID)
        #expect(family.members().contains(child.processID))
        #expect(family.signal(SIGTERM) >= 1)
        #expect(child.reap() == nil)
        family.killAll()
        #expect(child.waitForEnd().cause == .killed(signal: SIGKILL))
        // Whoever survived would still hold the pipe.
        #expect(read(ends[0], &bytes, 16) == 0)
        close(ends[0])
        child.close()
    }

    @Test func `a tree is asked first and killed when the grace is over`() {
        var stop = TreeStop()
        let asked = stop.stop(now: 100, graceNanoseconds: 50)
        #expect(asked == [.signalTree(SIGTERM), .wakeAt(nanoseconds: 150)])
        let times = [149, 150, 151].map { stop.timePassed(now: $0) }
        #expect(times == [[], [.signalTree(SIGKILL)], []])
        let late = stop.stop(now: 152, graceNanoseconds: 50)
        #expect(late == [])
        let ends = [stop.rootEnded(), stop.rootEnded()]
        #expect(ends == [[.sweep], []])
    }

    @Test func `a second request can shorten the grace, never lengthen it`() {
        var stop = TreeStop()
        _ = stop.stop(now: 0, graceNanoseconds: 100)
        let answers = [(10, 500), (20, 10), (25, 0)].map {
            stop.stop(now: UInt64($0.0), graceNanoseconds: UInt64($0.1))
        }
        #expect(answers == [[.wakeAt(nanoseconds: 100)], [.wakeAt(nanoseconds: 30)], [.signalTree(SIGKILL)]])
        var atOnce = TreeStop()
        let killed = atOnce.stop(now: 0, graceNanoseconds: 0)
        #expect(killed == [.signalTree(SIGKILL)])
        var natural = TreeStop()
        let swept = natural.rootEnded()
        #expect(swept == [.sweep])
        let nothing = natural.stop(now: 0, graceNanoseconds: 5)
        #expect(nothing == [])
    }
}

@Suite struct MemoryPlacementTests {
    @Test func `numa_maps is counted in pages of 4 KiB, whatever the page size`() {
        let text = """
            5629f8cc0000 default file=/usr/bin/head mapped=2 N0=2 kernelpagesize_kB=4
            7f0000000000 bind:1 anon=3 dirty=3 N0=1 N1=2 kernelpagesize_kB=2048
            """
        #expect(MemoryPlacement.pageCounts(numaMaps: text) == [0: 2 + 512, 1: 1024])
        let tree = FixtureTree()
        tree.write("5/numa_maps", text)
        let ratio = MemoryPlacement.localRatio(processID: 5, nodes: CPUSet([1]), root: tree.root)
        #expect(ratio == 1024.0 / 1538)
        #expect(MemoryPlacement.localRatio(processID: 6, nodes: CPUSet([1]), root: tree.root) == nil)
    }

    @Test func `on this machine bound pages lie where they were bound, or the kernel says why not`() throws {
        let bytes = 64 * 4096
        let memory = try #require(mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        defer { munmap(memory, bytes) }
        let node = try #require(Topology.read().nodes.first { $0.memoryBytes > 0 }?.id)
        let buffer = UnsafeMutableRawBufferPointer(start: memory, count: bytes)
        let refused = MemoryPlacement.bind(buffer, to: CPUSet([node]))
        memset(memory, 1, bytes)
        let counts = MemoryPlacement.pageCounts(UnsafeRawBufferPointer(buffer))
        if refused == nil, let counts { #expect(counts == [node: 64]) } else { #expect(refused != "" || counts == nil) }
    }

    @Test func `a kill is put down to memory only when the kernel counted one and we did not do it`() {
        let tree = FixtureTree()
        tree.write("proc/vmstat", "oom_kill 3\n")
        var watch = OutOfMemory(processRoot: "\(tree.root)/proc", cgroupRoot: tree.root)
        let killed = SpawnedProcess.End(cause: .killed(signal: SIGKILL))
        var answers = [watch.explains(killed, killedByUs: false)]
        tree.write("proc/vmstat", "nr_free_pages 7\noom_kill 4\n")
        answers.append(watch.explains(killed, killedByUs: false))
        answers.append(watch.explains(killed, killedByUs: false))
        tree.write("proc/vmstat", "oom_kill 5\n")
        answers.append(watch.explains(killed, killedByUs: true))
        tree.write("proc/vmstat", "oom_kill 6\n")
        answers.append(watch.explains(SpawnedProcess.End(cause: .exited(code: 1)), killedByUs: false))
        #expect(answers == [false, true, false, false, false])
    }
}

@Suite struct ServiceNotifierTests {
    @Test(arguments: [false, true]) func `systemd hears ready, status, watchdog and stopping`(isAbstract: Bool) throws {
        let tree = FixtureTree()
        let name = isAbstract ? "@absurd-notify-\(getpid())" : "\(tree.root)/notify"
        let server = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(server) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if isAbstract { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(server, $0, socklen_t(2 + bytes.count)) }
        }
        try #require(bound == 0)
        let notifier = ServiceNotifier(environment: ["NOTIFY_SOCKET": name, "WATCHDOG_USEC": "4000000"])
        #expect(notifier.watchdogIntervalSeconds == 2)
        notifier.ready("2 workers")
        notifier.alive()
        notifier.status("busy")
        notifier.stopping()
        var heard: [String] = []
        for _ in 0..<4 {
            var buffer = [UInt8](repeating: 0, count: 256)
            let count = recv(server, &buffer, 256, 0)
            heard.append(String(decoding: buffer[..<max(0, count)], as: UTF8.self))
        }
        #expect(heard == ["READY=1\nSTATUS=2 workers", "WATCHDOG=1", "STATUS=busy", "STOPPING=1"])
    }

    @Test func `outside of systemd nothing is sent, and another process's watchdog is not ours`() {
        ServiceNotifier(environment: [:]).ready()
        let other = ServiceNotifier(environment: ["WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"])
        #expect(other.watchdogIntervalSeconds == nil)
    }
}
