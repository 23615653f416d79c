import Glibc

/// All processes that belong to one attempt, found in /proc: those of its session, and those that carry its mark in
/// their environment though they left the session.
///
/// Between the look at /proc and the signal a pid could be reused in theory; pids go round in tens of thousands, the
/// look takes milliseconds, and a process is signalled only if it matched a moment ago.
public struct ProcessTree: Sendable {
    /// The session's id: the pid of the child that began it. 0 when it is not known.
    public var session: pid_t
    /// `NAME=VALUE` as it stands in the environment of every process of the tree.
    public var mark: String

    public init(session: pid_t, mark: String) {
        self.session = session
        self.mark = mark
    }

    /// Sends `signal` to every process of the tree but this one. Returns how many there were.
    @discardableResult
    public func signal(_ signal: Int32) -> Int {
        let members = members()
        for process in members { _ = Glibc.kill(process, signal) }
        return members.count
    }

    /// Kills the tree until nothing is left of it; a process that forks faster than it is killed loses after some rounds.
    public func kill() {
        for _ in 0..<20 {
            if signal(SIGKILL) == 0 { return }
            usleep(2000)
        }
    }

    public func members() -> [pid_t] {
        let own = getpid()
        return Self.processes().filter { process in
            process != own && (session > 0 && Self.session(of: process) == session || Self.carries(mark, process))
                && !Self.isZombie(process)
        }
    }

    /// Every process whose environment begins a variable with `prefix`, for what a dead leader left behind.
    public static func carriers(of mark: String) -> [pid_t] {
        let own = getpid()
        return processes().filter { $0 != own && carries(mark, $0) && !isZombie($0) }
    }

    static func processes() -> [pid_t] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var result: [pid_t] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let process = pid_t(name) { result.append(process) }
        }
        return result
    }

    static func session(of process: pid_t) -> pid_t { getsid(process) }

    static func isZombie(_ process: pid_t) -> Bool {
        // pid (name) state …: the name may hold anything, so look behind the last parenthesis.
        let text = contents("/proc/\(process)/stat", limit: 1024)
        guard let end = text.lastIndex(of: UInt8(ascii: ")")), end + 2 < text.count else { return true }
        return text[end + 2] == UInt8(ascii: "Z") || text[end + 2] == UInt8(ascii: "X")
    }

    static func carries(_ mark: String, _ process: pid_t) -> Bool {
        guard !mark.isEmpty else { return false }
        let wanted = Array(mark.utf8)
        let text = contents("/proc/\(process)/environ", limit: 1 << 20)
        return text.split(separator: 0).contains { $0.elementsEqual(wanted) }
    }

    private static func contents(_ path: String, limit: Int) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while result.count < limit {
            let count = read(file, &buffer, buffer.count)
            if count <= 0 { break }
            result += buffer[..<count]
        }
        return result
    }
}
