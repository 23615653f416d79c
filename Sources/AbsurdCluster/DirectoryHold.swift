import Absurd
import Glibc

/// The right to run the cluster of one directory: a locked file that names its holder.
///
/// The kernel drops the lock with its holder, however that ends, so a crash never leaves a directory locked.
struct DirectoryHold: Sendable {
    let descriptor: Int32

    /// Takes `directory`/holder, or refuses by the name of who has it.
    static func take(_ directory: String) throws(Refusal) -> DirectoryHold {
        let path = directory + "/holder"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw .cannotCreate(path, errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            var buffer = [UInt8](repeating: 0, count: 512)
            let count = pread(descriptor, &buffer, buffer.count, 0)
            close(descriptor)
            let holder = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
                .split(separator: "\n").joined(separator: " ")
            throw Refusal(
                "state directory \(directory)", why: "in use by \(holder.isEmpty ? "another process" : holder)",
                remedy: "stop that one, or choose another with --state-dir", exit: .tryAgain)
        }
        let text = "pid \(getpid()):\n\(commandLine())\n"
        ftruncate(descriptor, 0)
        _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
        return DirectoryHold(descriptor: descriptor)
    }

    func release() {
        ftruncate(descriptor, 0)
        close(descriptor)
    }

    private static func commandLine() -> String {
        let words = CommandLine.arguments.map { word in
            // A URL on a command line may hold a password; its owner should not find it copied into a file.
            word.contains("://") ? "…" : word
        }
        return String(words.joined(separator: " ").prefix(300))
    }
}

extension Refusal {
    /// A file or directory that cannot be made or written.
    static func cannotCreate(_ path: String, _ code: Int32) -> Refusal {
        switch code {
        case ENOSPC, EDQUOT:
            Refusal(path, why: "the disk is full", remedy: "free some space there", exit: .cannotCreate)
        case EACCES, EPERM, EROFS:
            Refusal(
                path, why: String(cString: strerror(code)), remedy: "choose a directory of yours with --state-dir",
                exit: .notAllowed)
        default:
            Refusal(
                path, why: String(cString: strerror(code)), remedy: "choose another directory with --state-dir",
                exit: .cannotCreate)
        }
    }
}
