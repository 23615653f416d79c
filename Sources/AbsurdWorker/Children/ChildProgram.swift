import Absurd
import AbsurdHost
import CLinux
import Glibc

/// A program in a session of its own, started by a seat's thread and waited for by it.
///
/// The child dies with that thread (PDEATHSIG), and the thread lives as long as its worker.
struct ChildProgram {
    var executable: String
    var arguments: [String] = []
    var environment: [String: String] = [:]
    var directory: String
    /// Given to the child as descriptors 1 and 2.
    var log: Int32
    /// Given to the child as descriptor 0; -1 is /dev/null.
    var input: Int32 = -1
    /// Given to the child as descriptor 3; -1 is none.
    var messages: Int32 = -1
    /// The CPUs it may use; empty: those of the worker.
    var cpus: [Int] = []
    /// Options of prlimit(1), such as `--as=1073741824`.
    var limits: [String] = []

    /// - Throws: `Refusal` naming the program.
    func start() throws -> ChildProcess {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        prepare(&actions, &attributes)
        let words = commandLine
        var vector: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in vector + variables { free(pointer) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, words[0], &actions, &attributes, &vector, &variables)
        guard code == 0 else {
            throw Refusal(
                executable, why: "cannot be started: \(String(cString: strerror(code)))",
                remedy: "check that it is installed and may be run", exit: .unavailable)
        }
        return ChildProcess(process)
    }

    private var commandLine: [String] {
        var words = ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"]
        if !cpus.isEmpty { words += ["/usr/bin/taskset", "-c", cpus.map(String.init).joined(separator: ",")] }
        if !limits.isEmpty { words += ["/usr/bin/prlimit"] + limits + ["--"] }
        return words + [executable] + arguments
    }

    private func prepare(_ actions: inout posix_spawn_file_actions_t, _ attributes: inout posix_spawnattr_t) {
        if input < 0 {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        } else {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, log, 1)
        posix_spawn_file_actions_adddup2(&actions, log, 2)
        if messages >= 0 { posix_spawn_file_actions_adddup2(&actions, messages, 3) }
        linux_spawn_close_from(&actions, messages >= 0 ? 4 : 3)
        linux_spawn_chdir(&actions, directory)
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(
            &attributes, Int16(LINUX_SPAWN_SETSID) | Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
    }
}

/// How a child ended.
enum ChildEnd: Equatable {
    case exited(Int32)
    case signalled(Int32)

    var sentence: String {
        switch self {
        case .exited(let code): "ended with exit code \(code)"
        case .signalled(let signal):
            "was killed by signal \(signal) (\(String(cString: strsignal(signal))))"
                + (signal == SIGKILL ? "; out of memory?" : "")
        }
    }
}

/// A running child: its pid is its session's and its group's.
struct ChildProcess {
    let process: pid_t

    init(_ process: pid_t) { self.process = process }

    /// Whether it has ended; it stays a zombie, so that its pid is not given to another.
    var hasEnded: Bool {
        var info = siginfo_t()
        let ended = waitid(P_PID, id_t(process), &info, WEXITED | WNOWAIT | WNOHANG) == 0
        return ended && info.si_signo == SIGCHLD
    }

    /// Reaps it and adds what it used to the meter.
    func reap(into meter: ResourceMeter) -> ChildEnd {
        let storage = storageBytes(of: process)
        var status: Int32 = 0
        var usage = rusage()
        while wait4(process, &status, 0, &usage) < 0, errno == EINTR {}
        meter.addChild(usage, readBytes: storage.read, writeBytes: storage.write)
        return status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .signalled(status & 0x7F)
    }
}
