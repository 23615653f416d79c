import Absurd
import CChild
import Glibc

/// A program that a stage runs: WSClean, AOFlagger.
///
/// It leads its own process group and dies with the thread that called `run`, which waits for it: so when this process
/// is killed, however it is killed, the program goes too. What it prints comes line by line on the calling thread.
public struct ChildProcess: Sendable {
    public enum Ending: Sendable, Hashable {
        case exited(Int32)
        case killed(signal: Int32)
        /// It ran longer than it was given and its group was killed.
        case timedOut
    }

    /// Program and arguments; a name without a slash is looked for along PATH.
    public var arguments: [String]
    /// Added to this process's environment.
    public var environment: [String: String] = [:]
    public var directory: String?
    public var timeoutSeconds: Double?

    public init(_ arguments: [String]) {
        self.arguments = arguments
    }

    /// Runs to the end.
    /// - Parameter onLine: gets each line of its output and errors, without the line's end.
    /// - Throws: `Refusal` when it can't be started; whatever `onLine` throws, after the group was killed.
    public func run(onLine: (String) throws -> Void = { _ in }) throws -> Ending {
        var descriptors: [Int32] = [-1, -1]
        guard pipe(&descriptors) == 0 else { throw startFailure(errno) }
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        let pid = start(output: descriptors[1])
        close(descriptors[1])
        defer { close(descriptors[0]) }
        guard pid > 0 else { throw startFailure(-pid) }
        do {
            guard try relay(descriptors[0], onLine) else {
                stop(pid)
                return .timedOut
            }
        } catch {
            stop(pid)
            throw error
        }
        return wait(pid)
    }

    private func start(output: Int32) -> Int32 {
        var variables = ProcessEnvironment.all
        for (name, value) in environment { variables[name] = value }
        let lines = variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return withStrings(arguments) { arguments in
            withStrings(lines) { environment in child_start(arguments, environment, directory, output) }
        }
    }

    private func startFailure(_ number: Int32) -> Refusal {
        let program = arguments.first ?? ""
        if number == ENOENT {
            return Refusal(
                "program \(program)", why: "is not installed", remedy: "run `make setup` on this node",
                exit: .configuration)
        }
        return Refusal(
            "program \(program)", why: "can't be started (\(String(cString: strerror(number))))", remedy: "",
            exit: .tryAgain)
    }

    /// - Returns: false when the time was over first.
    private func relay(_ descriptor: Int32, _ onLine: (String) throws -> Void) throws -> Bool {
        let deadline = timeoutSeconds.map { monotonicSeconds() + $0 }
        var line: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let left = deadline.map { max(0, ($0 - monotonicSeconds()) * 1000) }
            let ready = poll(&waiting, 1, left.map { Int32(min($0.rounded(.up), 3.6e6)) } ?? -1)
            if ready == 0, let deadline, monotonicSeconds() >= deadline { return false }
            guard ready > 0 else { continue }
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            for byte in buffer.prefix(max(0, count)) {
                if byte != UInt8(ascii: "\n") && byte != UInt8(ascii: "\r") {
                    if line.count < Limits.childLineBytesMax { line.append(byte) }
                } else if !line.isEmpty {
                    try onLine(String(decoding: line, as: UTF8.self))
                    line.removeAll(keepingCapacity: true)
                }
            }
            guard count > 0 else { break }
        }
        if !line.isEmpty { try onLine(String(decoding: line, as: UTF8.self)) }
        return true
    }

    /// Nothing that the program started survives it.
    private func stop(_ pid: Int32) {
        kill(-pid, SIGKILL)
        _ = wait(pid)
    }

    private func wait(_ pid: Int32) -> Ending {
        // The group is killed while its number still belongs to the leader that has ended.
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
        kill(-pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: signal)
    }
}

/// This process's environment.
enum ProcessEnvironment {
    static var all: [String: String] {
        var result: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if let split = text.firstIndex(of: "=") {
                result[String(text[..<split])] = String(text[text.index(after: split)...])
            }
            next += 1
        }
        return result
    }
}

private func monotonicSeconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
}

/// Lends a NULL-terminated array of C strings.
private func withStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafePointer<CChar>?] = strings.map { UnsafePointer(strdup($0)) }
    pointers.append(nil)
    defer { for pointer in pointers { free(UnsafeMutablePointer(mutating: pointer)) } }
    return body(pointers)
}
