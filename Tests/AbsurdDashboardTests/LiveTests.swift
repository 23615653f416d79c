import Absurd
import AbsurdClient
import AbsurdStore
import Foundation
import Glibc
import TestSupport
import Testing

@testable import AbsurdDashboard

@Suite(.serialized) struct `A running dashboard` {
    @Test func `tells the followers of its events of a task that was spawned, and of its end`() async throws {
        try await Site.open { (site) async throws in
            let text = try await site.browser.follow("/events") {
                _ = try await site.spawn()
            } until: { text in
                text.contains("event: queue_stats_update") && text.contains("\"status\":\"completed\"")
            }
            #expect(text.contains("text/event-stream"))
            #expect(text.contains("event: task_update") && text.contains("\"queue_name\":\"q\""))
        }
    }

    @Test func `has metrics that promtool finds nothing wrong with, and that count what was done`() async throws {
        try await Site.open(canary: true) { (site) async throws in
            for _ in 0..<3 { _ = try await site.client.wait(try await site.spawn()) }
            _ = try await site.client.wait(try await site.spawn("fail", retries: 0))
            var page = ""
            for _ in 0..<500 where !page.contains("absurd_canary_trip_seconds ") {
                page = try await site.browser.get("/metrics").text
            }
            let file = site.state + "/metrics.txt"
            try page.write(toFile: file, atomically: true, encoding: .utf8)
            let verdict = Shell.run("sh", "-c", "promtool check metrics < \(file)")
            #expect(verdict.status == 0, "\(verdict.text)")
            func value(_ sample: String) -> Double? {
                page.split(separator: "\n").first { $0.hasPrefix(sample + " ") }.flatMap {
                    Double($0.dropFirst(sample.count + 1))
                }
            }
            #expect(value("absurd_tasks{queue=\"q\",status=\"completed\"}") == 3)
            #expect(value("absurd_dead_letters{queue=\"q\"}") == 1)
            #expect((value("absurd_execution_seconds_count{task=\"echo\"}") ?? 0) >= 3)
            #expect(value("absurd_attempts_total{outcome=\"failed\"}") == 1)
            #expect((value("absurd_task_wait_seconds_count") ?? 0) >= 4)
            #expect((value("absurd_dispatch_seconds_count") ?? 0) >= 4)
            #expect(value("absurd_database_up") == 1)
            #expect(value("absurd_workers{state=\"down\"}") == 0)
            #expect((value("absurd_canary_age_seconds") ?? .infinity) < 60)
            #expect(value("absurd_tasks{queue=\"absurd-canary/\(site.node)\",status=\"completed\"}") == nil)
            let open = try await site.browser.with("accept", "application/openmetrics-text").get("/metrics")
            #expect(open.headers["content-type"]?.hasPrefix("application/openmetrics-text") == true)
            #expect(open.text.hasSuffix("# EOF\n"))
        }
    }

    @Test func `answers with its last figures, marked, and 503 for the rest when the database is gone`() async throws {
        try await Site.open { (site) async throws in
            let admin = try site.database.cluster.settings(database: "postgres")
            let session = try PostgresSession(admin)
            #expect(try await site.browser.get("/absurd/health").json["status"]?.text == "healthy")
            try session.script("ALTER DATABASE \(site.database.name) ALLOW_CONNECTIONS false")
            try session.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [.text(site.database.name)]
            )
            let fresh = try await site.browser.get("/absurd/workflows")
            #expect(fresh.status == 503 && fresh.json["detail"]?.text?.contains("no database") == true, "\(fresh.text)")
            // The figures of the last second are still as good as new; then they are marked.
            var health = try await site.browser.get("/absurd/health")
            for _ in 0..<400 where health.status == 200 {
                try await Task.sleep(for: .milliseconds(10))
                health = try await site.browser.get("/absurd/health")
            }
            #expect(health.status == 503 && health.json["status"]?.text == "down")
            let stats = try await site.browser.get("/absurd/queues/stats")
            #expect(stats.status == 200 && stats.headers["x-absurd-stale-seconds"] != nil)
            let queue = try await site.browser.get("/absurd/queues/q/stats").json
            #expect(queue["stale"]?.flag == true && queue["pending"]?.int == 0)
            let page = try await site.browser.get("/metrics").text
            #expect(!page.contains("absurd_tasks{"))
            try session.script("ALTER DATABASE \(site.database.name) ALLOW_CONNECTIONS true")
            for _ in 0..<1000 where health.status != 200 {
                try await Task.sleep(for: .milliseconds(10))
                health = try await site.browser.get("/absurd/health")
            }
            #expect(health.status == 200)
        }
    }

    @Test func `asks the database once however many ask it at the same time`() async throws {
        try await Site.open { (site) async throws in
            _ = try await site.browser.get("/absurd/queues")
            let before = site.dashboard.service.questions
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<40 { group.addTask { try await site.browser.get("/absurd/workflows").status } }
                for try await status in group { #expect(status == 200) }
            }
            #expect(site.dashboard.service.questions - before <= 3)
        }
    }

    @Test func `shows pictures that a task's result names, and no other file`() async throws {
        try await Site.open { (site) async throws in
            let picture = site.state + "/a preview.png"
            let bytes: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 1, 2, 3]
            try Data(bytes).write(to: URL(fileURLWithPath: picture))
            try Data("secret".utf8).write(to: URL(fileURLWithPath: site.state + "/fake.png"))
            try FileManager.default.createSymbolicLink(atPath: site.state + "/link.png", withDestinationPath: picture)
            let session = try site.database.session()
            let task = TaskID.random()
            let outputs: JSONValue = [
                "preview_path": .string(picture), "fake": .string(site.state + "/fake.png"),
                "link": .string(site.state + "/link.png"), "gone": .string(site.state + "/gone.png"),
            ]
            try session.query(
                """
                INSERT INTO absurd.tasks_done (task_id, created_at, queue_name, task_name, status, outcome, completed_at, result)
                VALUES ($1, now(), 'q', 'imaging', 'completed', 'completed', now(), $2)
                """, [.uuid(task), .jsonb(JSONValue.object(["outputs": outputs]).jsonBytes)])
            let base = "/absurd/tasks/\(task)/image"
            let reply = try await site.browser.get(base)
            #expect(reply.status == 200 && reply.body == bytes && reply.headers["content-type"] == "image/png")
            #expect(try await site.browser.get(base + "?name=a%20preview.png").body == bytes)
            for name in [
                "fake", "link", "gone", "image.png", "../a%20preview.png", "/etc/passwd", "..%2F..%2Fetc%2Fpasswd",
            ] {
                #expect(try await site.browser.get(base + "?name=\(name)").status == 404, "\(name)")
            }
            #expect(try await site.browser.get("/absurd/tasks/\(TaskID.random())/image").status == 404)
        }
    }

    @Test func `signs a browser in and out by a cookie, and does what its forms say`() async throws {
        try await Site.open { (site) async throws in
            #expect(try await site.browser.send("POST", "/sign-in", "token=wrong").status == 401)
            let signed = try await site.browser.send("POST", "/sign-in", "token=\(site.token)&back=%2Fqueues")
            #expect(signed.status == 303 && signed.headers["location"] == "/queues?done=signed-in")
            let cookie = try #require(signed.headers["set-cookie"])
            #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"))
            let own = site.browser.with("cookie", String(cookie.prefix { $0 != ";" }))
            #expect(try await own.get("/session").json["may_write"]?.flag == true)
            let form = own.with("origin", "http://127.0.0.1:\(site.dashboard.port)")
            #expect(try await own.send("POST", "/actions/queues/q/pause", "").status == 403)
            #expect(
                try await form.send("POST", "/actions/queues/q/pause", "back=%2F").headers["location"]
                    == "/?done=paused")
            #expect(try await own.get("/absurd/queues/q/stats").json["paused"]?.flag == true)
            for path in ["/", "/queues", "/tasks", "/workflows", "/workers", "/images", "/schedules", "/dead-letters"] {
                let page = try await own.get(path)
                #expect(page.status == 200 && page.headers["content-type"]?.hasPrefix("text/html") == true, "\(path)")
                #expect(!page.text.contains(site.token))
            }
            #expect(try await own.get("/dashboard.css").headers["content-type"]?.hasPrefix("text/css") == true)
        }
    }

    @Test func `makes a token that its owner alone can read, and refuses one that others can`() throws {
        let directory = try TestCluster.temporaryDirectory("token")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let file = directory + "/http-token"
        let token = try AccessToken.read(file, makeIfMissing: true)
        #expect(token.count == 64)
        #expect(try AccessToken.read(file, makeIfMissing: true) == token)
        var facts = stat()
        stat(file, &facts)
        #expect(facts.st_mode & 0o777 == 0o600)
        chmod(file, 0o644)
        #expect(throws: Refusal.self) { try AccessToken.read(file, makeIfMissing: true) }
        #expect(throws: Refusal.self) { try AccessToken.read(directory + "/none", makeIfMissing: false) }
    }
}
