import Absurd
import AbsurdHost
import AbsurdStore
import Glibc

/// What somebody must know to judge the figures.
enum MachineFacts {
    static func read(_ session: PostgresSession) throws -> [String: JSONValue] {
        var name = utsname()
        uname(&name)
        let kernel = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let topology = Topology.read()
        return [
            "cpu": .string(field("model name", in: "/proc/cpuinfo") ?? "unknown"),
            "cpus": .integer(Int64(topology.cpus.count)), "cores": .integer(Int64(topology.cores.count)),
            "numa_nodes": .integer(Int64(topology.nodes.count)),
            "memory_bytes": .integer(topology.nodes.reduce(0) { $0 + $1.memoryBytes }),
            "kernel": .string(kernel), "load_average_1min": .number(loadAverage),
            "postgres": .string(try session.query("SHOW server_version")[0].get(0)),
            "synchronous_commit": .string(try session.query("SHOW synchronous_commit")[0].get(0)),
            "fsync": .string(try session.query("SHOW fsync")[0].get(0)),
            "time": .string("\(try session.query("SELECT absurd.current_time()")[0].get(0, as: Timestamp.self))"),
        ]
    }

    static var loadAverage: Double {
        (ProcessMeter.text("/proc/loadavg")?.split(separator: " ").first).flatMap { Double($0) } ?? 0
    }

    private static func field(_ key: String, in path: String) -> String? {
        for line in (ProcessMeter.text(path) ?? "").split(separator: "\n") where line.hasPrefix(key) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            return String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        return nil
    }
}
