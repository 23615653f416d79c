import Absurd
import AbsurdObserve
import AbsurdStore

extension RouteTable {
    static let workers: [Route] = [
        .get("/workers", "Every worker, its state by the age of its last heartbeat, and what it runs.") {
            _, _, service throws(Problem) in
            let table = await WorkerTable.make(service)
            return .json([
                "workers": .array(table.rows.map(table.json)), "total": .integer(Int64(table.rows.count)),
                "active": .integer(Int64(table.count("active"))), "idle": .integer(Int64(table.count("idle"))),
                "stale": .integer(Int64(table.count("stale"))), "crashed": .integer(Int64(table.count("crashed"))),
            ])
        },
        .get("/workers/metrics", "The workers in numbers.") { _, _, service throws(Problem) in
            let table = await WorkerTable.make(service)
            let count = Double(max(1, table.rows.count))
            return .json([
                "total_workers": .integer(Int64(table.rows.count)),
                "active_workers": .integer(Int64(table.count("active"))),
                "idle_workers": .integer(Int64(table.count("idle"))),
                "crashed_workers": .integer(Int64(table.count("crashed"))),
                "timed_out_workers": .integer(Int64(table.count("stale"))),
                "avg_tasks_per_worker": .number(Double(table.rows.reduce(0) { $0 + $1.taskCount }) / count),
                "avg_worker_uptime_sec": .number(table.rows.reduce(0) { $0 + $1.uptimeSeconds } / count),
            ])
        },
        .get("/workers/{worker_id}", "One worker.") { _, path, service throws(Problem) in
            let table = await WorkerTable.make(service)
            guard let row = table.rows.first(where: { $0.id == path["worker_id"] }) else {
                throw Problem(404, "Worker \(path["worker_id"] ?? "") not found")
            }
            return .json(table.json(row))
        },
        .get("/nodes", "Every node of the last day: its lease, its queues, and what its leader tells.") {
            _, _, service throws(Problem) in
            let (found, stale) = try await service.value("nodes")
            return Service.marked(["nodes": found["nodes"] ?? [], "now": found["now"] ?? .null], staleSeconds: stale)
        },
        .get("/ring", "The lanes of this node: slots offered, running, done and free per worker and seat.") {
            _, _, service throws(Problem) in .json(await service.askLeader(.ring))
        },
        .write(
            "POST", "/workers/{worker_id}/heartbeat", "A foreign worker is alive, and works on a task.",
            [("task_id", "the task")]
        ) { request, path, service throws(Problem) in
            var task: TaskID?
            if let text = request.text("task_id") {
                guard let id = TaskID(text) else { throw Problem(400, "task_id: not a UUID") }
                task = id
            }
            return try await service.write("heartbeat", [.text(path["worker_id"] ?? ""), .uuid(orNull: task)])
        },
    ]
}
