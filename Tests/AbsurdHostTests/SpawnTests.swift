import Absurd
import CHost
import Glibc
import Testing

@testable import AbsurdHost

/// Runs a shell script and gives what it wrote to descriptor 1.
private func output(_ script: String, _ change: (inout SpawnOrder) -> Void = { _ in }) throws -> String {
    var ends: [Int32] = [0, 0]
    try #require(host_pipe(&ends) == 0)
    var order = SpawnOrder("/bin/sh", ["-c", script], environment: ["PATH": "/usr/bin:/bin"])
    order.descriptors = [-1, ends[1], 2]
    change(&order)
    let child = try order.start()
    close(ends[1])
    defer { close(ends[0]) }
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while case let count = read(ends[0], &chunk, chunk.count), count > 0 { text += chunk[..<count] }
    #expect(child.waitForEnd().cause == .exited(code: 0))
    child.close()
    return String(decoding: text, as: UTF8.self).trimmingSuffix { $0.isWhitespace }
}

extension String {
    fileprivate func trimmingSuffix(_ isPadding: (Character) -> Bool) -> String {
        String(self[..<(lastIndex { !isPadding($0) }.map(index(after:)) ?? startIndex)])
    }
}

@Suite struct SpawnTests {
    @Test func `arguments, environment and directory arrive`() throws {
        let text = try output(#"echo "$WORD $0 $1 $(pwd)""#) {
            $0.arguments += ["zero", "one two"]
            $0.environment["WORD"] = "a=b c"
            $0.directory = "/usr/bin"
        }
        #expect(text == "a=b c zero one two /usr/bin")
    }

    @Test func `only the descriptors that are given are open in the child, in any order`() throws {
        let leak = open("/etc/passwd", O_RDONLY)
        defer { close(leak) }
        #expect(try output("ls /proc/self/fd | sort -n | tr '\\n' ' '") == "0 1 2 3")
        let text = try output("readlink /proc/self/fd/2; readlink /proc/self/fd/4") {
            $0.descriptors = [-1, $0.descriptors[1], 0, -1, leak]
        }
        #expect(text.hasSuffix("/etc/passwd"))
        let swapped = try output("readlink /proc/self/fd/0") { $0.descriptors = [leak, $0.descriptors[1], -1] }
        #expect(swapped == "/etc/passwd")
    }

    @Test func `the child is pinned before its first instruction`() throws {
        let cpu = try #require(HostLimits.affinity()?.members.last)
        let text = try output("grep Cpus_allowed_list /proc/self/status") { $0.cpus = CPUSet([cpu]) }
        #expect(text.split(separator: "\t").last == "\(cpu)")
    }

    @Test func `a CPU or a node that does not exist is a warning and not a failure`() throws {
        var order = SpawnOrder("/bin/true")
        order.cpus = CPUSet([999])
        order.memoryNodes = CPUSet([63])
        let child = try order.start()
        #expect(child.placementWarning?.contains("999") == true)
        #expect(child.placementWarning?.contains("63") == true)
        #expect(child.waitForEnd().cause == .exited(code: 0))
        child.close()
    }

    @Test func `ignored and blocked signals are back to normal in the child`() throws {
        signal(SIGPIPE, SIG_IGN)
        var mask = sigset_t()
        var before = sigset_t()
        sigemptyset(&mask)
        sigaddset(&mask, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &mask, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let text = try output("grep -E 'SigBlk|SigIgn' /proc/self/status | cut -f2 | tr '\\n' ' '")
        #expect(text == "0000000000000000 0000000000000000")
    }

    @Test func `a limit, a niceness and an own group or session are set`() throws {
        let text = try output("ulimit -f; cut -d' ' -f1,5,6,19 /proc/$$/stat") {
            $0.limits = [.init(resource: Int32(RLIMIT_FSIZE.rawValue), value: 512 * 100)]
            $0.nice = 5
            $0.isolation = .session
        }
        let lines = text.split(separator: "\n")
        #expect(lines.first == "100")
        let fields = try #require(lines.last).split(separator: " ")
        #expect(fields[0] == fields[1] && fields[0] == fields[2])
        #expect(fields[3] == "5")
    }

    @Test func `another user can be taken`() throws {
        guard getuid() == 0 else { return }
        let text = try output("id -u; id -g; id -G") { ($0.user, $0.group) = (65534, 65534) }
        #expect(text == "65534\n65534\n65534")
    }

    @Test func `a failure names the program, the step and the remedy`() {
        func why(_ path: String, _ change: (inout SpawnOrder) -> Void = { _ in }) -> String {
            var order = SpawnOrder(path)
            change(&order)
            do {
                let child = try order.start()
                _ = child.waitForEnd()
                return "started"
            } catch {
                return error.description
            }
        }
        #expect(why("/no/such").contains("/no/such: cannot be started: program: No such file"))
        #expect(why("/etc/passwd").contains("Permission denied"))
        #expect(why("/bin/true") { $0.directory = "/nowhere" }.contains("work directory"))
        // Beyond every limit, so that no test beside this one can have it open.
        #expect(why("/bin/true") { $0.descriptors = [.max] }.contains("descriptors"))
    }

    @Test func `a killed child is told by its pidfd, with what it used`() throws {
        let child = try SpawnOrder("/bin/sleep", ["1000"]).start()
        #expect(child.reap() == nil)
        #expect(child.signal(SIGKILL))
        let end = child.waitForEnd()
        #expect(end.cause == .killed(signal: SIGKILL))
        #expect(end.usage.maxResidentBytes > 0)
        #expect(child.reap()?.cause == .unknown)
        child.close()
    }

    @Test func `a process that another spawned is found by its identity and not by its number alone`() throws {
        let child = try SpawnOrder("/bin/sleep", ["1000"]).start()
        let identity = try #require(ProcessIdentity.of(child.processID))
        let found = try #require(SpawnedProcess.find(identity))
        var other = identity
        other.startTicks += 1
        #expect(SpawnedProcess.find(other) == nil)
        child.signal(SIGKILL)
        _ = child.waitForEnd()
        #expect(found.reap()?.cause == .unknown)
        #expect(SpawnedProcess.find(identity) == nil)
        found.close()
        child.close()
    }

    @Test func `the death signal follows the thread that spawned`() async throws {
        var ends: [Int32] = [0, 0]
        try #require(host_pipe(&ends) == 0)
        let writer = ends[1]
        let thread = try SpawningThread { () -> SpawnedProcess? in
            var order = SpawnOrder("/bin/sleep", ["1000"])
            order.deathSignal = SIGKILL
            order.descriptors = [-1, writer, -1]
            return try? order.start()
        }
        let child = try #require(thread.join())
        close(writer)
        // The thread is over, so the child must die: its end of the pipe closes.
        var byte: UInt8 = 0
        #expect(read(ends[0], &byte, 1) == 0)
        #expect(child.waitForEnd().cause == .killed(signal: SIGKILL))
        close(ends[0])
        child.close()
    }

    @Test func `spawning copies nothing of a large parent`() throws {
        let bytes = 512 << 20
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
        defer { memory.deallocate() }
        for offset in stride(from: 0, to: bytes, by: 4096) {
            memory.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
        }
        var faults = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &faults)
        let before = faults.ru_minflt
        let child = try SpawnOrder("/bin/true").start()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &faults)
        #expect(faults.ru_minflt - before < 1000)
        #expect(child.waitForEnd().cause == .exited(code: 0))
        child.close()
    }
}

/// A real thread that runs a closure and ends.
private final class SpawningThread<R: Sendable> {
    private final class Box: @unchecked Sendable {
        let body: @Sendable () -> R
        var result: R?
        init(_ body: @escaping @Sendable () -> R) { self.body = body }
        func run() { result = body() }
    }
    private var handle = pthread_t()
    private let box: Box
    private let runner: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?

    init(_ body: @escaping @Sendable () -> R) throws {
        box = Box(body)
        runner = { argument in
            Unmanaged<AnyRunner>.fromOpaque(argument!).takeRetainedValue().run()
            return nil
        }
        let anyRunner = AnyRunner { [box] in box.run() }
        try #require(pthread_create(&handle, nil, runner, Unmanaged.passRetained(anyRunner).toOpaque()) == 0)
    }

    func join() -> R {
        pthread_join(handle, nil)
        return box.result!
    }
}

private final class AnyRunner {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
}
