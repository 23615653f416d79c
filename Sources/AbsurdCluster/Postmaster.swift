import Absurd
import CPostgres
import Glibc

/// A running server: the postmaster, a child of ours, and the watchdog that ends it when we die.
///
/// The watchdog is a shell that reads a pipe whose other end only we hold: end of file means that the owner is gone,
/// killed or not. It then stops the server by its data directory, never by a pid that may have been given to another.
struct Postmaster: Sendable {
    enum StopMode: String {
        /// Ends sessions, writes a checkpoint.
        case fast
        /// As a crash: the next start recovers from the log.
        case immediate
    }

    var pid: pid_t
    private var watchdog: pid_t
    private var pipe: Int32

    static func start(
        _ directory: ClusterDirectory, _ installation: PostgresInstallation, removesItself: Bool
    ) throws(Refusal) -> Postmaster {
        let log = open(directory.startLog, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard log >= 0 else { throw .cannotCreate(directory.startLog, errno) }
        defer { close(log) }
        var ends: [Int32] = [0, 0]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw .cannotCreate(directory.path, errno) }
        var guardian = ChildProgram(
            "/bin/sh",
            [
                "-c", watchdogScript, "absurd-watchdog", installation.program("pg_ctl"), directory.data,
                removesItself ? directory.path : "",
            ], as: directory.account)
        guardian.input = ends[0]
        let watchdog: pid_t
        do {
            watchdog = try guardian.start()
        } catch {
            close(ends[0])
            close(ends[1])
            throw error
        }
        close(ends[0])
        var server = ChildProgram(installation.program("postgres"), ["-D", directory.data], as: directory.account)
        server.outputDescriptor = log
        server.workingDirectory = directory.data
        do {
            return Postmaster(pid: try server.start(), watchdog: watchdog, pipe: ends[1])
        } catch {
            dismiss(watchdog, ends[1])
            throw error
        }
    }

    private static let watchdogScript = """
        read -r word
        if [ "$word" != done ]; then
            mode=fast
            [ -n "$3" ] && mode=immediate
            "$1" stop -s -D "$2" -m "$mode" -t 60 || "$1" stop -s -D "$2" -m immediate -t 60
            [ -n "$3" ] && rm -rf -- "$3"
        fi
        exit 0
        """

    /// The exit code when it has ended, else nil.
    func ended() -> Int32? {
        var status: Int32 = 0
        return waitpid(pid, &status, WNOHANG) == pid ? ChildProgram.exitCode(status) : nil
    }

    /// Ends the server and returns when it has ended.
    func stop(_ mode: StopMode) {
        kill(pid, mode == .fast ? SIGINT : SIGQUIT)
        var waited = 0
        while ended() == nil {
            if errno == ECHILD { break }
            usleep(5000)
            waited += 5
            // A checkpoint on a slow disk takes its time; beyond that a recovery at the next start is the lesser evil.
            if waited == Limits.clusterStopSeconds * 1000 { kill(pid, SIGQUIT) }
        }
        Self.dismiss(watchdog, pipe)
    }

    /// The server has ended by itself.
    func forget() { Self.dismiss(watchdog, pipe) }

    private static func dismiss(_ watchdog: pid_t, _ pipe: Int32) {
        _ = "done\n".withCString { write(pipe, $0, 5) }
        close(pipe)
        _ = ChildProgram.wait(watchdog)
    }

    // MARK: One that was left behind

    /// The pid in `postmaster.pid` if that is a server on this very directory, alive.
    static func left(in data: String) -> pid_t? {
        guard let text = fileText(data + "/postmaster.pid"), let line = text.split(separator: "\n").first,
            let pid = pid_t(line.trimmingPrefix(while: \.isWhitespace)), kill(pid, 0) == 0 || errno == EPERM
        else { return nil }
        guard let name = fileText("/proc/\(pid)/comm"), name.hasPrefix("postgres") else { return nil }
        return linkTarget("/proc/\(pid)/cwd") == linkTarget("/proc/self/fd/", opening: data) ? pid : nil
    }

    private static func linkTarget(_ link: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count: Int = buffer.withUnsafeMutableBytes {
            guard let start = $0.baseAddress?.assumingMemoryBound(to: CChar.self) else { return -1 }
            return readlink(link, start, $0.count)
        }
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// The kernel's own name of a directory, links resolved.
    private static func linkTarget(_ prefix: String, opening path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return linkTarget(prefix + String(descriptor))
    }

    /// Waits for a server whose owner died to be stopped by its watchdog, and helps if that is gone too. A pid file
    /// without such a server is removed: after a crash or in a new container its pid may be anybody's.
    static func clear(_ data: String) throws(Refusal) {
        var waited = 0
        while let pid = left(in: data) {
            if waited == 5000 { kill(pid, SIGINT) }
            if waited == 60_000 { kill(pid, SIGQUIT) }
            guard waited < 90_000 else {
                throw Refusal(
                    "database in \(data)", why: "a server without an owner, pid \(pid), does not stop",
                    remedy: "stop it with `kill -QUIT \(pid)`", exit: .tryAgain)
            }
            usleep(10_000)
            waited += 10
        }
        unlink(data + "/postmaster.pid")
    }
}
