import AbsurdHost
import Glibc

/// A directory of small files, such as a synthetic /sys, removed with its object.
final class FixtureTree {
    let root: String

    init() {
        var template = Array("/tmp/absurd-host-XXXXXX".utf8CString)
        root = String(cString: mkdtemp(&template))
    }

    deinit { removeTree(root) }

    func write(_ path: String, _ text: String) {
        var directory = root
        let parts = path.split(separator: "/")
        for part in parts.dropLast() {
            directory += "/\(part)"
            mkdir(directory, 0o700)
        }
        let file = open("\(root)/\(path)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        let bytes = Array(text.utf8)
        precondition(file >= 0 && Glibc.write(file, bytes, bytes.count) == bytes.count, "fixture \(path)")
        close(file)
    }

    private func removeTree(_ path: String) {
        guard let handle = opendir(path) else { return }
        var names: [String] = []
        while let entry = readdir(handle) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        closedir(handle)
        for name in names where name != "." && name != ".." {
            if unlink("\(path)/\(name)") != 0 { removeTree("\(path)/\(name)") }
        }
        rmdir(path)
    }
}

/// A synthetic machine. SMT siblings are numbered as most firmware does: core c has CPUs c and c + cores.
struct SyntheticMachine {
    var nodes = 2
    var coresPerNode = 8
    var threads = 1
    var memoryGiB: [Int] = [64, 64]
    var offline: Set<Int> = []
    /// Nodes that have memory and no CPU, after the others.
    var memoryOnlyGiB: [Int] = []

    /// As ``Topology`` reads it from a tree of files.
    func topology() -> Topology {
        let tree = tree()
        return withExtendedLifetime(tree) { Topology.read(root: tree.root) }
    }

    func tree() -> FixtureTree {
        let tree = FixtureTree()
        let cores = nodes * coresPerNode
        let all = 0..<cores * threads
        let online = all.filter { !offline.contains($0) }
        tree.write("devices/system/cpu/online", list(online))
        for cpu in all {
            let siblings = (0..<threads).map { cpu % cores + $0 * cores }.filter { !offline.contains($0) }
            tree.write("devices/system/cpu/cpu\(cpu)/topology/core_cpus_list", list(siblings))
        }
        let count = nodes + memoryOnlyGiB.count
        tree.write("devices/system/node/online", list(Array(0..<count)))
        for node in 0..<count {
            let members = node < nodes ? all.filter { $0 % cores / coresPerNode == node } : []
            let memory = node < nodes ? memoryGiB[node] : memoryOnlyGiB[node - nodes]
            let path = "devices/system/node/node\(node)"
            tree.write("\(path)/cpulist", list(members))
            tree.write("\(path)/meminfo", "Node \(node) MemTotal:  \(memory << 20) kB\nNode \(node) MemFree: 1 kB\n")
            let distances = (0..<count).map { $0 == node ? 10 : 20 + abs($0 - node) }
            tree.write("\(path)/distance", distances.map(String.init).joined(separator: " ") + "\n")
        }
        return tree
    }

    private func list(_ members: [Int]) -> String { members.map(String.init).joined(separator: ",") + "\n" }
}
