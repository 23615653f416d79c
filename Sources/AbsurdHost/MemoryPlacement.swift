import CHost
import Glibc

/// Binding memory to NUMA nodes, and looking where it really is.
public enum MemoryPlacement {
    /// Whether this kernel has NUMA system calls; on a one-node kernel binding is pointless, pinning is not.
    public static var isSupported: Bool { host_has_numa() != 0 }

    /// Sets where the pages of `memory` that do not exist yet will come from. Call it before the first touch: pages that
    /// exist do not move. Returns nil, or why the kernel refused.
    public static func bind(_ memory: UnsafeMutableRawBufferPointer, to nodes: CPUSet) -> String? {
        guard let start = memory.baseAddress, !nodes.isEmpty else { return nil }
        let result = nodes.words.withUnsafeBufferPointer {
            host_bind_memory(start, memory.count, $0.baseAddress, UInt32($0.count), host_policy_bind())
        }
        return result == 0 ? nil : String(cString: strerror(errno))
    }

    /// Pages of `memory` by node, as move_pages tells; pages that do not exist are not counted. Nil: not supported.
    public static func pageCounts(_ memory: UnsafeRawBufferPointer) -> [Int: Int]? {
        let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
        guard let start = memory.baseAddress else { return [:] }
        var pages: [UnsafeMutableRawPointer?] = stride(from: 0, to: memory.count, by: pageBytes).map {
            UnsafeMutableRawPointer(mutating: start + $0)
        }
        var nodes = [Int32](repeating: -1, count: pages.count)
        guard host_page_nodes(&pages, pages.count, &nodes) == 0 else { return nil }
        var counts: [Int: Int] = [:]
        for node in nodes where node >= 0 { counts[Int(node), default: 0] += 1 }
        return counts
    }

    /// The share of a process's pages that lie on `nodes`, 0…1, from /proc/PID/numa_maps. Nil where there is none.
    public static func localRatio(processID: Int32, nodes: CPUSet, root: String = "/proc") -> Double? {
        guard let text = SystemFile.text("\(root)/\(processID)/numa_maps") else { return nil }
        let pages = pageCounts(numaMaps: text)
        let total = pages.values.reduce(0, +)
        guard total > 0 else { return nil }
        return Double(pages.filter { nodes.contains($0.key) }.values.reduce(0, +)) / Double(total)
    }

    /// Bytes / 4 KiB per node: `N0=12 … kernelpagesize_kB=4`.
    static func pageCounts(numaMaps text: String) -> [Int: Int] {
        var counts: [Int: Int] = [:]
        for line in text.split(separator: "\n") {
            var found: [(Int, Int)] = []
            var pageKiB = 4
            for word in line.split(separator: " ") {
                let parts = word.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, let value = Int(parts[1]) else { continue }
                if parts[0] == "kernelpagesize_kB" { pageKiB = value }
                if parts[0].first == "N", let node = Int(parts[0].dropFirst()) { found.append((node, value)) }
            }
            for (node, pages) in found { counts[node, default: 0] += pages * pageKiB / 4 }
        }
        return counts
    }
}

/// The C library's heap: see `host_keep_heap`.
public func keepHeap(bytes: Int) { host_keep_heap(bytes) }
