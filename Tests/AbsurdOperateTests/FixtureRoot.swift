import AbsurdOperate
import Foundation
import Glibc

/// A directory that stands for a machine's root: /proc, /sys, /etc and so on; removed with its object.
final class FixtureRoot {
    let path: String

    init() {
        var template = Array("/tmp/absurd-operate-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template))
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws {
        let file = URL(fileURLWithPath: path + "/" + name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: file, atomically: false, encoding: .utf8)
    }

    var places: HostExamination.Places {
        HostExamination.Places(
            root: path, stateDirectory: "/var/lib/absurd", tmpfsDirectory: "/dev/shm", programDirectory: "/usr/bin",
            searchPath: "/usr/local/bin:/usr/bin")
    }

    /// A well-kept machine of two NUMA nodes with eight CPUs each.
    static func healthy() throws -> FixtureRoot {
        let root = FixtureRoot()
        try root.write("proc/sys/kernel/hostname", "antenna\n")
        try root.write("proc/loadavg", "3.10 2.00 1.50 2/300 4711\n")
        try root.write("proc/meminfo", "MemTotal:       131072000 kB\nMemAvailable:   100000000 kB\n")
        try root.write("proc/pressure/cpu", "some avg10=0.00 avg60=1.25 avg300=0.50 total=1\n")
        try root.write(
            "proc/self/mounts",
            "/dev/sda1 / ext4 rw,relatime 0 0\ntmpfs /dev/shm tmpfs rw,nosuid,size=16777216k 0 0\n")
        try root.write("sys/devices/system/cpu/online", "0-15\n")
        try root.write("sys/devices/system/node/online", "0-1\n")
        for node in 0...1 {
            let directory = "sys/devices/system/node/node\(node)"
            try root.write("\(directory)/cpulist", node == 0 ? "0-7\n" : "8-15\n")
            try root.write("\(directory)/meminfo", "Node \(node) MemTotal:  65536000 kB\n")
            try root.write("\(directory)/distance", node == 0 ? "10 21\n" : "21 10\n")
        }
        for program in ["wsclean", "aoflagger", "absurd-stage"] {
            try root.write("usr/bin/\(program)", "#!/bin/sh\n")
            chmod(root.path + "/usr/bin/\(program)", 0o755)
        }
        try root.write("usr/lib/x86_64-linux-gnu/libcasa_ms.so.7", "")
        try root.write("usr/share/casacore/data/geodetic/TAI_UTC", "")
        try root.write("var/lib/absurd/run/leader", "")
        try root.write("dev/shm/x", "")
        return root
    }
}
