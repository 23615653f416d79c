import Absurd
import AbsurdStore

extension RouteTable {
    static let tasks: [Route] = [
        .get(
            "/tasks", "The newest tasks, of one queue or of all.",
            [
                ("queue_name", "one queue"), ("status", "one status or several with commas"), ("task_name", "one name"),
                ("limit", "how many, 1 to \(Limits.taskListMax); 100"), ("before", "created before this time"),
                ("brief", "1: without params and results"),
            ]
        ) { request, _, service throws(Problem) in
            let limit = try request.number("limit", default: 100, in: 1...Limits.taskListMax)
            let statuses = request.text("status")?.split(separator: ",").map { Optional(String($0)) }
            return try await service.cached(
                "tasks",
                [
                    .text(orNull: request.text("queue_name")), statuses.map { .texts($0) } ?? .null,
                    .text(orNull: request.text("task_name")), .text(orNull: request.text("before")),
                    .int8(Int64(limit)), .bool(request.text("brief") == "1"),
                ])
        },
        .get("/tasks/{task_id}", "One task.") { _, path, service throws(Problem) in
            let id = try path.task()
            return try await service.cached("task", [.uuid(id)], maxAgeSeconds: 0.2, missing: "task \(id)")
        },
        .get("/tasks/{task_id}/attempts", "Each attempt of a task with its times, node and outcome.") {
            _, path, service throws(Problem) in
            try await service.cached("attempts", [.uuid(try path.task())], maxAgeSeconds: 0.2)
        },
        .get(
            "/tasks/{task_id}/image", "A picture (PNG) that the task's result names.",
            [("name", "which, where there are several: its file name, or the key of its path")]
        ) { request, path, service throws(Problem) in try await ImagePreview.answer(request, path, service) },
        .write(
            "POST", "/tasks", "Spawns a task.",
            [
                ("queue_name", "the queue"), ("task_name", "the task"), ("params", "an object"), ("priority", "0"),
                ("timeout_sec", "its type's"), ("max_retries", "3"), ("depends_on", "task ids"),
                ("run_at", "not before"), ("idempotency_key", "spawned once"),
            ]
        ) { request, _, service throws(Problem) in try await spawn(try request.json(), service) },
        .write(
            "POST", "/tasks/with-deps", "Spawns a task behind others.",
            [("depends_on", "task ids"), ("workflow_id", "a workflow to belong to"), ("...", "as POST /tasks")]
        ) { request, _, service throws(Problem) in
            let body = try request.json()
            let answer = try await spawn(body, service)
            guard case .bytes(let bytes) = answer.body, let made = try? JSONValue(parsing: bytes) else { return answer }
            let count = body["depends_on"]?.items?.count ?? 0
            return .json([
                "task_id": made["task_id"] ?? .null, "depends_on": body["depends_on"] ?? [],
                "workflow_id": body["workflow_id"] ?? .null,
                "message": .string("Task spawned with \(count) dependencies"),
            ])
        },
        .write("DELETE", "/tasks/{task_id}", "Cancels a task; one that runs is stopped.") {
            _, path, service throws(Problem) in
            let id = try path.task()
            guard let bytes = try await service.json("cancel", [.uuid(id)]) else {
                throw Problem(404, "Task \(id) not found or already completed")
            }
            return Answer(body: .bytes(bytes))
        },
        .write("POST", "/tasks/{task_id}/retry", "Runs a failed or cancelled task again, or ends its back-off.") {
            _, path, service throws(Problem) in
            let id = try path.task()
            guard let bytes = try await service.json("retry", [.uuid(id)]) else {
                throw Problem(404, "Task \(id) not found, or in a state that can't be retried")
            }
            return Answer(body: .bytes(bytes))
        },
        .write(
            "POST", "/prune", "Deletes tasks that ended long ago, at most 10,000 a call.",
            [("retention_days", "30"), ("queue_name", "one queue"), ("statuses", "completed, failed, cancelled")]
        ) { request, _, service throws(Problem) in
            let body = try request.json()
            let days = body["retention_days"]?.double ?? request.text("retention_days").flatMap(Double.init) ?? 30
            guard days >= 0, days <= 36_500 else { throw Problem(400, "retention_days: 0 to 36500") }
            let statuses = body["statuses"]?.items?.map(\.text) ?? ["completed", "failed", "cancelled"]
            return try await service.write(
                "prune", [.float8(days), .texts(statuses), .text(orNull: body["queue_name"]?.text)])
        },
    ]

    private static func spawn(_ body: JSONValue, _ service: Service) async throws(Problem) -> Answer {
        guard let queue = body["queue_name"]?.text, let name = body["task_name"]?.text else {
            throw Problem(400, "body: queue_name and task_name are needed")
        }
        let params = body["params"] ?? [:]
        guard params.members != nil else { throw Problem(400, "params: not an object") }
        return try await service.write(
            "spawn",
            [
                .text(queue), .text(name), .jsonb(params.jsonBytes), .int4(try body.whole("priority") ?? 0),
                .int4(orNull: try body.whole("timeout_sec")), .int4(orNull: try body.whole("max_retries")),
                .uuids(try body.ids("depends_on") ?? []), .text(orNull: body["run_at"]?.text),
                .text(orNull: body["idempotency_key"]?.text), .uuid(orNull: try body.id("workflow_id")),
            ])
    }
}

extension Service {
    /// Runs a statement that changes something, and answers what it returns.
    func write(_ name: String, _ parameters: [PostgresParameter]) async throws(Problem) -> Answer {
        guard let bytes = try await json(name, parameters) else { throw Problem(404, "not found") }
        return Answer(body: .bytes(bytes))
    }
}

extension JSONValue {
    func whole(_ key: String) throws(Problem) -> Int32? {
        guard let value = self[key], !value.isNull else { return nil }
        guard let number = value.int, let small = Int32(exactly: number) else {
            throw Problem(400, "\(key): not a whole number")
        }
        return small
    }

    func id(_ key: String) throws(Problem) -> TaskID? {
        guard let value = self[key], !value.isNull else { return nil }
        guard let id = value.text.flatMap({ TaskID($0) }) else { throw Problem(400, "\(key): not a UUID") }
        return id
    }

    func ids(_ key: String) throws(Problem) -> [TaskID]? {
        guard let value = self[key], !value.isNull else { return nil }
        guard let items = value.items else { throw Problem(400, "\(key): not an array of UUIDs") }
        var ids: [TaskID] = []
        for item in items {
            guard let id = item.text.flatMap({ TaskID($0) }) else {
                throw Problem(400, "\(key): not an array of UUIDs")
            }
            ids.append(id)
        }
        return ids
    }
}
