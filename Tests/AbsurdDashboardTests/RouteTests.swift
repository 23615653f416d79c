import Absurd
import AbsurdClient
import AbsurdStore
import TestSupport
import Testing

@testable import AbsurdDashboard

/// What today's front end reads, by the names and types that it reads them with.
private enum Shape: Sendable {
    case number, text, flag, object, any
    indirect case orNull(Shape)
    indirect case list(Shape)
    indirect case members([String: Shape])

    func mismatch(_ value: JSONValue?, at place: String = "") -> String? {
        guard let value else { return "\(place) is missing" }
        switch self {
        case .any: return nil
        case .orNull(let shape): return value.isNull ? nil : shape.mismatch(value, at: place)
        case .number: return value.double == nil ? "\(place) is no number" : nil
        case .text: return value.text == nil ? "\(place) is no text" : nil
        case .flag: return value.flag == nil ? "\(place) is no truth value" : nil
        case .object: return value.members == nil ? "\(place) is no object" : nil
        case .list(let shape):
            guard let items = value.items else { return "\(place) is no list" }
            return items.lazy.compactMap { shape.mismatch($0, at: place + "[]") }.first
        case .members(let shapes):
            return shapes.lazy.compactMap { $0.value.mismatch(value[$0.key], at: "\(place).\($0.key)") }.first
        }
    }

    static let task = Shape.members([
        "task_id": .text, "queue_name": .text, "task_name": .text, "params": .object, "priority": .number,
        "status": .text, "created_at": .orNull(.text), "claimed_at": .orNull(.text), "completed_at": .orNull(.text),
        "result": .orNull(.object), "error": .orNull(.text), "retry_count": .number, "attempt": .number,
        "max_retries": .number, "worker_id": .orNull(.text),
    ])
    static let queue = Shape.members([
        "queue_name": .text, "pending": .number, "claimed": .number, "completed": .number, "failed": .number,
        "cancelled": .number, "retrying": .number, "total": .number,
    ])
    static let worker = Shape.members([
        "worker_id": .text, "state": .text, "task_count": .number, "current_task_id": .orNull(.text),
        "first_seen": .orNull(.text), "last_seen": .orNull(.text), "uptime_seconds": .number,
    ])
    static let alert = Shape.members(["level": .text, "message": .text, "timestamp": .orNull(.text)])
    static let workflow: [String: Shape] = [
        "workflow_id": .text, "name": .text, "status": .text, "task_count": .number, "completed_tasks": .number,
        "failed_tasks": .number, "created_at": .text, "started_at": .orNull(.text), "completed_at": .orNull(.text),
        "metadata": .object,
    ]
    static let schedule = Shape.members([
        "schedule_id": .text, "name": .text, "queue_name": .text, "task_name": .text, "cron_expression": .text,
        "params": .object, "priority": .number, "state": .text, "timezone": .text, "last_run_at": .orNull(.text),
        "next_run_at": .orNull(.text), "description": .orNull(.text),
    ])
    static let metrics: Shape = {
        var members: [String: Shape] = [:]
        for name in [
            "total_spawned", "total_claimed", "total_completed", "total_failed", "total_cancelled", "total_timed_out",
            "current_pending", "current_claimed", "avg_wait_time_sec", "avg_execution_time_sec",
        ] { members[name] = .number }
        for percentile in ["p50", "p95", "p99"] {
            members["\(percentile)_wait_time_sec"] = .number
            members["\(percentile)_execution_time_sec"] = .number
        }
        for minutes in ["1min", "5min", "15min"] {
            for name in ["throughput", "success_rate", "error_rate"] { members["\(name)_\(minutes)"] = .number }
        }
        return .members(members)
    }()
}

@Suite(.serialized) struct `The routes` {
    /// Path (with the ids put in), and what it answers.
    private static func reads(task: TaskID, worker: String) -> [(String, Shape)] {
        [
            ("/tasks", .members(["tasks": .list(Shape.task), "total": .number])),
            ("/tasks?queue_name=q&status=completed&limit=5", .members(["tasks": .list(Shape.task), "total": .number])),
            ("/tasks/\(task)", Shape.task),
            (
                "/tasks/\(task)/attempts",
                .members(["attempts": .list(.members(["attempt": .number, "outcome": .text]))])
            ),
            ("/queues", .list(.text)), ("/queues/stats", .list(Shape.queue)), ("/queues/q/stats", Shape.queue),
            ("/queues/nobodys/stats", Shape.queue),
            ("/health", .members(["status": .text, "message": .text, "queue": .text])),
            (
                "/health/detailed",
                .members([
                    "status": .text, "message": .text, "queue_depth": .number, "database_available": .flag,
                    "worker_pool_healthy": .flag, "alerts": .list(Shape.alert), "warnings": .list(Shape.alert),
                ])
            ),
            (
                "/workers",
                .members([
                    "workers": .list(Shape.worker), "total": .number, "active": .number, "idle": .number,
                    "stale": .number, "crashed": .number,
                ])
            ),
            ("/workers/\(worker)", Shape.worker),
            (
                "/workers/metrics",
                .members([
                    "total_workers": .number, "active_workers": .number, "idle_workers": .number,
                    "crashed_workers": .number, "timed_out_workers": .number, "avg_tasks_per_worker": .number,
                    "avg_worker_uptime_sec": .number,
                ])
            ),
            ("/metrics", Shape.metrics), ("/metrics?queue_name=q", Shape.metrics),
            (
                "/metrics/history?queue_name=q&hours=1&resolution=5m",
                .members([
                    "queue_name": .text, "hours": .number, "resolution": .text, "timestamps": .list(.text),
                    "series": .members([
                        "throughput": .list(.number), "success_rate": .list(.orNull(.number)),
                        "avg_latency": .list(.orNull(.number)), "p95_latency": .list(.orNull(.number)),
                    ]),
                ])
            ),
            (
                "/pipeline/status",
                .members([
                    "stages": .members([
                        "echo": .members([
                            "pending": .number, "running": .number, "completed": .number, "failed": .number,
                        ])
                    ]), "total": .object, "worker_count": .number, "active_workers": .number, "idle_workers": .number,
                    "is_healthy": .flag, "queue_depth": .number, "last_updated": .text,
                ])
            ),
        ]
    }

    private static func moreReads(workflow: String) -> [(String, Shape)] {
        [
            ("/schedules", .members(["schedules": .list(Shape.schedule), "total": .number])),
            ("/schedules/nightly%2Fone", Shape.schedule),
            ("/workflows", .members(["workflows": .list(.members(Shape.workflow)), "total": .number])),
            (
                "/workflows/\(workflow)",
                .members(
                    Shape.workflow.merging([
                        "tasks": .list(
                            .members([
                                "task_id": .text, "task_name": .text, "status": .text, "depends_on": .list(.text),
                                "result": .orNull(.object), "error": .orNull(.text),
                            ])), "dag_edges": .list(.list(.text)),
                    ]) { $1 })
            ),
            (
                "/workflows/\(workflow)/dag",
                .members([
                    "workflow_id": .text, "name": .text, "total_depth": .number, "root_tasks": .list(.text),
                    "leaf_tasks": .list(.text),
                    "nodes": .list(
                        .members([
                            "task_id": .text, "task_name": .text, "status": .text, "depends_on": .list(.text),
                            "dependents": .list(.text), "depth": .number,
                        ])),
                ])
            ),
            ("/workflows/\(workflow)/ready", .members(["ready_tasks": .list(.text), "count": .number])),
            ("/dlq", .members(["tasks": .list(Shape.task), "total": .number])),
            ("/images", .members(["images": .list(.object), "total": .number])),
            ("/nodes", .members(["nodes": .list(.object)])), ("/ring", .members(["lanes": .list(.object)])),
        ]
    }

    @Test func `answer in the shapes that today's front end reads, under both prefixes`() async throws {
        try await Site.open { (site) async throws in
            let task = try await site.spawn("echo", ["inputs": ["word": "hi"]])
            _ = try await site.client.wait(task)
            let failed = try await site.spawn("no-such-task")
            _ = failed
            try site.database.session().script(
                "INSERT INTO absurd.scheduled_tasks (name, queue_name, task_name, cron_expression) "
                    + "VALUES ('nightly/one', 'elsewhere', 'echo', '@daily')")
            let made = try await site.writer.json(
                "POST", "/absurd/workflows", ["chain": "target", "queue_name": "elsewhere"])
            let workflow = try #require(made.json["workflow_id"]?.text)
            for (path, shape) in Self.reads(task: task, worker: "\(site.node):0")
                + Self.moreReads(workflow: workflow)
            {
                for prefix in ["/absurd", "/api/absurd"] {
                    let reply = try await site.browser.get(prefix + path)
                    #expect(reply.status == 200, "\(path): \(reply.text)")
                    #expect(shape.mismatch(reply.json, at: path) == nil, "\(reply.text)")
                    #expect(reply.headers["content-type"] == "application/json")
                }
            }
            let dag = try await site.browser.get("/absurd/workflows/\(workflow)/dag").json
            #expect(dag["total_depth"]?.int == 2 && dag["root_tasks"]?.items?.count == 1)
            let stats = try await site.browser.get("/absurd/queues/q/stats").json
            #expect(stats["completed"]?.int == 1 && stats["pending"]?.int == 1)
            let metrics = try await site.browser.get("/absurd/metrics?queue_name=q").json
            #expect(metrics["throughput_1min"]?.double == 1 && metrics["success_rate_5min"]?.double == 1)
        }
    }

    @Test func `change things with the token, and answer as they always have`() async throws {
        try await Site.open { (site) async throws in
            let writer = site.writer
            let spawned = try await writer.json(
                "POST", "/absurd/tasks",
                ["queue_name": "q", "task_name": "sleep", "params": ["seconds": 60], "priority": 3])
            let id = try #require(spawned.json["task_id"]?.text)
            let behind = try await writer.json(
                "POST", "/absurd/tasks/with-deps",
                ["queue_name": "q", "task_name": "echo", "depends_on": [.string(id)]])
            #expect(behind.json["message"]?.text == "Task spawned with 1 dependencies")
            #expect(
                try await writer.send("DELETE", "/absurd/tasks/\(id)").json["message"]?.text == "Task \(id) cancelled")
            #expect(try await writer.send("DELETE", "/absurd/tasks/\(id)").status == 404)
            let child = try #require(behind.json["task_id"]?.text)
            #expect(try await writer.get("/absurd/tasks/\(child)").json["status"]?.text == "cancelled")
            #expect(try await writer.send("POST", "/absurd/queues/q/pause").json["paused"]?.flag == true)
            #expect(try await writer.send("POST", "/absurd/tasks/\(id)/retry").status == 200)
            #expect(try await writer.get("/absurd/queues/q/stats").json["paused"]?.flag == true)
            #expect(try await writer.send("DELETE", "/absurd/tasks/\(id)").status == 200)
            #expect(try await writer.send("POST", "/absurd/queues/q/unpause").json["paused"]?.flag == false)

            let dead = try await site.spawn("fail", retries: 0)
            _ = try await site.client.wait(dead)
            #expect(try await writer.get("/absurd/dlq").json["total"]?.int == 1)
            #expect(try await writer.send("POST", "/absurd/dlq/\(dead)/replay").json["replayed"]?.int == 1)
            _ = try await site.client.wait(dead)
            #expect(try await writer.json("POST", "/absurd/dlq/purge").json["purged"]?.int == 1)

            let entry: JSONValue = [
                "name": "s", "task_name": "echo", "cron_expression": "5 4 * * 0", "queue_name": "q",
            ]
            #expect(try await writer.json("POST", "/absurd/schedules", entry).json["next_run_at"]?.text != nil)
            #expect(try await writer.json("POST", "/absurd/schedules", entry).status == 409)
            let changed = try await writer.json("PATCH", "/absurd/schedules/s", ["state": "paused"])
            #expect(changed.json["state"]?.text == "paused")
            #expect(try await writer.json("PATCH", "/absurd/schedules/s", ["cron_expression": "x"]).status == 400)
            #expect(try await writer.send("POST", "/absurd/schedules/s/trigger").json["task_id"]?.text != nil)
            #expect(try await writer.send("DELETE", "/absurd/schedules/s").status == 200)
            #expect(try await writer.send("DELETE", "/absurd/schedules/s").status == 404)
            #expect(try await writer.get("/absurd/schedules/s").status == 404)

            let worker = try await writer.send("POST", "/absurd/workers/w1/heartbeat?task_id=\(id)")
            #expect(worker.json["status"]?.text == "ok" && worker.json["task_is_yours"]?.flag == false)
            let pruned = try await writer.json("POST", "/absurd/prune", ["retention_days": 0])
            #expect((pruned.json["pruned"]?.int ?? 0) >= 3)
        }
    }

    @Test func `refuse without the token, from foreign pages, and what is not allowed`() async throws {
        try await Site.open { (site) async throws in
            let plain = site.browser
            #expect(
                try await plain.json("POST", "/absurd/tasks", ["queue_name": "q", "task_name": "echo"]).status == 401)
            #expect(try await plain.with("host", "evil.example").get("/absurd/queues").status == 403)
            #expect(try await plain.with("origin", "http://evil.example").get("/absurd/queues").status == 403)
            #expect(try await plain.get("/absurd/nothing").status == 404)
            #expect(try await plain.get("/absurd/tasks/none").status == 400)
            #expect(try await plain.get("/absurd/tasks/\(TaskID.random())").status == 404)
            #expect(try await plain.get("/absurd/tasks?limit=0").status == 400)
            #expect(try await plain.get("/absurd/tasks?before=yesterdayish").status == 400)
            #expect(try await plain.send("PUT", "/absurd/tasks").headers["allow"] == "GET, POST")
            let writer = site.writer
            #expect(try await writer.send("POST", "/absurd/tasks", "{").status == 400)
            #expect(try await writer.json("POST", "/absurd/tasks", ["queue_name": "q"]).status == 400)
            let large = String(repeating: "x", count: Limits.httpBodyBytesMax + 1)
            #expect(try await writer.send("POST", "/absurd/tasks", large).status == 413)
            var many = plain
            for number in 0...32 { many = many.with("x-much-\(number)", String(repeating: "x", count: 1024)) }
            #expect(try await many.get("/absurd/queues").status == 431)
            let reply = try await plain.get("/absurd/queues")
            #expect(reply.headers["x-content-type-options"] == "nosniff")
            #expect(reply.headers["content-security-policy"]?.contains("default-src 'none'") == true)
            #expect(try site.database.session().query("SELECT FROM absurd.tasks").isEmpty)
        }
    }

    @Test func `write nothing at all when the server is read-only`() async throws {
        try await Site.open(isReadOnly: true) { (site) async throws in
            let body: JSONValue = ["queue_name": "q", "task_name": "echo"]
            #expect(try await site.browser.json("POST", "/absurd/tasks", body).status == 403)
            #expect(try await site.writer.json("POST", "/absurd/tasks", body).status == 403)
            #expect(try await site.browser.get("/absurd/queues").status == 200)
        }
    }

    @Test func `need no right that their role lacks, and say which one does`() async throws {
        try await Site.open { (site) async throws in
            var settings = site.database.settings(role: "absurd_leader")
            settings.applicationName = "reader"
            let configuration = DashboardConfiguration(
                listen: ListenAddress(port: 0), node: site.node, queues: ["q"], database: settings,
                runDirectory: site.state + "/run", logger: site.dashboard.service.configuration.logger)
            let other = try await Dashboard.start(configuration, leader: site.leader)
            let writer = Browser(port: other.port, headers: ["authorization": "Bearer \(site.token)"])
            for path in [
                "/tasks", "/queues/stats", "/workers", "/metrics", "/workflows", "/schedules", "/dlq", "/images",
            ] {
                #expect(try await writer.get("/absurd" + path).status == 200, "\(path)")
            }
            let refused = try await writer.json("POST", "/absurd/tasks", ["queue_name": "q", "task_name": "echo"])
            #expect(refused.status == 403 && refused.text.contains("absurd_client"), "\(refused.text)")
            await other.stop()
        }
    }
}
