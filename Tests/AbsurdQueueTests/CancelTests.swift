import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `Cancelling` {
    static let clientsUpdate = """
        UPDATE absurd.tasks SET status = 'cancelled', completed_at = now(), error = 'by hand'
        WHERE task_id = $1 AND status IN ('pending', 'claimed')
        """

    @Test func `a pending task by the UPDATE of existing clients ends it`() throws {
        try withRig { (rig) throws in
            let task = try rig.spawn()
            #expect(try rig.run(Self.clientsUpdate, .uuid(task)).affectedCount == 1)
            #expect(try rig.field("status || ' ' || error", of: task) == "cancelled by hand")
            #expect(try rig.run(Self.clientsUpdate, .uuid(task)).affectedCount == 0)
            let session = try rig.register()
            #expect(try rig.claim(session).isEmpty)
        }
    }

    @Test func `a running task by that UPDATE tells its node until the node has answered, and drops its result`() throws
    {
        try withRig { (rig) throws in
            let task = try rig.spawn()
            let session = try rig.register()
            let attempt = try rig.claim(session)[0]
            let listener = try rig.other()
            try listener.run("LISTEN absurd_doorbell")
            #expect(try rig.run(Self.clientsUpdate, .uuid(task)).affectedCount == 1)
            #expect(try listener.session.notifications(waitingSeconds: 30).count == 1)
            #expect(try rig.status(task) == "cancelled")
            #expect(try rig.renew(session) == ["\(task) cancelled"])
            #expect(try rig.renew(session) == ["\(task) cancelled"])
            #expect(
                try rig.all("SELECT reason FROM absurd.node_stops_now('n1', $1)", .uuid(session)) == ["cancelled"])
            #expect(try rig.finish(session, attempt) == Verdict(accepted: false, status: "cancelled"))
            #expect(try rig.renew(session).isEmpty)
            #expect(try rig.history(task) == ["1 cancelled"])
            #expect(try rig.field("result", of: task) == nil)
        }
    }

    @Test(arguments: ["scheduled", "retrying", "blocked"])
    func `reaches a waiting task`(status: String) throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            var task = try rig.spawn()
            if status == "retrying" { try rig.runNext(session, "failed") }
            if status == "scheduled" { task = try rig.spawn(at: "2030-01-01") }
            if status == "blocked" { task = try rig.spawn(after: [task]) }
            #expect(try rig.status(task) == status)
            #expect(try rig.one("SELECT absurd.cancel_task($1)::text", .uuid(task)) == "true")
            #expect(try rig.status(task) == "cancelled")
            #expect(try rig.one("SELECT absurd.cancel_task($1)::text", .uuid(task)) == "false")
        }
    }

    @Test func `while the task is being claimed reaches it all the same`() async throws {
        try await withDatabase { database in
            let rig = try QueueRig(database)
            for _ in 0..<60 {
                let task = try rig.spawn()
                async let cancelled = Task.detached { () throws -> Int in
                    try QueueRig(database).run(Self.clientsUpdate, .uuid(task)).affectedCount
                }.value
                let session = try rig.register()
                _ = try rig.claim(session)
                #expect(try await cancelled == 1)
                #expect(try rig.status(task) == "cancelled")
            }
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks_running") == 0)
        }
    }

    @Test func `by filter takes what matches, in bounded calls`() throws {
        try withRig { (rig) throws in
            for _ in 0..<30 { try rig.spawn("bad") }
            try rig.spawn("good")
            #expect(try rig.one("SELECT absurd.cancel_where('q', p_name => 'bad', p_limit => 20)::text") == "20")
            #expect(try rig.one("SELECT absurd.cancel_where('q', p_name => 'bad')::text") == "10")
            #expect(try rig.all("SELECT task_name FROM absurd.tasks WHERE status = 'pending'") == ["good"])
        }
    }

    @Test func `the rest by filter can be retried by filter`() throws {
        try withRig { (rig) throws in
            for _ in 0..<5 { try rig.spawn() }
            try rig.run("SELECT absurd.cancel_where('q')")
            #expect(try rig.one("SELECT absurd.retry_where('q')::text") == "0")
            #expect(try rig.one("SELECT absurd.retry_where('q', '{cancelled}')::text") == "5")
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks WHERE status = 'pending'") == 5)
        }
    }
}

@Suite struct `Retrying by hand` {
    @Test func `brings a failed task back, and ends a back-off`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let failed = try rig.spawn(retries: 0)
            try rig.runNext(session, "failed")
            #expect(try rig.one("SELECT absurd.retry_task($1)::text", .uuid(failed)) == "true")
            #expect(try rig.one("SELECT absurd.retry_task($1)::text", .uuid(failed)) == "false")
            try rig.runNext(session)
            #expect(try rig.one("SELECT absurd.retry_task($1)::text", .uuid(failed)) == "false")
            let backing = try rig.spawn()
            try rig.runNext(session, "failed")
            #expect(try rig.status(backing) == "retrying")
            #expect(try rig.one("SELECT absurd.retry_task($1)::text", .uuid(backing)) == "true")
            #expect(try rig.status(backing) == "pending")
        }
    }
}

@Suite struct `Other statements on absurd.tasks` {
    @Test func `insert as spawn does`() throws {
        try withRig { (rig) throws in
            let task: TaskID = try rig.run(
                "INSERT INTO absurd.tasks (queue_name, task_name, params) VALUES ('q', 'echo', '{\"a\": 1}') RETURNING task_id"
            ).get(0, 0)
            let session = try rig.register()
            #expect(try rig.claim(session).map(\.task) == [task])
            expectRefusal("23505") {
                try rig.run(
                    "INSERT INTO absurd.tasks (task_id, queue_name, task_name) VALUES ($1, 'q', 'echo')", .uuid(task))
            }
            expectRefusal("AB006") {
                try rig.run(
                    "INSERT INTO absurd.tasks (queue_name, task_name, status) VALUES ('q', 'echo', 'completed')")
            }
        }
    }

    @Test func `change the priority of what waits, and refuse what makes no sense`() throws {
        try withRig { (rig) throws in
            try rig.spawn("first")
            let task = try rig.spawn("second")
            try rig.run("UPDATE absurd.tasks SET priority = 9 WHERE task_id = $1", .uuid(task))
            let session = try rig.register()
            #expect(try rig.claim(session, limit: 1).map(\.task) == [task])
            expectRefusal("AB006") {
                try rig.run("UPDATE absurd.tasks SET status = 'claimed' WHERE status = 'pending'")
            }
            expectRefusal("AB006") { try rig.run("UPDATE absurd.tasks SET task_name = 'x' WHERE status = 'pending'") }
            expectRefusal("AB006") { try rig.run("UPDATE absurd.tasks SET priority = 1 WHERE status = 'claimed'") }
        }
    }

    @Test func `delete finished tasks with their history, as clients prune`() throws {
        try withRig { (rig) throws in
            let session = try rig.register(lease: 1e6)
            let retried = try rig.spawn(params: "{\"x\": \"\(String(repeating: "long ", count: 1000))\"}", key: "k")
            try rig.runNext(session, "failed")
            try rig.run("SELECT absurd.retry_task($1)", .uuid(retried))
            try rig.runNext(session)
            try rig.spawn()
            try rig.advance("1 day")
            let rows = try rig.run(
                """
                DELETE FROM absurd.tasks WHERE completed_at < $1::text::timestamptz AND status = ANY($2) RETURNING 1
                """, .text("2027-06-02 00:00+00"), .texts(["completed", "failed", "cancelled"]))
            #expect(rows.count == 1)
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks") == 1)
            #expect(
                try rig.count(
                    "SELECT (SELECT count(*) FROM absurd.task_details) + (SELECT count(*) FROM absurd.attempt_log)")
                    == 0)
        }
    }

    @Test func `delete a running task only by stopping it`() throws {
        try withRig { (rig) throws in
            let task = try rig.spawn()
            let session = try rig.register()
            _ = try rig.claim(session)
            #expect(try rig.run("DELETE FROM absurd.tasks WHERE task_id = $1", .uuid(task)).affectedCount == 1)
            #expect(try rig.status(task) == nil)
            #expect(try rig.renew(session) == ["\(task) cancelled"])
        }
    }
}
