/// /proc/self/mounts, read.
enum Mounts {
    struct Mount: Hashable {
        var path: String
        var type: String
        var options: [Substring]

        /// `size=65536k`, `size=25%`; nil where none is given.
        func sizeBytes(memoryBytes: Int64) -> Int64? {
            guard let text = options.first(where: { $0.hasPrefix("size=") })?.dropFirst(5), let last = text.last else {
                return nil
            }
            let number = Int64(text.prefix { $0.isNumber })
            switch last {
            case "%": return number.map { memoryBytes / 100 * $0 }
            case "k", "K": return number.map { $0 << 10 }
            case "m", "M": return number.map { $0 << 20 }
            case "g", "G": return number.map { $0 << 30 }
            default: return number
            }
        }
    }

    static func parse(_ text: String) -> [Mount] {
        text.split(separator: "\n").compactMap { line -> Mount? in
            let words = line.split(separator: " ")
            guard words.count >= 4 else { return nil }
            return Mount(
                path: String(words[1]).replacing("\\040", with: " "), type: String(words[2]),
                options: words[3].split(separator: ","))
        }
    }

    /// The mount that a path lies on: the one with the longest path; the last of several on one.
    static func holding(_ path: String, _ mounts: [Mount]) -> Mount? {
        mounts.filter { mount in
            mount.path == "/" || path == mount.path || path.hasPrefix(mount.path + "/")
        }.max { $0.path.utf8.count < $1.path.utf8.count }
    }
}
