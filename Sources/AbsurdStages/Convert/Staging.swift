import Absurd
import Glibc

/// Where a Measurement Set is written: at its place, or on tmpfs first and then copied to its place as a whole.
struct Staging {
    let finalPath: String
    /// nil: written at its place.
    let stagedPath: String?

    /// - Parameters:
    ///   - scratch: a directory on tmpfs of this attempt alone; nil where there is none.
    ///   - inputBytes: tmpfs is used only while more than twice as much is free there.
    init(finalPath: String, scratch: String?, inputBytes: Int) {
        self.finalPath = finalPath
        if let scratch, let free = Self.freeBytes(scratch), free > 2 * inputBytes {
            stagedPath = scratch + "/" + (finalPath.split(separator: "/").last.map(String.init) ?? "staged.ms")
        } else {
            stagedPath = nil
        }
    }

    /// Runs `body` with the path to write to, then brings the result to its place. Nothing is left on tmpfs.
    func write<Result>(_ body: (String) throws -> Result) throws -> Result {
        guard let stagedPath else { return try body(finalPath) }
        defer { Self.remove(stagedPath) }
        let result = try body(stagedPath)
        try Self.copy(stagedPath, to: finalPath)
        return result
    }

    /// Bytes that this user may still write there.
    static func freeBytes(_ directory: String) -> Int? {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { return nil }
        return Int(status.f_bavail) * Int(status.f_frsize)
    }

    // MARK: Trees of files

    private static func names(_ directory: String) -> [String] {
        guard let handle = opendir(directory) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    static func remove(_ path: String) {
        if unlink(path) == 0 || errno == ENOENT { return }
        for name in names(path) { remove("\(path)/\(name)") }
        rmdir(path)
    }

    private static func copy(_ source: String, to target: String) throws {
        var status = stat()
        guard stat(source, &status) == 0 else { throw failure(source) }
        guard status.st_mode & S_IFMT == S_IFDIR else { return try copyFile(source, to: target) }
        guard mkdir(target, 0o755) == 0 else { throw failure(target) }
        for name in names(source) { try copy("\(source)/\(name)", to: "\(target)/\(name)") }
    }

    private static func copyFile(_ source: String, to target: String) throws {
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw failure(source) }
        defer { close(input) }
        let output = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard output >= 0 else { throw failure(target) }
        defer { close(output) }
        while true {
            // Within the kernel; between file systems copy_file_range may refuse, sendfile does not.
            let count = sendfile(output, input, nil, 64 << 20)
            if count == 0 { return }
            if count < 0, errno != EINTR { throw failure(target) }
        }
    }

    private static func failure(_ path: String) -> Refusal {
        let code = errno
        return Refusal(
            path, why: code == ENOSPC ? "the disk is full" : String(cString: strerror(code)),
            remedy: "free space and retry", exit: .cannotCreate)
    }
}
