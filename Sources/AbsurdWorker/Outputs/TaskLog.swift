import Absurd
import AbsurdHost
import Glibc

/// The log file of one attempt: opened when there is something to say, lines with the time in front.
///
/// Used by one thread; children get the descriptor itself and append to the same file.
public final class TaskLog {
    private let path: String
    private var file: Int32 = -1

    public init(path: String) { self.path = path }

    deinit { if file >= 0 { close(file) } }

    /// The file, open for appending; /dev/null when it can't be made, because a task must not fail for want of a log.
    public func descriptor() -> Int32 {
        if file >= 0 { return file }
        try? FileTree.makeDirectory(FileTree.parent(path))
        file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        if file < 0 { file = open("/dev/null", O_WRONLY | O_CLOEXEC) }
        return file
    }

    public func say(_ line: String) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        var stamp = [CChar](repeating: 0, count: 32)
        strftime(&stamp, stamp.count, "%Y-%m-%dT%H:%M:%S", &parts)
        let time = stamp.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        let milliseconds = String(now.tv_nsec / 1_000_000 + 1000).dropFirst()
        let text = "\(time).\(milliseconds)Z \(line.replacing("\n", with: " "))\n"
        _ = write(descriptor(), text, text.utf8.count)
    }

    /// The last lines of a log, for an error that should say what the child said.
    public static func tail(_ path: String, bytesMax: Int) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        let size = Int(lseek(file, 0, SEEK_END))
        var buffer = [UInt8](repeating: 0, count: min(size, bytesMax))
        let count = pread(file, &buffer, buffer.count, max(0, size - bytesMax))
        return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }
}
