import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `A dependent task` {
    @Test func `is blocked until its last parent completes, and gets their outputs in order`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let a = try rig.spawn("a", priority: 2)
            let b = try rig.spawn("b", priority: 1)
            let child = try rig.spawn("child", params: #"{"outputs": {"own": 1, "z": "mine"}}"#, after: [b, a])
            #expect(try rig.status(child) == "blocked")
            try rig.runNext(session, result: #"{"status": "success", "outputs": {"x": "a", "y": "a", "z": "a"}}"#)
            #expect(try rig.status(child) == "blocked")
            try rig.runNext(session, result: #"{"status": "success", "outputs": {"x": "b"}}"#)
            #expect(try rig.status(child) == "pending")
            #expect(
                try rig.claim(session)[0].params == #"{"outputs": {"x": "a", "y": "a", "z": "mine", "own": 1}}"#)
        }
    }

    @Test func `spawned behind completed parents is ready at once, with their outputs`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let parent = try rig.spawn()
            try rig.runNext(session, result: #"{"outputs": {"ms_path": "/ms"}}"#)
            try rig.spawn("child", after: [parent])
            #expect(try rig.claim(session)[0].params == #"{"outputs": {"ms_path": "/ms"}}"#)
        }
    }

    @Test func `behind a task that does not exist, or itself, is refused`() throws {
        try withRig { (rig) throws in
            expectRefusal("AB005") { try rig.spawn(after: [.random()]) }
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks") == 0)
        }
    }

    @Test func `falls with its parent, and so do those behind it; a retry brings all of them back`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let parent = try rig.spawn("parent", retries: 0)
            let child = try rig.spawn("child", after: [parent])
            let grandchild = try rig.spawn("grandchild", after: [child])
            try rig.runNext(session, "failed")
            #expect(try [child, grandchild].map(rig.status) == ["cancelled", "cancelled"])
            #expect(try rig.field("error", of: child)?.contains(parent.description) == true)
            #expect(try rig.field("outcome", of: grandchild) == "parent_lost")
            #expect(try rig.status(rig.spawn("late", after: [grandchild])) == "cancelled")
            try rig.run("SELECT absurd.retry_task($1)", .uuid(parent))
            #expect(try [parent, child, grandchild].map(rig.status) == ["pending", "blocked", "blocked"])
            #expect(try rig.runNext(session) == parent)
            #expect(try rig.runNext(session) == child)
            #expect(try rig.runNext(session) == grandchild)
        }
    }

    @Test func `falls when its running parent is cancelled`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let parent = try rig.spawn()
            _ = try rig.claim(session)
            let child = try rig.spawn(after: [parent])
            try rig.run("SELECT absurd.cancel_task($1)", .uuid(parent))
            #expect(try rig.status(child) == "cancelled")
        }
    }

    @Test func `with a retrying parent stays blocked`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let parent = try rig.spawn()
            let child = try rig.spawn(after: [parent])
            try rig.runNext(session, "failed")
            #expect(try rig.status(child) == "blocked")
        }
    }

    @Test func `that is also for later is scheduled when its parents are done`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let parent = try rig.spawn()
            let child = try rig.spawn(after: [parent], at: "2027-06-01 13:00:00+00")
            try rig.runNext(session)
            #expect(try rig.status(child) == "scheduled")
            try rig.advance("1 hour")
            try rig.maintain()
            #expect(try rig.status(child) == "pending")
        }
    }

    @Test func `is released once although its parents' finishes race`() async throws {
        try await withDatabase { database in
            let rig = try QueueRig(database)
            let session = try rig.register()
            for _ in 0..<15 {
                let parents = try (0..<6).map { _ in try rig.spawn() }
                let attempts = try rig.claim(session)
                let child = try rig.spawn("child", after: parents)
                try await withThrowingTaskGroup(of: Verdict.self) { group in
                    for attempt in attempts {
                        group.addTask { try QueueRig(database).finish(session, attempt) }
                    }
                    for try await verdict in group { #expect(verdict.accepted) }
                }
                #expect(try rig.status(child) == "pending")
                try rig.runNext(session)
            }
        }
    }

    @Test func `is never forgotten by a parent that finishes while the child is spawned`() async throws {
        try await withDatabase { database in
            let rig = try QueueRig(database)
            let session = try rig.register()
            for _ in 0..<40 {
                let parent = try rig.spawn()
                let attempt = try rig.claim(session)[0]
                async let spawned = Task.detached { try QueueRig(database).spawn("child", after: [parent]) }.value
                try rig.finish(session, attempt)
                let child = try await spawned
                #expect(try rig.status(child) == "pending")
                try rig.runNext(session)
            }
        }
    }

    @Test func `repeats of its parent's report release it once`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let a = try rig.spawn("a", priority: 1)
            let b = try rig.spawn("b")
            let child = try rig.spawn("child", after: [a, b])
            let attempt = try rig.claim(session, limit: 1)[0]
            for _ in 0..<3 { #expect(try rig.finish(session, attempt).accepted) }
            #expect(try rig.status(child) == "blocked")
        }
    }
}

@Suite struct `A batch` {
    @Test func `may name its own entries as parents, in either direction`() throws {
        try withRig { (rig) throws in
            let ids = try rig.all(
                """
                SELECT s::text FROM absurd.spawn_batch('[{"queue": "q", "name": "last", "after": [2]},
                    {"queue": "q", "name": "first"}, {"queue": "q", "name": "middle", "after": [1]}]') s
                """)
            #expect(
                try rig.all(
                    "SELECT task_name FROM absurd.tasks WHERE task_id = ANY($1::text[]::uuid[]) ORDER BY array_position($1::text[]::uuid[], task_id)",
                    .texts(ids)) == ["last", "first", "middle"])
            let session = try rig.register()
            var order: [String] = []
            for _ in 0..<3 {
                let attempt = try rig.claim(session)[0]
                order.append(attempt.name)
                try rig.finish(session, attempt)
            }
            #expect(order == ["first", "middle", "last"])
        }
    }

    @Test(arguments: [
        #"[{"queue": "q", "name": "a", "after": [1]}, {"queue": "q", "name": "b", "after": [0]}]"#,
        #"[{"queue": "q", "name": "a", "after": [0]}]"#,
    ])
    func `with a cycle is refused whole`(tasks: String) throws {
        try withRig { (rig) throws in
            expectRefusal("AB004") { try rig.run("SELECT absurd.spawn_batch($1)", .json(tasks)) }
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks") == 0)
        }
    }

    @Test func `or a later edge that would close a cycle is refused`() throws {
        try withRig { (rig) throws in
            let root = try rig.spawn()
            let a = try rig.spawn("a", after: [root])
            let b = try rig.spawn("b", after: [a])
            expectRefusal("AB004") { try rig.run("SELECT absurd.add_dependency($1, $2)", .uuid(a), .uuid(b)) }
            let other = try rig.spawn("other", after: [root])
            #expect(try rig.one("SELECT absurd.add_dependency($1, $2)::text", .uuid(other), .uuid(b)) == "true")
            let free = try rig.spawn()
            expectRefusal("AB006") { try rig.run("SELECT absurd.add_dependency($1, $2)", .uuid(free), .uuid(other)) }
        }
    }
}

@Suite struct `Follow-ups` {
    @Test func `are spawned in the transaction of their task's completion`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            try rig.spawn()
            let attempt = try rig.claim(session)[0]
            let result = #"{"status": "success", "follow_ups": [{"queue": "q", "name": "next", "params": {"n": 1}}]}"#
            try rig.finish(session, attempt, result: result)
            try rig.finish(session, attempt, result: result)
            #expect(try rig.claim(session).map(\.name) == ["next"])
        }
    }

    @Test func `that cannot be spawned fail their task and nobody else's`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let bad = try rig.spawn("bad", priority: 1)
            let good = try rig.spawn("good")
            let attempts = try rig.claim(session)
            let rows = try rig.run(
                "SELECT new_status FROM absurd.finish_batch('n1', $1, $2, $3, $4, '{completed,completed}', $5, '{NULL,NULL}')",
                .uuid(session), .uuids(attempts.map(\.task)), .int4s([1, 1]), .uuids(attempts.map(\.token)),
                .jsonbs([Array(#"{"follow_ups": [{"queue": "q"}]}"#.utf8), Array("{}".utf8)]))
            #expect(try rows.map { try $0.get(0, as: String.self) } == ["failed", "completed"])
            #expect(try rig.field("error", of: bad)?.hasPrefix("its follow-ups were refused: task name") == true)
            #expect(try rig.status(good) == "completed")
        }
    }

    @Test func `of a stale report are not spawned`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let task = try rig.spawn()
            let attempt = try rig.claim(session)[0]
            try rig.run("SELECT absurd.cancel_task($1)", .uuid(task))
            try rig.finish(session, attempt, result: #"{"follow_ups": [{"queue": "q", "name": "next"}]}"#)
            #expect(try rig.claim(session).isEmpty)
        }
    }
}
