import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `Spawning` {
    @Test func `is one call with three to six arguments, and fills in what is missing`() throws {
        try withRig { (rig) throws in
            let five: TaskID = try rig.run("SELECT absurd.spawn_task('q', 'echo', '{\"a\": 1}', 7, NULL)").get(0, 0)
            #expect(try rig.status(five) == "pending")
            #expect(
                try rig.field("priority || ' ' || max_retries || ' ' || attempt || ' ' || params", of: five)
                    == #"7 3 0 {"a": 1}"#)
            #expect(try rig.field("timeout_sec", of: five) == nil)
            let three: TaskID = try rig.run("SELECT absurd.spawn_task('q', 'echo', '{}')").get(0, 0)
            #expect(try rig.field("priority", of: three) == "0")
            #expect(try rig.field("created_at AT TIME ZONE 'UTC'", of: three) == "2027-06-01 12:00:00")
        }
    }

    @Test func `refuses params of more than 1 MiB and takes those of exactly 1 MiB`() throws {
        try withRig { (rig) throws in
            let most = Limits.paramsBytesMax - #"{"x": ""}"#.utf8.count
            let task = try rig.spawn(params: "{\"x\": \"\(String(repeating: "a", count: most))\"}")
            #expect(try rig.field("octet_length(params::text)", of: task) == String(Limits.paramsBytesMax))
            expectRefusal("AB003") { try rig.spawn(params: "{\"x\": \"\(String(repeating: "a", count: most + 1))\"}") }
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks") == 1)
        }
    }

    @Test func `keeps every digit of a number and refuses what JSON text cannot hold`() throws {
        try withRig { (rig) throws in
            let digits = "9007199254740993000000000000000000000001.000000000000000000000000000001"
            let task = try rig.spawn(params: "{\"n\": \(digits)}")
            #expect(try rig.field("params ->> 'n'", of: task) == digits)
            #expect(throws: PostgresError.self) { try rig.spawn(params: #"{"x": "\u0000"}"#) }
            #expect(throws: PostgresError.self) { try rig.spawn(params: "{") }
            #expect(throws: PostgresError.self) {
                try rig.run("SELECT absurd.spawn('q', convert_from('\\xff', 'UTF8'))")
            }
            let depth = 200
            let deep = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            #expect(try rig.field("params -> 'x'", of: rig.spawn(params: "{\"x\": \(deep)}"))?.isEmpty == false)
        }
    }

    @Test func `treats names as data`() throws {
        try withRig { (rig) throws in
            let name = "'; DROP TABLE absurd.tasks_ready; --\"\\$$"
            let task = try rig.spawn(name, queue: name)
            let session = try rig.register()
            #expect(try rig.claim(session, queues: [name], names: [name]).map(\.task) == [task])
            expectRefusal("AB003") { try rig.spawn("") }
            expectRefusal("AB003") { try rig.spawn("x", queue: String(repeating: "q", count: 129)) }
        }
    }

    @Test func `with a known key returns the first task and spawns nothing`() throws {
        try withRig { (rig) throws in
            let first = try rig.spawn(key: "observation 1")
            #expect(try rig.spawn(key: "observation 1") == first)
            #expect(try rig.spawn(queue: "other", key: "observation 1") != first)
            let session = try rig.register()
            try rig.runNext(session)
            #expect(try rig.spawn(key: "observation 1") == first)
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks WHERE queue_name = 'q'") == 1)
        }
    }

    @Test func `of the same key by two clients at once gives one task`() async throws {
        try await withDatabase { database in
            let client = PostgresClient(database.settings)
            let ids = try await withThrowingTaskGroup(of: TaskID.self) { group in
                for _ in 0..<12 {
                    group.addTask {
                        try await client.query("SELECT absurd.spawn('q', 'echo', p_key => 'k')").get(0, 0)
                    }
                }
                return try await group.reduce(into: Set<TaskID>()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
            #expect(try await client.query("SELECT count(*) FROM absurd.tasks").get(0, 0) == 1 as Int64)
        }
    }

    @Test func `in bulk keeps the order given`() throws {
        try withRig { (rig) throws in
            let ids = try rig.all(
                """
                SELECT s::text FROM absurd.spawn_many(array_fill('q'::text, ARRAY[1000]),
                    (SELECT array_agg('t' || n ORDER BY n) FROM generate_series(1, 1000) n),
                    array_fill('{}'::jsonb, ARRAY[1000]), NULL, NULL, NULL) s
                """)
            #expect(ids.count == 1000)
            let session = try rig.register()
            let claimed = try rig.claim(session, limit: 1000)
            #expect(claimed.map(\.name) == (1...1000).map { "t\($0)" })
            #expect(claimed.map(\.task.description) == ids)
        }
    }

    @Test func `of long params moves them aside and hands them over whole`() throws {
        try withRig { (rig) throws in
            let long = "{\"x\": \"\(String(repeating: "long ", count: 1000))\"}"
            let ids = try rig.all(
                "SELECT s::text FROM absurd.spawn_many('{q,q}', '{a,b}', ARRAY['{}', $1::text]::jsonb[], NULL, NULL, NULL) s",
                .text(long))
            #expect(try rig.count("SELECT count(*) FROM absurd.task_details WHERE params IS NOT NULL") == 1)
            let session = try rig.register()
            #expect(try rig.claim(session).last?.params == long)
            #expect(
                try rig.one("SELECT params::text FROM absurd.tasks WHERE task_id::text = $1", .text(ids[1])) == long)
        }
    }

    @Test func `is refused while the queue is full`() throws {
        try withRig { (rig) throws in
            try rig.run("INSERT INTO absurd.queues (queue_name, pending_max) VALUES ('q', 3)")
            for _ in 0..<3 { try rig.spawn() }
            expectRefusal("AB002") { try rig.spawn() }
            expectRefusal("AB002") {
                try rig.run("SELECT absurd.spawn_many('{q,p}', '{a,b}', ARRAY['{}', '{}']::jsonb[], NULL, NULL, NULL)")
            }
            try rig.spawn(queue: "another")
            let session = try rig.register()
            _ = try rig.claim(session, limit: 1)
            try rig.spawn()
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks") == 5)
        }
    }

    @Test func `for later waits until its time`() throws {
        try withRig { (rig) throws in
            let session = try rig.register(lease: 1e6)
            let task = try rig.spawn(at: "2027-06-01 12:30:00+00")
            #expect(try rig.status(task) == "scheduled")
            try rig.advance("29 min 59 s")
            #expect(try rig.maintain().promoted == 0)
            #expect(try rig.claim(session).isEmpty)
            try rig.advance("1 s")
            #expect(try rig.maintain().promoted == 1)
            #expect(try rig.claim(session).map(\.task) == [task])
        }
    }

    @Test func `rings one bell per transaction, however many the tasks`() throws {
        try withRig { (rig) throws in
            let listener = try rig.other()
            try listener.run("LISTEN absurd_doorbell")
            try rig.run(
                """
                SELECT count(*) FROM absurd.spawn_many(array_fill('q'::text, ARRAY[500]),
                    array_fill('echo'::text, ARRAY[500]), array_fill('{}'::jsonb, ARRAY[500]), NULL, NULL, NULL)
                """)
            #expect(try listener.session.notifications(waitingSeconds: 30).map(\.payload) == [""])
        }
    }
}
