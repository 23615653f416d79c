import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `Observing` {
    /// One line of a function's first row.
    private func row(_ rig: QueueRig, _ columns: String, _ from: String) throws -> String? {
        try rig.one("SELECT concat_ws(' ', \(columns)) FROM \(from)")
    }

    @Test func `a window counts what was spawned and what ended in it, and nothing older`() throws {
        try withRig { (rig) throws in
            let session = try rig.register(lease: 1e6)
            try rig.spawn()
            try rig.runNext(session)
            try rig.advance("10 min")
            for outcome in ["completed", "completed", "completed", "failed_permanent", "cancelled"] {
                try rig.spawn()
                try rig.advance("2 s")
                let attempt = try rig.claim(session)[0]
                try rig.advance("8 s")
                try rig.finish(session, attempt, outcome)
            }
            try rig.spawn()
            let window = "absurd.observe_window('q', 60)"
            #expect(try row(rig, "spawned, completed, failed, cancelled, retried, timed_out", window) == "6 3 1 1 0 0")
            #expect(try row(rig, "completed_per_sec, success_ratio", window) == "0.05 0.75")
            #expect(
                try row(rig, "wait_p50, wait_p95, wait_p99, run_p50, run_p95, run_p99, wait_avg, run_avg", window)
                    == "2 2 2 8 8 8 2 8")
            #expect(try row(rig, "completed", "absurd.observe_window(NULL, 3600)") == "4")
            #expect(try row(rig, "completed", "absurd.observe_window('other', 3600)") == "0")
        }
    }

    @Test func `a window in which nothing ended has no ratio and no percentiles`() throws {
        try withRig { (rig) throws in
            #expect(
                try row(rig, "completed, success_ratio, wait_p50, run_p99", "absurd.observe_window(NULL, 60)") == "0")
            expectRefusal("AB003") { try rig.run("SELECT absurd.observe_window(NULL, 0)") }
        }
    }

    @Test func `a window counts attempts that timed out or were followed by another`() throws {
        try withRig { (rig) throws in
            let session = try rig.register(lease: 1e6)
            try rig.spawn(retries: 2)
            for outcome in ["failed", "timed_out", "timed_out"] {
                let attempt = try rig.claim(session)[0]
                try rig.advance("5 s")
                try rig.finish(session, attempt, outcome)
                try rig.advance("11 s")
                try rig.maintain()
            }
            #expect(try row(rig, "failed, retried, timed_out", "absurd.observe_window('q', 600)") == "1 2 2")
            #expect(try row(rig, "failed, retried, timed_out", "absurd.observe_window('r', 600)") == "0 0 0")
        }
    }

    @Test func `the queues show each state, the oldest pending and the last completion`() throws {
        try withRig { (rig) throws in
            let session = try rig.register(lease: 1e6)
            let parent = try rig.spawn(priority: 9)
            for outcome in ["completed", "failed_permanent", "failed"] {
                try rig.spawn(priority: 8)
                try rig.finish(session, try rig.claim(session, limit: 1)[0], outcome)
            }
            _ = parent
            try rig.run("SELECT absurd.cancel_task($1)", .uuid(try rig.spawn(priority: 7)))
            let running = try rig.spawn(priority: 6)
            _ = try rig.claim(session, limit: 1)
            try rig.spawn(after: [running])
            try rig.spawn(at: "2030-01-01")
            try rig.advance("90 s")
            try rig.spawn()
            try rig.run("INSERT INTO absurd.queues (queue_name, paused) VALUES ('idle', true)")
            let rows = try rig.all(
                """
                SELECT concat_ws(' ', queue_name, pending, claimed, scheduled, retrying, blocked, completed, failed, cancelled,
                    dead_letters, oldest_pending_sec, paused) FROM absurd.observe_queues() ORDER BY queue_name = 'q' DESC
                """)
            #expect(rows == ["q 2 1 1 1 1 1 1 1 1 90 f", "idle 0 0 0 0 0 0 0 0 0 t"])
        }
    }

    @Test func `the queues keep counting completed tasks when counting them one by one takes long`() throws {
        try withRig { (rig) throws in
            let session = try rig.register(lease: 1e6)
            try rig.spawn()
            try fillHistory(rig, rows: 120_000)
            #expect(try rig.count("SELECT pg_relation_size('absurd.tasks_completed')") > 16 << 20)
            let completed = "SELECT completed FROM absurd.observe_queues()"
            #expect(try rig.count(completed) == 120_000)
            try rig.advance("1 s")
            try rig.runNext(session)
            #expect(try rig.count(completed) == 120_001, "within the second that nothing is written down")
            try rig.advance("20 s")
            try rig.spawn()
            try rig.runNext(session)
            #expect(try rig.count(completed) == 120_002)
            #expect(try rig.count("SELECT completed FROM absurd.completed_counts") == 120_002)
            try rig.run(
                "DELETE FROM absurd.tasks_completed WHERE completed_at < absurd.current_time() - interval '1 day'")
            try rig.advance("2 min")
            let left = try rig.count("SELECT count(*) FROM absurd.tasks_completed")
            #expect(left < 120_002)
            #expect(try rig.count(completed) == left, "what was pruned shows with the next full count")
        }
    }

    @Test func `the nodes show their lease and what they run`() throws {
        try withRig { (rig) throws in
            let session = try rig.register("n1", lease: 30)
            _ = try rig.register("n2", lease: 5)
            for _ in 0..<3 { try rig.spawn() }
            _ = try rig.claim(session, limit: 2)
            try rig.advance("10 s")
            let rows = try rig.all(
                "SELECT concat_ws(' ', node, alive, lease_left_sec, running, info) FROM absurd.observe_nodes()")
            #expect(rows == ["n1 t 20 2 {}", "n2 f -5 0 {}"])
        }
    }

    @Test func `the history has a row for every step, also for those in which nothing ended`() throws {
        try withRig { (rig) throws in
            let session = try rig.register(lease: 1e6)
            for _ in 0..<3 {
                try rig.spawn()
                let attempt = try rig.claim(session)[0]
                try rig.advance("30 s")
                try rig.finish(session, attempt)
                try rig.advance("90 s")
            }
            let rows = try rig.all(
                """
                SELECT concat_ws(' ', to_char(bucket_at AT TIME ZONE 'UTC', 'HH24:MI'), completed, run_p50)
                FROM absurd.observe_history('q', 360, 60)
                """)
            #expect(rows == ["12:00 1 30", "12:01 0", "12:02 1 30", "12:03 0", "12:04 1 30", "12:05 0"])
            expectRefusal("AB003") { try rig.run("SELECT absurd.observe_history(NULL, 1e6, 1)") }
        }
    }

    @Test func `the stages count what waits, runs and ended per task name`() throws {
        try withRig { (rig) throws in
            let session = try rig.register(lease: 1e6)
            try rig.spawn("imaging")
            try rig.runNext(session)
            try rig.advance("2 h")
            let first = try rig.spawn("imaging")
            try rig.spawn("photometry", after: [first])
            _ = try rig.claim(session)
            let rows = try rig.all(
                "SELECT concat_ws(' ', task_name, pending, running, completed, failed) FROM absurd.observe_stages('q', 3600)"
            )
            #expect(rows == ["imaging 0 1 0 0", "photometry 1 0 0 0"])
        }
    }

    @Test func `a node's canary is one at a time and counts nowhere but in its own queue`() throws {
        try withRig { (rig) throws in
            let session = try rig.register("n1", lease: 1e6)
            let send = "SELECT absurd.canary_send('n1', $1)"
            try rig.run(send, .uuid(session))
            let attempt = try rig.claim(session, queues: ["absurd-canary/n1"])[0]
            try rig.finish(session, attempt, "failed")
            try rig.run(send, .uuid(session))
            try rig.run(send, .uuid(session))
            #expect(
                try rig.all("SELECT concat_ws(' ', queue_name, status, task_name) FROM absurd.tasks")
                    == ["absurd-canary/n1 pending echo"])
            #expect(try rig.count("SELECT count(*) FROM absurd.dead_letters") == 0)
            #expect(try rig.count("SELECT count(*) FROM absurd.observe_queues()") == 0)
            #expect(try row(rig, "spawned, failed", "absurd.observe_window(NULL, 60)") == "0 0")
            #expect(try row(rig, "spawned", "absurd.observe_window('absurd-canary/n1', 60)") == "1")
            expectRefusal("AB001") { try rig.run("SELECT absurd.canary_send('n1', gen_random_uuid())") }
        }
    }

    @Test func `a window does not read the history, and a queue's list does not either`() throws {
        try withRig { (rig) throws in
            try rig.spawn()
            try fillHistory(rig, rows: 200_000)
            // The rows of the history are completed a second apart, one after the other.
            let window = "SELECT * FROM absurd.observe_window(NULL, 900)"
            #expect(try rig.one("SELECT completed::text FROM (\(window)) w") == "899")
            let buffers = try buffers(rig, window)
            let whole = try rig.count("SELECT relpages FROM pg_class WHERE relname = 'tasks_completed'")
            #expect(buffers * 5 < whole, "\(buffers) buffers of a table of \(whole) pages")
            _ = try rig.run("SELECT * FROM absurd.observe_queues()")
            let queues = try self.buffers(rig, "SELECT * FROM absurd.observe_queues()")
            #expect(queues * 5 < whole, "\(queues) buffers of a table of \(whole) pages")
        }
    }

    private func buffers(_ rig: QueueRig, _ sql: String) throws -> Int {
        let plan = try rig.all("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) \(sql)")
        let line = try #require(plan.first { $0.contains("Buffers: shared") })
        return line.split(separator: " ").compactMap { word in
            word.hasPrefix("hit=") || word.hasPrefix("read=") ? Int(word.drop { $0 != "=" }.dropFirst()) : nil
        }.reduce(0, +)
    }

    private func fillHistory(_ rig: QueueRig, rows: Int) throws {
        try rig.run(
            """
            INSERT INTO absurd.tasks_done (task_id, created_at, queue_name, task_name, params, status, outcome, claimed_at,
                completed_at)
            SELECT absurd.new_id(), c - interval '3 s', 'q', 'echo', '{"some": "params"}', 'completed', 'completed',
                c - interval '2 s', c
            FROM (SELECT absurd.current_time() - n * interval '1 s' AS c FROM generate_series($1, 0, -1) n) t
            WHERE c < absurd.current_time()
            """, .int4(Int32(rows)))
        try rig.session.script("VACUUM ANALYZE absurd.tasks_completed")
    }
}
