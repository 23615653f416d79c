import Absurd
import AbsurdLeader
import AbsurdObserve
import Glibc

/// Every worker that is known of: this node's from its leader, other nodes' from what their leaders last told the
/// database, and foreign ones from the tasks that they hold.
struct WorkerTable: Sendable {
    struct Row: Sendable {
        var id: String
        var node: String
        var index: Int?
        var seenSeconds: Double
        var uptimeSeconds: Double
        var taskCount: Int
        var completed: Int
        var failed: Int
        /// What the leader says of the process: busy, idle, starting, down, retiring; foreign.
        var activity: String
        var running: [JSONValue]
        var details: [String: JSONValue]

        /// By the time since it was last known to live. A leader sees its workers' deaths at once, so theirs is 0.
        var state: String {
            if activity == "down" || activity == "gone" { return "crashed" }
            switch seenSeconds {
            case ..<Thresholds.workerActiveSecondsMax: return "active"
            case ..<Thresholds.workerIdleSecondsMax: return "idle"
            case ..<Thresholds.workerStaleSecondsMax: return "stale"
            default: return "crashed"
            }
        }
    }

    var rows: [Row]
    var now: Timestamp

    func count(_ state: String) -> Int { rows.count { $0.state == state } }

    static func make(_ service: Service) async -> WorkerTable {
        var rows: [Row] = []
        let own = service.configuration.node
        let answer = await service.askLeader(.workers)
        for worker in answer["workers"]?.items ?? [] { rows.append(Row(worker, node: own, seenSeconds: 0)) }
        if let (found, staleSeconds) = try? await service.value("nodes") {
            let stale = staleSeconds ?? 0
            for node in found["nodes"]?.items ?? [] {
                guard let name = node["node"]?.text, name != own || rows.isEmpty else { continue }
                let seen = node["alive"]?.flag == true ? 0 : node["renewed_sec"]?.double ?? .infinity
                for worker in node["info"]?["workers"]?.items ?? [] {
                    rows.append(Row(worker, node: name, seenSeconds: seen + stale))
                }
            }
            for foreign in found["foreign"]?.items ?? [] {
                let id = foreign["worker_id"]?.text ?? ""
                rows.append(
                    Row(
                        id: id, node: "", index: nil, seenSeconds: (foreign["seen_sec"]?.double ?? 0) + stale,
                        uptimeSeconds: foreign["uptime_seconds"]?.double ?? 0,
                        taskCount: Int(foreign["task_count"]?.int ?? 0), completed: 0, failed: 0, activity: "foreign",
                        running: [["task_id": foreign["current_task_id"] ?? .null]], details: [:]))
            }
        }
        return WorkerTable(rows: rows, now: .current)
    }

    func json(_ row: Row) -> JSONValue {
        var members = row.details
        members["worker_id"] = .string(row.id)
        members["state"] = .string(row.state)
        members["task_count"] = .integer(Int64(row.taskCount))
        members["current_task_id"] = row.running.first?["task_id"] ?? .null
        members["first_seen"] = .string(now.advanced(bySeconds: -row.uptimeSeconds - row.seenSeconds).description)
        members["last_seen"] = .string(now.advanced(bySeconds: -min(row.seenSeconds, 1e9)).description)
        members["uptime_seconds"] = .number(row.uptimeSeconds)
        members["node"] = .string(row.node)
        members["activity"] = .string(row.activity)
        members["running"] = .array(row.running)
        members["completed"] = .integer(Int64(row.completed))
        members["failed"] = .integer(Int64(row.failed))
        return .object(members)
    }
}

extension WorkerTable.Row {
    /// From a row of the leader's worker table. Its id is the node's name and its number there.
    init(_ worker: JSONValue, node: String, seenSeconds: Double) {
        let index = worker["worker"]?.int.map { Int($0) }
        let completed = Int(worker["completed"]?.int ?? 0)
        let failed = Int(worker["failed"]?.int ?? 0)
        var details: [String: JSONValue] = [:]
        for name in ["pid", "cpus", "numa_node", "respawns"] { details[name] = worker[name] }
        self.init(
            id: "\(node):\(index ?? 0)", node: node, index: index, seenSeconds: seenSeconds,
            uptimeSeconds: worker["uptime_seconds"]?.double ?? 0, taskCount: completed + failed, completed: completed,
            failed: failed, activity: worker["state"]?.text ?? "", running: worker["running"]?.items ?? [],
            details: details)
    }
}

extension Timestamp {
    static var current: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }
}
