import Absurd
import Glibc

/// Directories as a whole: making, removing, making durable. No Foundation, so that a worker starts in milliseconds.
public enum FileTree {
    public static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// Makes the directory and those above it.
    /// - Throws: `Refusal`.
    public static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT else { throw refusal(path, "make") }
        try makeDirectory(parent(path))
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw refusal(path, "make") }
    }

    /// Removes a file or a directory with all that is in it; what is not there is no error.
    public static func remove(_ path: String) {
        guard unlink(path) != 0, errno == EISDIR || errno == EPERM else { return }
        for name in names(in: path) { remove(path + "/" + name) }
        rmdir(path)
    }

    public static func isEmptyDirectory(_ path: String) -> Bool { names(in: path).isEmpty }

    public static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var result: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { result.append(name) }
        }
        return result
    }

    /// fsync of every file and directory in the tree, from the leaves up.
    /// - Throws: `Refusal` naming the file that could not be made durable.
    public static func synchronize(_ path: String) throws {
        var info = stat()
        guard lstat(path, &info) == 0 else { throw refusal(path, "look at") }
        switch info.st_mode & S_IFMT {
        case S_IFDIR:
            for name in names(in: path) { try synchronize(path + "/" + name) }
            try synchronizeDirectory(path)
        case S_IFREG: try synchronizeOpened(path, O_RDONLY)
        default: break
        }
    }

    public static func synchronizeDirectory(_ path: String) throws {
        try synchronizeOpened(path, O_RDONLY | O_DIRECTORY)
    }

    private static func synchronizeOpened(_ path: String, _ flags: Int32) throws {
        let file = open(path, flags | O_CLOEXEC)
        guard file >= 0 else { throw refusal(path, "open") }
        defer { close(file) }
        guard fsync(file) == 0 else { throw refusal(path, "make durable") }
    }

    public static func refusal(_ path: String, _ verb: String) -> Refusal {
        let isFull = errno == ENOSPC || errno == EDQUOT
        return Refusal(
            path, why: "cannot \(verb) it: \(String(cString: strerror(errno)))",
            remedy: isFull ? "make room on that disk" : "check the rights on the directories above it",
            exit: .cannotCreate)
    }
}
