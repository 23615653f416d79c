import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `Claiming` {
    @Test func `takes priority first, then age`() throws {
        try withRig { (rig) throws in
            let late = try rig.spawn("late")
            try rig.setClock("2027-06-01 11:59:00+00")
            try rig.spawn("early")
            try rig.spawn("low", priority: -5)
            try rig.spawn("high", priority: 5)
            try rig.setClock(QueueRig.noon)
            let session = try rig.register()
            #expect(try rig.claim(session).map(\.name) == ["high", "early", "late", "low"])
            #expect(try rig.status(late) == "claimed")
            #expect(try rig.field("worker_id || ' ' || attempt", of: late) == "n1 1")
        }
    }

    @Test func `leaves tasks that the node does not know, and other queues'`() throws {
        try withRig { (rig) throws in
            let strange = try rig.spawn("strange", priority: 9)
            try rig.spawn("echo", queue: "other")
            try rig.spawn("echo")
            let session = try rig.register()
            #expect(try rig.claim(session, names: ["echo", "sleep"]).map(\.name) == ["echo"])
            #expect(try rig.status(strange) == "pending")
            #expect(try rig.claim(session, queues: ["q", "other"], names: ["echo"]).count == 1)
        }
    }

    @Test func `serves several queues, and a busy one does not starve the others`() throws {
        try withRig { (rig) throws in
            for _ in 0..<200 { try rig.spawn("busy") }
            try rig.spawn("lone", queue: "quiet")
            let session = try rig.register()
            var seen: [String] = []
            for _ in 0..<60 where !seen.contains("lone") {
                seen += try rig.claim(session, queues: ["q", "quiet"], limit: 1).map(\.name)
            }
            #expect(seen.contains("lone"))
        }
    }

    @Test func `by several leaders at once hands each task to one of them`() async throws {
        try await withDatabase { database in
            let rig = try QueueRig(database)
            try rig.run(
                """
                SELECT count(*) FROM absurd.spawn_many(array_fill('q'::text, ARRAY[2000]),
                    array_fill('echo'::text, ARRAY[2000]), array_fill('{}'::jsonb, ARRAY[2000]), NULL, NULL, NULL)
                """)
            let claimed = try await withThrowingTaskGroup(of: [TaskID].self) { group in
                for number in 0..<4 {
                    group.addTask {
                        let rig = try QueueRig(database)
                        let session = try rig.register("n\(number)")
                        var mine: [TaskID] = []
                        while true {
                            let batch = try rig.claim(session, node: "n\(number)", limit: 37)
                            mine += batch.map(\.task)
                            if batch.isEmpty, try rig.count("SELECT pending FROM absurd.queue_depths('q')") == 0 {
                                return mine
                            }
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(claimed.count == 2000)
            #expect(Set(claimed).count == 2000)
        }
    }

    @Test func `stops at a pause and goes on after it`() throws {
        try withRig { (rig) throws in
            try rig.spawn()
            let session = try rig.register()
            try rig.run("INSERT INTO absurd.queues (queue_name, paused) VALUES ('q', true)")
            #expect(try rig.claim(session).isEmpty)
            #expect(try rig.run("SELECT * FROM absurd.claim_task('q', 'foreign')").isEmpty)
            try rig.run("UPDATE absurd.queues SET paused = false")
            #expect(try rig.claim(session).count == 1)
        }
    }

    @Test func `keeps to a queue's limit over all nodes`() throws {
        try withRig { (rig) throws in
            try rig.run("INSERT INTO absurd.queues (queue_name, running_max) VALUES ('q', 3)")
            for _ in 0..<9 { try rig.spawn() }
            let first = try rig.register()
            let second = try rig.register("n2")
            let held = try rig.claim(first, limit: 2)
            #expect(held.count == 2)
            #expect(try rig.claim(second, node: "n2").count == 1)
            #expect(try rig.claim(first).isEmpty)
            try rig.finish(first, held[0])
            #expect(try rig.claim(second, node: "n2").count == 1)
        }
    }

    @Test func `keeps to the limit per concurrency key, and takes others past it`() throws {
        try withRig { (rig) throws in
            try rig.run("INSERT INTO absurd.queues (queue_name, key_running_max) VALUES ('q', 1)")
            let first = try rig.spawn("a1", concurrencyKey: "a")
            try rig.spawn("a2", concurrencyKey: "a")
            try rig.spawn("b1", concurrencyKey: "b")
            try rig.spawn("free 1")
            try rig.spawn("free 2")
            let session = try rig.register()
            let claimed = try rig.claim(session)
            #expect(Set(claimed.map(\.name)) == ["a1", "b1", "free 1", "free 2"])
            try rig.finish(session, try #require(claimed.first { $0.task == first }))
            #expect(try rig.claim(session).map(\.name) == ["a2"])
        }
    }

    @Test func `gives the time-out of the task, else of its type, else the default`() throws {
        try withRig { (rig) throws in
            try rig.run("SELECT absurd.spawn_task('q', 'imaging', '{}', 3, 42)")
            try rig.run("SELECT absurd.spawn_task('q', 'imaging', '{}', 2, NULL)")
            try rig.run("SELECT absurd.spawn_task('q', 'unheard-of', '{}', 1, NULL)")
            let session = try rig.register()
            #expect(try rig.claim(session).map(\.timeoutSeconds) == [42, 1800, 3600])
        }
    }

    @Test func `knows the time-outs that the telescope's operators set`() throws {
        try withRig { (rig) throws in
            #expect(
                try rig.all("SELECT task_name || ' ' || timeout_sec FROM absurd.task_types ORDER BY task_name") == [
                    "calibration-apply 600", "calibration-solve 1800", "catalog-setup 300", "convert-uvh5-to-ms 900",
                    "crossmatch 600", "imaging 1800", "photometry 600", "validation 300",
                ])
        }
    }

    @Test func `wants a current session`() throws {
        try withRig { (rig) throws in
            try rig.spawn()
            let session = try rig.register()
            let next = try rig.register()
            expectRefusal("AB001") { _ = try rig.claim(session) }
            expectRefusal("AB001") { _ = try rig.claim(next, node: "n2") }
            #expect(try rig.claim(next).count == 1)
        }
    }
}
