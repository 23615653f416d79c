import Absurd
import AbsurdStore
import TestSupport
import Testing

/// What a statement costs does not depend on the tasks that it does not want.
@Suite struct `The plans` {
    /// Buffers that `sql` touches, nested statements included.
    private func buffers(_ rig: QueueRig, _ sql: String) throws -> Int {
        let plan = try rig.all("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) \(sql)")
        let line = try #require(plan.first { $0.contains("Buffers: shared") })
        return line.split(separator: " ").compactMap { word in
            word.hasPrefix("hit=") || word.hasPrefix("read=") ? Int(word.drop { $0 != "=" }.dropFirst()) : nil
        }.reduce(0, +)
    }

    private func fill(_ rig: QueueRig, pending: Int, done: Int, queue: String = "q") throws {
        try rig.run(
            """
            INSERT INTO absurd.tasks_ready (task_id, created_at, queue_name, task_name, params)
            SELECT absurd.new_id(), absurd.current_time(), $1, 'echo', '{}' FROM generate_series(1, $2)
            """, .text(queue), .int4(Int32(pending)))
        try rig.run(
            """
            INSERT INTO absurd.tasks_done (task_id, created_at, queue_name, task_name, params, status, outcome, completed_at)
            SELECT absurd.new_id(), absurd.current_time() - n * interval '1 s', $1, 'echo', '{}',
                CASE WHEN n % 1000 = 0 THEN 'failed' ELSE 'completed' END, 'completed', absurd.current_time()
            FROM generate_series(1, $2) n
            """, .text(queue), .int4(Int32(done)))
        try rig.session.script("ANALYZE absurd.tasks_ready; ANALYZE absurd.tasks_done")
    }

    @Test func `of a claim read a bounded number of buffers, whatever else lies there`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let claim = "SELECT * FROM absurd.claim_batch('n1', '\(session)', '{q}', '{echo}', 100)"
            try fill(rig, pending: 1_000, done: 0)
            _ = try buffers(rig, claim)
            let small = try buffers(rig, claim)
            try fill(rig, pending: 20_000, done: 50_000)
            try fill(rig, pending: 20_000, done: 0, queue: "other")
            let large = try buffers(rig, claim)
            #expect(large < small + small / 2, "\(small) buffers with little, \(large) with much")
            #expect(large < 100 * 30)
        }
    }

    @Test func `of a claim stay bounded while an old snapshot is held`() throws {
        try withRig { (rig) throws in
            let holder = try rig.other()
            try fill(rig, pending: 30_000, done: 0)
            try holder.session.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
            let session = try rig.register()
            let claim = "SELECT * FROM absurd.claim_batch('n1', '\(session)', '{q}', '{echo}', 100)"
            // Dead index entries in front, and a session that knows how far it has come.
            for _ in 0..<20 { _ = try rig.claim(session, limit: 1000) }
            try rig.run(
                """
                SELECT set_config('absurd.marks', jsonb_build_object('q', jsonb_build_object(
                    'whole_at', date_part('epoch', clock_timestamp()) + 3600,
                    'lanes', jsonb_build_object('0', (SELECT jsonb_build_array(min(created_at), min(seq) - 1)
                        FROM absurd.tasks_ready))))::text, false)
                """)
            try rig.run("INSERT INTO absurd.lanes VALUES ('q', 0)")
            let first = try buffers(rig, claim)
            let second = try buffers(rig, claim)
            #expect(first < 100 * 40 && second < 100 * 40, "\(first), then \(second) buffers")
            try rig.run("SELECT set_config('absurd.marks', '', false)")
            let unmarked = try buffers(rig, claim)
            #expect(unmarked > second + 150, "the dead entries would cost \(unmarked) buffers")
            try holder.session.script("ROLLBACK")
        }
    }

    @Test func `of a claim from bundles stay bounded, whatever lies there and while an old snapshot is held`() throws {
        try withRig { (rig) throws in
            let holder = try rig.other()
            let session = try rig.register()
            let claim = "SELECT * FROM absurd.claim_batch('n1', '\(session)', '{q}', '{echo}', 100)"
            try rig.spawnMany(1_000)
            _ = try buffers(rig, claim)
            let small = try buffers(rig, claim)
            try fill(rig, pending: 0, done: 20_000)
            try rig.spawnMany(30_000)
            try holder.session.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
            for _ in 0..<20 { _ = try rig.claim(session, limit: 1000) }
            let large = try buffers(rig, claim)
            #expect(large < small + 100, "\(small) buffers with little, \(large) with much")
            try holder.session.script("ROLLBACK")
        }
    }

    @Test func `of a small report look up a lease's tasks by key, of a large one by their order`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            try rig.spawnMany(1_000)
            let attempts = try rig.claim(session, limit: 1_000)
            try rig.session.script("BEGIN")
            let scans = "SELECT pg_stat_get_xact_numscans('absurd.tasks_bundled_pkey'::regclass)"
            let entries = "SELECT pg_stat_get_xact_tuples_returned('absurd.tasks_bundled_order'::regclass)"
            let (lookups, walked) = (try rig.count(scans), try rig.count(entries))
            _ = try rig.finish(session, Array(attempts[500..<510]))
            #expect(try rig.count(scans) - lookups == 10)
            #expect(try rig.count(entries) == walked)
            _ = try rig.finish(session, Array(attempts[..<500]))
            #expect(try rig.count(scans) - lookups == 10)
            #expect(try rig.count(entries) - walked <= 1_000)
            try rig.session.script("COMMIT")
        }
    }

    @Test func `of a marked claim still find what commits late or comes back below the mark`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            try rig.spawn("old", priority: 0)
            try rig.spawn("urgent", priority: 5)
            let far = #"{"q": {"whole_at": 1e12, "lanes": {"0": ["2027-06-01T13:00:00+00:00", 0]}}}"#
            try rig.run("SELECT set_config('absurd.marks', $1, false)", .text(far))
            #expect(try rig.claim(session).map(\.name) == ["urgent"])
            let due = #"{"q": {"whole_at": 0, "lanes": {"0": ["2027-06-01T13:00:00+00:00", 0]}}}"#
            try rig.run("SELECT set_config('absurd.marks', $1, false)", .text(due))
            #expect(try rig.claim(session).map(\.name) == ["old"])
            #expect(try rig.one("SELECT current_setting('absurd.marks')") == "{}")
        }
    }

    @Test func `of clients' statements use indexes`() throws {
        try withRig { (rig) throws in
            try fill(rig, pending: 20_000, done: 50_000)
            try rig.spawnMany(20_000)
            try rig.session.script("ANALYZE absurd.tasks_bundled; ANALYZE absurd.bundles")
            let statements = [
                "SELECT * FROM absurd.tasks WHERE task_id = '\(TaskID.random())'",
                "SELECT * FROM absurd.tasks WHERE queue_name = 'q' AND status = 'failed' ORDER BY created_at DESC LIMIT 50",
                "SELECT * FROM absurd.tasks WHERE queue_name = 'q' AND status = 'completed' ORDER BY created_at DESC LIMIT 50",
                "SELECT * FROM absurd.tasks WHERE queue_name = 'nobody''s' ORDER BY created_at DESC LIMIT 50",
                """
                SELECT task_id FROM absurd.tasks WHERE queue_name = 'q' AND status = 'pending'
                ORDER BY priority DESC, created_at LIMIT 1
                """,
            ]
            for statement in statements {
                let plan = try rig.all("EXPLAIN \(statement)").joined(separator: "\n")
                #expect(!plan.contains("Seq Scan on tasks_completed"), "\(plan)")
                #expect(!plan.contains("Seq Scan on tasks_ready"), "\(plan)")
                #expect(!plan.contains("Seq Scan on tasks_bundled"), "\(plan)")
                #expect(try buffers(rig, statement) < 400, "\(plan)")
            }
        }
    }

    @Test func `of a finish use the fence's index, also for large batches`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            try fill(rig, pending: 5_000, done: 20_000)
            for _ in 0..<5 { _ = try rig.claim(session, limit: 1000) }
            try rig.session.script("ANALYZE absurd.tasks_running")
            let finish = """
                SELECT count(*) FROM (SELECT array_agg(task_id) t, array_agg(attempt) a, array_agg(token) k
                    FROM (SELECT * FROM absurd.tasks_running LIMIT 500) r) g,
                    LATERAL absurd.finish_batch('n1', '\(session)', t, a, k, array_fill('completed'::text, ARRAY[500]),
                        array_fill('{}'::jsonb, ARRAY[500]), array_fill(NULL::text, ARRAY[500])) f WHERE f.accepted
                """
            #expect(try buffers(rig, finish) < 500 * 40)
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks_done WHERE token IS NOT NULL") == 500)
        }
    }

    @Test(arguments: ["completed", "failed"])
    func `of a finish look each fence up by its key, although statistics say that nothing runs`(outcome: String) throws
    {
        try withRig { (rig) throws in
            try rig.session.script("VACUUM ANALYZE absurd.tasks_running")
            let session = try rig.register()
            try fill(rig, pending: 500, done: 0)
            let attempts = try rig.claim(session, limit: 500)
            try rig.session.script("BEGIN")
            let scans = "SELECT pg_stat_get_xact_numscans('absurd.tasks_running_pkey'::regclass)"
            let before = try rig.count(scans)
            try rig.run(
                "SELECT absurd.finish_batch('n1', $1, $2, $3, $4, $5, $6, $7)", .uuid(session),
                .uuids(attempts.map(\.task)), .int4s(attempts.map(\.number)), .uuids(attempts.map(\.token)),
                .texts(attempts.map { _ in outcome }), .jsonbs(attempts.map { _ in nil }),
                .texts(attempts.map { _ in nil }))
            #expect(try rig.count(scans) - before >= 500)
            try rig.session.script("COMMIT")
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks_running") == 0)
        }
    }
}
