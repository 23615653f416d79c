import Absurd

/// Where a process's memory lies: its resident bytes per NUMA node, as the kernel's numa_maps tells.
public struct ResidentPages: Sendable, Hashable {
    public var bytesByNode: [Int: UInt64]

    public init(bytesByNode: [Int: UInt64]) { self.bytesByNode = bytesByNode }

    /// Parses numa_maps: on each line `N<node>=<pages>` counts pages of `kernelpagesize_kB`.
    public init(parsing text: some StringProtocol) {
        bytesByNode = [:]
        for line in text.split(separator: "\n") {
            var pageBytes: UInt64 = 4096
            var pages: [(node: Int, count: UInt64)] = []
            for word in line.split(separator: " ") {
                let parts = word.split(separator: "=", maxSplits: 1)
                guard parts.count == 2 else { continue }
                if parts[0] == "kernelpagesize_kB" {
                    pageBytes = (UInt64(parts[1]) ?? 4) << 10
                } else if parts[0].first == "N", let node = Int(parts[0].dropFirst()), let count = UInt64(parts[1]) {
                    pages.append((node, count))
                }
            }
            for page in pages { bytesByNode[page.node, default: 0] += page.count * pageBytes }
        }
    }

    /// nil: the process is gone, or is not ours to look at, or the kernel knows no NUMA.
    public static func read(processID: Int32, root: String = "/proc") -> ResidentPages? {
        guard let text = SystemFile.text("\(root)/\(processID)/numa_maps") else { return nil }
        let pages = ResidentPages(parsing: text)
        return pages.bytesByNode.isEmpty ? nil : pages
    }

    public var bytes: UInt64 { bytesByNode.values.reduce(0, +) }

    /// The share that lies on one node.
    public func ratio(on node: Int) -> Double? {
        bytes > 0 ? Double(bytesByNode[node] ?? 0) / Double(bytes) : nil
    }
}
