import Absurd
import CPostgres
import Glibc

/// A program to run in a session of its own, so that a terminal's Ctrl-C does not reach it, with no inherited
/// descriptor, no blocked signal, and perhaps as another user.
struct ChildProgram {
    var path: String
    var arguments: [String]
    var account: Account?
    var workingDirectory = "/"
    /// Descriptors for 0, 1 and 2; -1 is /dev/null.
    var input: Int32 = -1
    var outputDescriptor: Int32 = -1

    init(_ path: String, _ arguments: [String], as account: Account? = nil) {
        self.path = path
        self.arguments = arguments
        self.account = account
    }

    /// Starts it and returns its pid; the caller reaps it.
    func start() throws(Refusal) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        for (descriptor, target) in [(input, 0 as Int32), (outputDescriptor, 1), (outputDescriptor, 2)] {
            if descriptor < 0 {
                posix_spawn_file_actions_addopen(&actions, target, "/dev/null", target == 0 ? O_RDONLY : O_WRONLY, 0)
            } else {
                posix_spawn_file_actions_adddup2(&actions, descriptor, target)
            }
        }
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        let setsid: Int16 = 0x80  // POSIX_SPAWN_SETSID
        posix_spawnattr_setflags(
            &attributes, setsid | Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))

        var words = [path] + arguments
        if let account {
            words =
                ["/usr/bin/setpriv", "--reuid=\(account.uid)", "--regid=\(account.gid)", "--clear-groups", "--"] + words
        }
        var vector: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        vector.append(nil)
        // A fixed locale: messages are read by people and by the tests, and never depend on the caller's.
        var environment: [UnsafeMutablePointer<CChar>?] = [
            strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), strdup("LC_ALL=C"), strdup("HOME=\(workingDirectory)"), nil,
        ]
        defer { for pointer in vector + environment { free(pointer) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, words[0], &actions, &attributes, &vector, &environment)
        guard code == 0 else {
            throw Refusal(
                words[0], why: String(cString: strerror(code)), remedy: "check that it is installed and may be run",
                exit: code == EACCES ? .notAllowed : .unavailable)
        }
        return pid
    }

    /// Runs it to its end and returns its exit status and what it printed.
    func output() throws(Refusal) -> (status: Int32, text: String) {
        var ends: [Int32] = [0, 0]
        guard pipe2(&ends, O_CLOEXEC) == 0 else {
            throw Refusal(path, why: String(cString: strerror(errno)), remedy: "", exit: .tryAgain)
        }
        var program = self
        program.outputDescriptor = ends[1]
        defer { close(ends[0]) }
        let pid: pid_t
        do {
            pid = try program.start()
        } catch {
            close(ends[1])
            throw error
        }
        close(ends[1])
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(ends[0], &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            bytes += buffer[..<count]
        }
        return (Self.wait(pid), String(decoding: bytes, as: UTF8.self))
    }

    /// Reaps a child: its exit code, or 128 + signal.
    static func wait(_ pid: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return exitCode(status)
    }

    static func exitCode(_ status: Int32) -> Int32 {
        status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }
}

/// Another user, whom root runs the server as.
struct Account: Hashable {
    var name: String
    var uid: uid_t
    var gid: gid_t

    init?(named name: String) {
        guard let entry = getpwnam(name) else { return nil }
        self.name = name
        uid = entry.pointee.pw_uid
        gid = entry.pointee.pw_gid
    }

    /// PostgreSQL refuses to run as root: then its own user, else nobody. For any other caller nil: run as oneself.
    static func forServer() throws(Refusal) -> Account? {
        guard geteuid() == 0 else { return nil }
        if let account = Account(named: "postgres") ?? Account(named: "nobody") { return account }
        throw Refusal(
            "PostgreSQL", why: "it will not run as root, and there is no user postgres or nobody",
            remedy: "create the user postgres", exit: .configuration)
    }

    static var currentName: String {
        getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? String(geteuid())
    }
}
