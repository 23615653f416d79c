import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `The archive` {
    private func history(_ rig: QueueRig, tasks: Int) throws {
        let session = try rig.register(lease: 1e6)
        for _ in 0..<tasks { try rig.spawn(params: #"{"n": 1}"#) }
        for attempt in try rig.claim(session, limit: 1000) { try rig.finish(session, attempt, result: #"{"r": 2}"#) }
    }

    @Test func `takes what ended long enough ago, in batches, with all that is known of it`() throws {
        try withRig { (rig) throws in
            try history(rig, tasks: 7)
            let session = try rig.register(lease: 1e6)
            let long = "{\"x\": \"\(String(repeating: "long ", count: 1000))\"}"
            let retried = try rig.spawn(params: long)
            try rig.runNext(session, "failed")
            try rig.run("SELECT absurd.retry_task($1)", .uuid(retried))
            try rig.runNext(session)
            try rig.advance("30 days")
            try history(rig, tasks: 2)
            let pending = try rig.spawn()
            let before = try rig.one("SELECT (absurd.current_time() - interval '29 days')::text") ?? ""
            var moved: [String?] = []
            for _ in 0..<4 {
                moved.append(try rig.one("SELECT absurd.archive_batch($1::text::timestamptz, 3)::text", .text(before)))
            }
            #expect(moved == ["3", "3", "2", "0"])
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks") == 3)
            #expect(try rig.status(pending) == "pending")
            #expect(
                try rig.all(
                    "SELECT DISTINCT params::text || result FROM absurd.tasks_archive WHERE task_id <> $1",
                    .uuid(retried))
                    == [#"{"n": 1}{"r": 2}"#])
            #expect(
                try rig.one(
                    "SELECT attempt || ' ' || (attempts -> 0 ->> 'outcome') FROM absurd.tasks_archive WHERE params::text = $1",
                    .text(long)) == "2 failed")
            #expect(
                try rig.count(
                    "SELECT (SELECT count(*) FROM absurd.task_details) + (SELECT count(*) FROM absurd.attempt_log)")
                    == 0)
        }
    }

    @Test func `loses nothing when its connection is killed again and again`() async throws {
        try await withDatabase { database in
            let rig = try QueueRig(database)
            try rig.run(
                """
                INSERT INTO absurd.tasks_done (task_id, created_at, queue_name, task_name, params, status, outcome, completed_at)
                SELECT absurd.new_id(), '2020-01-01', 'q', 'echo', '{}', 'completed', 'completed', '2020-01-01'
                FROM generate_series(1, 20000)
                """)
            while try rig.count("SELECT count(*) FROM absurd.tasks_done") > 0 {
                let victim = try QueueRig(database)
                let pid = victim.session.serverProcessID
                let work = Task.detached {
                    while try victim.count("SELECT absurd.archive_batch('2021-01-01', 2000)") > 0 {}
                }
                try rig.run("SELECT pg_terminate_backend($1, 1000)", .int4(pid))
                _ = await work.result
                try rig.run("SELECT absurd.archive_batch('2021-01-01', 500)")
                #expect(
                    try rig.count(
                        """
                        SELECT count(DISTINCT task_id) FROM (
                            SELECT task_id FROM absurd.tasks_done UNION ALL SELECT task_id FROM absurd.tasks_archive) t
                        """) == 20000)
            }
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks_archive") == 20000)
        }
    }

    @Test func `is filled daily at 02:00, by one leader`() throws {
        try withRig { (rig) throws in
            try history(rig, tasks: 3)
            try rig.run("SET TimeZone = 'UTC'")
            try rig.maintain()
            try rig.advance("31 days")
            try rig.setClock("2027-07-03 01:59:00+00")
            try rig.run("UPDATE absurd.duties SET next_at = '2027-07-03 02:00:00+00' WHERE duty = 'archive'")
            try rig.maintain()
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks_archive") == 0)
            try rig.setClock("2027-07-03 02:00:00+00")
            try rig.maintain()
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks_archive") == 3)
            #expect(
                try rig.one("SELECT (next_at AT TIME ZONE 'UTC')::text FROM absurd.duties WHERE duty = 'archive'")
                    == "2027-07-04 02:00:00")
        }
    }

    @Test func `still answers for parents, so that a late child can be spawned`() throws {
        try withRig { (rig) throws in
            let session = try rig.register(lease: 1e9)
            let parent = try rig.spawn()
            try rig.runNext(session, result: #"{"outputs": {"ms_path": "/ms"}}"#)
            try rig.advance("60 days")
            try rig.run("SELECT absurd.archive_batch(absurd.current_time(), 100)")
            try rig.spawn("child", after: [parent])
            #expect(try rig.claim(session)[0].params == #"{"outputs": {"ms_path": "/ms"}}"#)
        }
    }

    @Test func `is not needed to prune`() throws {
        try withRig { (rig) throws in
            try history(rig, tasks: 5)
            try rig.advance("1 day")
            #expect(try rig.one("SELECT absurd.prune(absurd.current_time(), p_limit => 3)::text") == "3")
            #expect(try rig.one("SELECT absurd.prune(absurd.current_time())::text") == "2")
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks_archive") == 0)
        }
    }
}

@Suite struct `The statistics` {
    @Test func `count windows of 1, 5 and 15 minutes`() throws {
        try withRig { (rig) throws in
            let session = try rig.register(lease: 1e6)
            for outcome in ["completed", "completed", "failed_permanent"] {
                try rig.spawn()
                try rig.advance("4 s")
                let attempt = try rig.claim(session)[0]
                try rig.advance("10 s")
                try rig.finish(session, attempt, outcome)
            }
            try rig.advance("2 min")
            try rig.spawn()
            try rig.runNext(session)
            let rows = try rig.all(
                """
                SELECT window_min || ' ' || completed || ' ' || failed || ' ' || round(per_min::numeric, 2) || ' '
                    || round(success_rate::numeric, 2) || ' ' || round(execution_p99_sec::numeric) FROM absurd.queue_windows('q')
                """)
            #expect(rows == ["1 1 0 1.00 1.00 0", "5 3 1 0.60 0.75 10", "15 3 1 0.20 0.75 10"])
        }
    }

    @Test func `show the oldest pending task, not the newest`() throws {
        try withRig { (rig) throws in
            try rig.spawn()
            try rig.advance("90 s")
            try rig.spawn(priority: 5)
            #expect(
                try rig.one("SELECT pending || ' ' || oldest_pending_sec FROM absurd.queue_depths('q')") == "2 90")
        }
    }

    @Test func `of a queue add up as clients expect`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let first = try rig.spawn(priority: 9)
            try rig.runNext(session)
            try rig.spawn(priority: 8)
            try rig.runNext(session, "failed")
            try rig.spawn(priority: 7)
            _ = try rig.claim(session)
            try rig.spawn(after: [first])
            try rig.spawn(at: "2030-01-01")
            #expect(
                try rig.one(
                    """
                    SELECT pending || ' ' || claimed || ' ' || completed || ' ' || failed || ' ' || cancelled || ' '
                        || retrying || ' ' || total FROM absurd.get_queue_stats('q')
                    """) == "2 1 1 0 0 1 5")
        }
    }

    @Test func `show bloat and vacuum lag per table`() throws {
        try withRig { (rig) throws in
            let tables = try rig.all("SELECT table_name FROM absurd.storage_health()")
            #expect(Set(tables).isSuperset(of: ["tasks_ready", "tasks_waiting", "tasks_running", "tasks_completed"]))
        }
    }
}

@Suite struct `The schema` {
    @Test func `has a comment on every table, view, column and function`() throws {
        try withRig { (rig) throws in
            let silent = try rig.all(
                """
                SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                WHERE c.relnamespace = 'absurd'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
                    AND col_description(c.oid, a.attnum) IS NULL
                UNION ALL
                SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'absurd'::regnamespace
                    AND c.relkind IN ('r', 'p', 'v') AND obj_description(c.oid, 'pg_class') IS NULL
                UNION ALL
                SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'absurd'::regnamespace
                    AND obj_description(p.oid, 'pg_proc') IS NULL
                """)
            #expect(silent.isEmpty, "\(silent)")
        }
    }

    @Test func `pins the search path of every function that acts with its owner's rights`() throws {
        try withRig { (rig) throws in
            let loose = try rig.all(
                """
                SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'absurd'::regnamespace AND p.prosecdef
                    AND NOT coalesce(array_to_string(p.proconfig, ',') LIKE '%search_path=pg_catalog, pg_temp%', false)
                """)
            #expect(loose.isEmpty, "\(loose)")
        }
    }

    @Test func `sets autovacuum for the tables that turn over`() throws {
        try withRig { (rig) throws in
            let set = try rig.all(
                """
                SELECT relname::text FROM pg_class WHERE relnamespace = 'absurd'::regnamespace
                    AND array_to_string(reloptions, ',') LIKE '%autovacuum_vacuum_scale_factor%' ORDER BY 1
                """)
            #expect(
                set == [
                    "bundles", "leases", "nodes", "tasks_bundled", "tasks_cancelled", "tasks_completed", "tasks_failed",
                    "tasks_ready", "tasks_running", "tasks_waiting",
                ])
        }
    }
}
