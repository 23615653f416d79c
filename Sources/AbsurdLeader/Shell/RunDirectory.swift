import Absurd
import Glibc

/// The leader's own directory: its lock, the segment's name, the sockets.
///
/// The lock is the kernel's, so a leader that was killed does not hold it; the file tells people who does.
struct RunDirectory {
    let path: String
    private let lock: Int32

    /// - Throws: `Refusal` by the name of the holder when another leader runs here.
    static func take(_ path: String) throws -> RunDirectory {
        try makeDirectory(path, mode: 0o700)
        let file = path + "/leader.lock"
        let lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw refusal(file) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            var buffer = [UInt8](repeating: 0, count: 64)
            let count = pread(lock, &buffer, buffer.count, 0)
            close(lock)
            let holder = String(decoding: buffer[..<max(0, count)].prefix { $0 != 0x0A }, as: UTF8.self)
            throw Refusal(
                "leader in \(path)", why: "another one runs here\(holder.isEmpty ? "" : ": pid \(holder)")",
                remedy: "stop it (absurdctl stop), or choose another --state-dir", exit: .tryAgain)
        }
        ftruncate(lock, 0)
        let text = "\(getpid())\n"
        _ = pwrite(lock, text, text.utf8.count, 0)
        return RunDirectory(path: path, lock: lock)
    }

    func release() {
        ftruncate(lock, 0)
        close(lock)
    }

    static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw refusal(path)
        }
        try makeDirectory(String(path[..<slash]))
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw refusal(path) }
    }

    static func refusal(_ path: String) -> Refusal {
        let code = errno
        return Refusal(
            path, why: "cannot be made: \(String(cString: strerror(code)))",
            remedy: code == ENOSPC ? "make room on that disk" : "choose a directory of yours with --state-dir",
            exit: code == EACCES || code == EPERM ? .notAllowed : .cannotCreate)
    }
}
