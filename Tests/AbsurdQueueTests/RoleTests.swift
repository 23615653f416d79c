import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `A role` {
    static let roles = ["absurd_reader", "absurd_client", "absurd_leader", "absurd_admin"]

    /// Statement -> the roles that may run it. Everybody else must see 42501.
    static let matrix: [(statement: String, allowed: Set<String>)] = [
        ("SELECT * FROM absurd.tasks", Set(roles)),
        ("SELECT * FROM absurd.get_queue_stats('q')", Set(roles)),
        ("SELECT * FROM absurd.queue_windows()", Set(roles)),
        ("SELECT * FROM absurd.observe_queues()", Set(roles)),
        ("SELECT * FROM absurd.observe_queue_names()", Set(roles)),
        ("SELECT * FROM absurd.observe_window(NULL, 60)", Set(roles)),
        ("SELECT * FROM absurd.observe_history(NULL, 3600, 60)", Set(roles)),
        ("SELECT * FROM absurd.observe_stages(NULL, 3600)", Set(roles)),
        ("SELECT * FROM absurd.observe_nodes()", Set(roles)),
        ("SELECT * FROM absurd.completed_counts", []),
        ("SELECT * FROM absurd.workflow_tasks(gen_random_uuid())", Set(roles)),
        ("SELECT absurd.spawn_task('q', 'echo', '{}', 0, NULL)", ["absurd_client", "absurd_admin"]),
        ("SELECT absurd.spawn('q', 'echo')", ["absurd_client", "absurd_admin"]),
        (
            "SELECT absurd.spawn_many('{q}', '{a}', ARRAY['{}']::jsonb[], NULL, NULL, NULL)",
            ["absurd_client", "absurd_admin"]
        ),
        ("SELECT absurd.spawn_batch('[]')", ["absurd_client", "absurd_admin"]),
        ("SELECT absurd.workflow_run('target')", ["absurd_client", "absurd_admin"]),
        ("SELECT absurd.cancel_task(gen_random_uuid())", ["absurd_client", "absurd_admin"]),
        ("SELECT absurd.retry_task(gen_random_uuid())", ["absurd_client", "absurd_admin"]),
        ("SELECT * FROM absurd.claim_task('q', 'w')", ["absurd_client", "absurd_admin"]),
        ("SELECT absurd.complete_task(gen_random_uuid(), '{}')", ["absurd_client", "absurd_admin"]),
        ("SELECT absurd.fail_task(gen_random_uuid(), 'e')", ["absurd_client", "absurd_admin"]),
        ("SELECT absurd.heartbeat_task(gen_random_uuid())", ["absurd_client", "absurd_admin"]),
        ("UPDATE absurd.tasks SET status = 'cancelled' WHERE status = 'pending'", ["absurd_client", "absurd_admin"]),
        ("DELETE FROM absurd.tasks WHERE completed_at < now()", ["absurd_client", "absurd_admin"]),
        ("INSERT INTO absurd.tasks (queue_name, task_name) VALUES ('q', 'echo')", ["absurd_client", "absurd_admin"]),
        ("SELECT absurd.dlq_replay()", ["absurd_client", "absurd_admin"]),
        ("SELECT absurd.node_register('n', '{q}', '{}', 30)", ["absurd_leader", "absurd_admin"]),
        (
            "SELECT * FROM absurd.finish_batch('n', gen_random_uuid(), '{}', '{}', '{}', '{}', '{}', '{}')",
            ["absurd_leader", "absurd_admin"]
        ),
        ("SELECT * FROM absurd.maintain('n')", ["absurd_leader", "absurd_admin"]),
        ("SELECT absurd.archive_batch('2020-01-01')", ["absurd_leader", "absurd_admin"]),
        ("UPDATE absurd.settings SET timeout_sec = 10", ["absurd_admin"]),
        ("INSERT INTO absurd.queues (queue_name) VALUES (gen_random_uuid()::text)", ["absurd_admin"]),
        (
            """
            INSERT INTO absurd.scheduled_tasks (name, queue_name, task_name, cron_expression)
            VALUES (gen_random_uuid(), 'q', 'x', '@daily')
            """, ["absurd_admin"]
        ),
        ("SELECT * FROM absurd.tasks_ready", []), ("INSERT INTO absurd.tasks_done SELECT * FROM absurd.tasks_done", []),
        ("DELETE FROM absurd.tasks_running", []), ("UPDATE absurd.nodes SET session = NULL", []),
        ("SELECT absurd.rescue('{}', 'crashed', '', now())", []), ("SELECT absurd.cancel_now('{}', '', now())", []),
        ("SELECT absurd.finish_fenced(NULL, '{}', '{}', '{}', '{}', '{}', '{}', now())", []),
        ("SELECT absurd.grant_to('absurd_reader', '{spawn}')", []),
        ("DROP TABLE absurd.tasks_done", []), ("CREATE TABLE absurd.mine (n int)", []),
    ]

    @Test(arguments: roles)
    func `may do its own work and nothing else`(role: String) throws {
        try withDatabase { database in
            let rig = try QueueRig(database)
            try rig.run("SET ROLE \(role)")
            for (statement, allowed) in Self.matrix {
                var state = "allowed"
                do {
                    try rig.session.script("BEGIN; \(statement); ROLLBACK")
                } catch let error as PostgresError {
                    state = error.sqlState
                    try rig.session.script("ROLLBACK")
                }
                let expected = allowed.contains(role) ? "allowed" : "42501"
                #expect(state == expected, "\(role): \(statement)")
            }
        }
    }

    @Test func `that has none of these rights may do nothing at all`() throws {
        try withDatabase { database in
            let rig = try QueueRig(database)
            try rig.run("CREATE ROLE \"stranger \(database.name)\"")
            try rig.run("SET ROLE \"stranger \(database.name)\"")
            for (statement, _) in Self.matrix { expectRefusal("42501") { try rig.run(statement) } }
            try rig.run("RESET ROLE")
            try rig.run("DROP ROLE \"stranger \(database.name)\"")
        }
    }

    @Test func `is granted to PUBLIC nowhere`() throws {
        try withRig { (rig) throws in
            let open = try rig.all(
                """
                SELECT p.proname::text FROM pg_proc p WHERE p.pronamespace = 'absurd'::regnamespace
                    AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0))
                UNION ALL
                SELECT c.relname::text FROM pg_class c, aclexplode(c.relacl) a
                WHERE c.relnamespace = 'absurd'::regnamespace AND a.grantee = 0
                """)
            #expect(open.isEmpty, "\(open)")
        }
    }
}
