import Absurd
import AbsurdStore

extension RouteTable {
    static let workflows: [Route] = [
        .get("/workflows", "The newest workflows.", [("status", "one status"), ("limit", "1 to 1000; 100")]) {
            request, _, service throws(Problem) in
            let limit = try request.number("limit", default: 100, in: 1...Limits.taskListMax)
            return try await service.cached(
                "workflows", [.text(orNull: request.text("status")), .int8(Int64(limit))])
        },
        .get("/workflows/{workflow_id}", "One workflow with its tasks and the edges between them.") {
            _, path, service throws(Problem) in
            let (found, stale) = try await workflow(path, service)
            var members = found.members ?? [:]
            members["dag_edges"] = WorkflowGraph(found).edges
            return Service.marked(.object(members), staleSeconds: stale)
        },
        .get("/workflows/{workflow_id}/dag", "The same as a graph, with depths.") { _, path, service throws(Problem) in
            let (found, stale) = try await workflow(path, service)
            return Service.marked(WorkflowGraph(found).json, staleSeconds: stale)
        },
        .get("/workflows/{workflow_id}/ready", "Its tasks that could run now.") { _, path, service throws(Problem) in
            let (found, stale) = try await workflow(path, service)
            let ready = (found["tasks"]?.items ?? []).filter { $0["status"]?.text == "pending" }
            return Service.marked(
                [
                    "workflow_id": found["workflow_id"] ?? .null,
                    "ready_tasks": .array(ready.map { $0["task_id"] ?? .null }), "count": .integer(Int64(ready.count)),
                ], staleSeconds: stale)
        },
        .write(
            "POST", "/workflows", "Makes an empty workflow, or starts one of the known chains (chain).",
            [
                ("name", "its name"), ("description", "for people"), ("metadata", "an object"),
                ("chain", "standard-pipeline, quick-imaging, calibrator, target"), ("params", "of the chain"),
                ("queue_name", "of the chain"), ("priority", "0"),
            ]
        ) { request, _, service throws(Problem) in
            let body = try request.json()
            if let chain = body["chain"]?.text {
                let queue = body["queue_name"]?.text ?? service.configuration.queues.first ?? "dsa110-pipeline"
                return try await service.write(
                    "workflow_run",
                    [
                        .text(chain), .jsonb((body["params"] ?? [:]).jsonBytes), .text(queue),
                        .int4(try body.whole("priority") ?? 0), .int4(orNull: try body.whole("max_retries")),
                    ])
            }
            guard let name = body["name"]?.text else { throw Problem(400, "body: name or chain is needed") }
            return try await service.write(
                "workflow_create",
                [.text(name), .text(orNull: body["description"]?.text), .jsonb((body["metadata"] ?? [:]).jsonBytes)])
        },
        .write("DELETE", "/workflows/{workflow_id}", "Cancels what has not ended of a workflow.") {
            _, path, service throws(Problem) in try await service.write("workflow_cancel", [.uuid(try path.workflow())])
        },
        .write("POST", "/workflows/{workflow_id}/cancel", "The same.") { _, path, service throws(Problem) in
            try await service.write("workflow_cancel", [.uuid(try path.workflow())])
        },
        .write("POST", "/workflows/{workflow_id}/retry", "Runs again what failed of a workflow; what completed stays.")
        {
            _, path, service throws(Problem) in try await service.write("workflow_retry", [.uuid(try path.workflow())])
        },
    ]

    private static func workflow(
        _ path: [String: String], _ service: Service
    ) async throws(Problem) -> (JSONValue, Double?) {
        let id = try path.workflow()
        do throws(Problem) {
            let found = try await service.value("workflow", [.uuid(id)], maxAgeSeconds: 0.5)
            return (found.value, found.staleSeconds)
        } catch {
            if error.status == 404 { throw Problem(404, "Workflow \(id) not found") }
            throw error
        }
    }
}

/// Who waits for whom in a workflow. Pure.
struct WorkflowGraph {
    private var workflow: JSONValue
    private var tasks: [JSONValue]
    private var parents: [String: [String]] = [:]
    private var children: [String: [String]] = [:]

    init(_ workflow: JSONValue) {
        self.workflow = workflow
        tasks = workflow["tasks"]?.items ?? []
        let known = Set(tasks.compactMap { $0["task_id"]?.text })
        for task in tasks {
            guard let id = task["task_id"]?.text else { continue }
            for parent in (task["depends_on"]?.items ?? []).compactMap(\.text) where known.contains(parent) {
                parents[id, default: []].append(parent)
                children[parent, default: []].append(id)
            }
        }
    }

    var edges: JSONValue {
        .array(
            tasks.flatMap { task -> [JSONValue] in
                guard let id = task["task_id"]?.text else { return [] }
                return (parents[id] ?? []).map { [.string($0), .string(id)] }
            })
    }

    var json: JSONValue {
        let ids = tasks.compactMap { $0["task_id"]?.text }
        var depths: [String: Int] = [:]
        // The database refuses cycles; a bound on the rounds costs nothing and cannot hang.
        for _ in ids {
            for id in ids { depths[id] = (parents[id] ?? []).map { (depths[$0] ?? 0) + 1 }.max() ?? 0 }
        }
        func texts(_ list: [String]) -> JSONValue { .array(list.map { .string($0) }) }
        return [
            "workflow_id": workflow["workflow_id"] ?? .null, "name": workflow["name"] ?? .null,
            "status": workflow["status"] ?? .null,
            "total_depth": .integer(Int64(depths.values.max() ?? 0)),
            "root_tasks": texts(ids.filter { parents[$0] == nil }),
            "leaf_tasks": texts(ids.filter { children[$0] == nil }),
            "nodes": .array(
                tasks.map { task in
                    let id = task["task_id"]?.text ?? ""
                    return [
                        "task_id": .string(id), "task_name": task["task_name"] ?? .null,
                        "status": task["status"] ?? .null, "progress": task["progress"] ?? .null,
                        "depends_on": texts(parents[id] ?? []), "dependents": texts(children[id] ?? []),
                        "depth": .integer(Int64(depths[id] ?? 0)),
                    ]
                }),
        ]
    }
}
