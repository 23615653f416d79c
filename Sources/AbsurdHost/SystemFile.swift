import Glibc

/// Small files of /proc and /sys.
public enum SystemFile {
    /// The whole file as text; nil when it can't be read.
    public static func text(_ path: String, bytesMax: Int = 4 << 20) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count < bytesMax {
            let count = read(file, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    public static func list(_ path: String) -> CPUSet? { text(path).flatMap { CPUSet(list: $0) } }

    public static func number(_ path: String) -> Int64? {
        text(path).flatMap { Int64($0.split(whereSeparator: \.isWhitespace).first ?? "") }
    }

    /// `key value` lines, as in memory.events and vmstat.
    public static func value(_ key: String, in path: String) -> Int64? {
        guard let text = text(path) else { return nil }
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count >= 2 && words[0] == key { return Int64(words[1]) }
        }
        return nil
    }

    public static func names(in directory: String) -> [String] {
        guard let handle = opendir(directory) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
