import Absurd
import AbsurdStore

extension RouteTable {
    static let queues: [Route] = [
        .get("/queues", "The names of the queues.") { _, _, service throws(Problem) in
            let (rows, stale) = try await service.value("queues")
            return Service.marked(
                .array((rows.items ?? []).map { $0["queue_name"] ?? .null }), staleSeconds: stale)
        },
        .get("/queues/stats", "Each queue's tasks by state, its oldest pending task and its dead letters.") {
            _, _, service throws(Problem) in try await service.cached("queues")
        },
        .get("/queues/{queue_name}/stats", "One queue's tasks by state.") { _, path, service throws(Problem) in
            let name = path["queue_name"] ?? ""
            let (rows, stale) = try await service.value("queues")
            let row = rows.items?.first { $0["queue_name"]?.text == name } ?? .object(emptyQueue(name))
            return Service.marked(row, staleSeconds: stale)
        },
        .write("POST", "/queues/{queue_name}/pause", "Nothing is claimed from the queue any more, on any node.") {
            _, path, service throws(Problem) in
            try await service.write("queue_pause", [.text(path["queue_name"] ?? ""), .bool(true)])
        },
        .write("POST", "/queues/{queue_name}/unpause", "The queue is served again.") {
            _, path, service throws(Problem) in
            try await service.write("queue_pause", [.text(path["queue_name"] ?? ""), .bool(false)])
        },
    ]

    /// A queue that nobody has used yet reads as an empty one, as it always has.
    private static func emptyQueue(_ name: String) -> [String: JSONValue] {
        var row: [String: JSONValue] = ["queue_name": .string(name), "paused": false, "oldest_pending_sec": .null]
        for state in [
            "pending", "claimed", "scheduled", "retrying", "blocked", "completed", "failed", "cancelled",
            "dead_letters",
            "total",
        ] { row[state] = 0 }
        return row
    }

    static let deadLetters: [Route] = [
        .get("/dlq", "Tasks that failed for good, newest first.", [("queue_name", "one queue"), ("limit", "100")]) {
            request, _, service throws(Problem) in
            let limit = try request.number("limit", default: 100, in: 1...Limits.taskListMax)
            return try await service.cached(
                "dead_letters", [.text(orNull: request.text("queue_name")), .int4(Int32(limit))])
        },
        .write(
            "POST", "/dlq/replay", "Runs dead letters again with a fresh set of retries.",
            [("task_ids", "these; all without"), ("queue_name", "of one queue")]
        ) { request, _, service throws(Problem) in
            let body = try request.json()
            return try await service.write(
                "dead_letters_replay",
                [.text(orNull: body["queue_name"]?.text), try body.ids("task_ids").map { .uuids($0) } ?? .null])
        },
        .write("POST", "/dlq/{task_id}/replay", "Runs one dead letter again.") { _, path, service throws(Problem) in
            try await service.write("dead_letters_replay", [.null, .uuids([try path.task()])])
        },
        .write(
            "POST", "/dlq/purge", "Strikes dead letters off the list; the failed tasks stay.",
            [("task_ids", "these; all without"), ("queue_name", "of one queue")]
        ) { request, _, service throws(Problem) in
            let body = try request.json()
            return try await service.write(
                "dead_letters_purge",
                [.text(orNull: body["queue_name"]?.text), try body.ids("task_ids").map { .uuids($0) } ?? .null])
        },
    ]
}
