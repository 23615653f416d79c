import Absurd

#if canImport(Glibc)
    import Glibc
#endif

/// Whole text files through plain POSIX calls: no Foundation in the radio room.
public enum TextFile {
    /// - Parameter what: what the file is to the reader of an error.
    /// - Throws: `Refusal` (bad data) with the system's reason.
    public static func read(_ path: String, what: String) throws -> String {
        String(decoding: try bytes(path, what: what), as: UTF8.self)
    }

    public static func bytes(_ path: String, what: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw refusal(what, path, "can't be opened", .badData) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Refusal("\(what) \(path)", why: "it is not a file", remedy: "give the path of a file", exit: .badData)
        }
        let size = Int(status.st_size)
        var failure: Refusal?
        let result = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got = Glibc.read(descriptor, buffer.baseAddress! + count, size - count)
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failure = refusal(what, path, "can't be read", .badData) }
                if got <= 0 { break }
                count += got
            }
        }
        if let failure { throw failure }
        return result
    }

    /// Replaces the file whole: readers see the old text or the new.
    /// - Throws: `Refusal` (cannot create) with the system's reason.
    public static func write(_ text: String, to path: String) throws {
        try write(bytes: Array(text.utf8), to: path)
    }

    public static func write(bytes: [UInt8], to path: String) throws {
        let temporary = path + ".writing"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw refusal("file", path, "can't be created", .cannotCreate) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + written, bytes.count - written)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let failure = refusal("file", path, "can't be written", .cannotCreate)
                close(descriptor)
                unlink(temporary)
                throw failure
            }
            written += count
        }
        guard close(descriptor) == 0, rename(temporary, path) == 0 else {
            throw refusal("file", path, "can't be written", .cannotCreate)
        }
    }

    private static func refusal(_ what: String, _ path: String, _ problem: String, _ exit: ExitCode) -> Refusal {
        let reason = String(cString: strerror(errno))
        return Refusal("\(what) \(path)", why: "\(problem) (\(reason))", remedy: "check the path", exit: exit)
    }
}
