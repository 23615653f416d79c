import Absurd
import AbsurdStore

extension RouteTable {
    static let schedules: [Route] = [
        .get("/schedules", "The cron entries.", [("queue_name", "one queue"), ("state", "active, paused or disabled")])
        {
            request, _, service throws(Problem) in
            try await service.cached(
                "schedules", [.text(orNull: request.text("queue_name")), .text(orNull: request.text("state"))])
        },
        .get("/schedules/{name}", "One cron entry.") { _, path, service throws(Problem) in
            try await service.cached(
                "schedule", [.text(path["name"] ?? "")], missing: "Schedule '\(path["name"] ?? "")'")
        },
        .write(
            "POST", "/schedules", "Adds a cron entry.",
            [
                ("name", "its name"), ("task_name", "what is spawned"), ("cron_expression", "five fields"),
                ("queue_name", "the leader's first"), ("params", "an object"), ("priority", "0"),
                ("timeout_sec", "its type's"), ("max_retries", "3"), ("timezone", "UTC"),
            ]
        ) { request, _, service throws(Problem) in
            let body = try request.json()
            guard let name = body["name"]?.text, let task = body["task_name"]?.text,
                let cron = body["cron_expression"]?.text
            else { throw Problem(400, "body: name, task_name and cron_expression are needed") }
            let queue = body["queue_name"]?.text ?? service.configuration.queues.first ?? "dsa110-pipeline"
            return try await service.write(
                "schedule_add",
                [
                    .text(name), .text(queue), .text(task), .jsonb((body["params"] ?? [:]).jsonBytes), .text(cron),
                    .text(body["timezone"]?.text ?? "UTC"), .int4(try body.whole("priority") ?? 0),
                    .int4(orNull: try body.whole("timeout_sec")), .int4(try body.whole("max_retries") ?? 3),
                ])
        },
        .write(
            "PATCH", "/schedules/{name}", "Changes a cron entry.",
            [
                ("cron_expression", "when"), ("params", "an object"), ("state", "active, paused or disabled"),
                ("priority", "n"),
            ]
        ) { request, path, service throws(Problem) in
            let body = try request.json()
            let name = path["name"] ?? ""
            guard
                let bytes = try await service.json(
                    "schedule_change",
                    [
                        .text(name), .text(orNull: body["cron_expression"]?.text),
                        body["params"].map { .jsonb($0.jsonBytes) } ?? .null, .text(orNull: body["state"]?.text),
                        .int4(orNull: try body.whole("priority")),
                    ])
            else { throw Problem(404, "Schedule '\(name)' not found") }
            return Answer(body: .bytes(bytes))
        },
        .write("DELETE", "/schedules/{name}", "Removes a cron entry.") { _, path, service throws(Problem) in
            guard let bytes = try await service.json("schedule_remove", [.text(path["name"] ?? "")]) else {
                throw Problem(404, "Schedule '\(path["name"] ?? "")' not found")
            }
            return Answer(body: .bytes(bytes))
        },
        .write("POST", "/schedules/{name}/trigger", "Spawns a cron entry's task now.") {
            _, path, service throws(Problem) in
            try await service.write("schedule_trigger", [.text(path["name"] ?? "")])
        },
    ]
}
