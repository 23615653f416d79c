import Absurd
import AbsurdStore
import TestSupport
import Testing

extension QueueRig {
    /// Spawns tasks that are alike in one call: 32 and more become a bundle.
    @discardableResult
    func spawnMany(_ count: Int, _ name: String = "echo", queue: String = "q", priority: Int32 = 0) throws -> [TaskID] {
        try run(
            "SELECT absurd.spawn_many($1, $2, $3, $4, NULL, NULL)", .texts(Array(repeating: queue, count: count)),
            .texts(Array(repeating: name, count: count)),
            .jsonbs((0..<count).map { Array(#"{"n": \#($0)}"#.utf8) }),
            .int4s(Array(repeating: priority, count: count))
        ).map { try $0.get(0) }
    }

    /// Reports all in one call.
    func finish(_ session: TaskID, _ attempts: [Attempt], _ outcomes: [String]? = nil) throws -> [Verdict] {
        try run(
            "SELECT accepted, new_status FROM absurd.finish_batch('n1', $1, $2, $3, $4, $5, $6, $7)", .uuid(session),
            .uuids(attempts.map(\.task)), .int4s(attempts.map(\.number)), .uuids(attempts.map(\.token)),
            .texts(outcomes ?? attempts.map { _ in "completed" }),
            .jsonbs(attempts.map { _ in Array(#"{"status": "success"}"#.utf8) }), .texts(attempts.map { _ in nil })
        ).map { Verdict(accepted: try $0.get(0), status: try $0.get(1)) }
    }

    /// How many tasks have each status, as `status count`; every task is counted wherever it is seen.
    func census() throws -> [String] {
        try all("SELECT status || ' ' || count(*) FROM absurd.tasks GROUP BY status ORDER BY status")
    }

    /// Rows of the tables that only bundles use, as `bundles/tasks/leases`.
    func bundleRows() throws -> String? {
        try one(
            """
            SELECT (SELECT count(*) FROM absurd.bundles) || '/' || (SELECT count(*) FROM absurd.tasks_bundled) || '/'
                || (SELECT count(*) FROM absurd.leases)
            """)
    }
}

@Suite struct `Tasks spawned together` {
    @Test func `are claimed by one row and are not written to until they end`() throws {
        try withRig { (rig) throws in
            let tasks = try rig.spawnMany(1_500)
            #expect(try rig.bundleRows() == "2/1500/0")
            let session = try rig.register()
            let attempts = try rig.claim(session, limit: 600)
            #expect(attempts.map(\.task) == Array(tasks[..<600]))
            #expect(attempts.map(\.params) == (0..<600).map { #"{"n": \#($0)}"# })
            #expect(Set(attempts.map(\.number)) == [1])
            #expect(try rig.bundleRows() == "2/1500/1")
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks_running") == 0)
            #expect(try rig.census() == ["claimed 600", "pending 900"])
            #expect(try rig.field("worker_id || ' ' || attempt", of: tasks[0]) == "n1 1")
            #expect(try rig.history(tasks[599]) == ["1 running"])
            #expect(try rig.history(tasks[600]) == [])
            let verdicts = try rig.finish(session, attempts)
            #expect(verdicts == attempts.map { _ in Verdict(accepted: true, status: "completed") })
            #expect(try rig.census() == ["completed 600", "pending 900"])
            #expect(try rig.bundleRows() == "2/900/0")
            #expect(try rig.history(tasks[0]) == ["1 completed"])
            let rest = try rig.claim(session, limit: 1_000)
            #expect(rest.map(\.task) == Array(tasks[600...]))
            #expect(try rig.bundleRows() == "0/900/2")
            for attempt in rest.reversed() { #expect(try rig.finish(session, attempt).accepted) }
            #expect(try rig.bundleRows() == "0/0/0")
            #expect(try rig.census() == ["completed 1500"])
        }
    }

    @Test func `in small or mixed company stay single rows, and ids come back in the order given`() throws {
        try withRig { (rig) throws in
            try rig.spawnMany(31)
            #expect(try rig.bundleRows() == "0/0/0")
            let names = (0..<100).map { $0 % 2 == 0 ? "even" : $0 % 25 == 0 ? "rare" : "odd" }
            let long = #"{"x": "\#(String((0..<3_000).map { _ in "abcdefghijklmnopqrstuvwxyz".randomElement()! }))"}"#
            let ids: [TaskID] = try rig.run(
                "SELECT absurd.spawn_many($1, $2, $3, NULL, NULL, NULL)", .texts(names.map { _ in "mixed" }),
                .texts(names), .jsonbs((0..<100).map { Array(($0 % 2 == 0 ? "{}" : long).utf8) })
            ).map { try $0.get(0) }
            #expect(try rig.bundleRows() == "1/50/0")
            for (id, name) in zip(ids, names) { #expect(try rig.field("task_name", of: id) == name) }
            #expect(try rig.field("length(params ->> 'x')", of: ids[1]) == "3000")
            #expect(try rig.all("SELECT status FROM absurd.tasks").count == 131)
        }
    }

    @Test func `and single ones are claimed in one order: priority, then age`() throws {
        try withRig { (rig) throws in
            try rig.spawn("first")
            try rig.advance("1 s")
            try rig.spawnMany(40, "second")
            try rig.advance("1 s")
            try rig.spawn("third")
            try rig.spawnMany(40, "fourth")
            try rig.spawn("low", priority: -1)
            try rig.spawnMany(40, "lowest", priority: -2)
            try rig.spawnMany(40, "highest", priority: 9)
            try rig.spawn("high", priority: 8)
            let session = try rig.register()
            var seen: [String] = []
            while true {
                let batch = try rig.claim(session, limit: 7)
                if batch.isEmpty { break }
                seen += batch.map(\.name)
            }
            let runs = seen.reduce(into: [String]()) { if $0.last != $1 { $0.append($1) } }
            #expect(runs == ["highest", "high", "first", "second", "third", "fourth", "low", "lowest"])
            #expect(seen.count == 164)
        }
    }

    @Test func `are left by nodes that do not know them, and by all while their queue is paused`() throws {
        try withRig { (rig) throws in
            try rig.spawnMany(40, "strange", priority: 9)
            try rig.spawnMany(40, "echo")
            let session = try rig.register()
            #expect(Set(try rig.claim(session, names: ["echo"]).map(\.name)) == ["echo"])
            try rig.run("INSERT INTO absurd.queues (queue_name, paused) VALUES ('q', true)")
            #expect(try rig.claim(session).isEmpty)
            #expect(try rig.run("SELECT * FROM absurd.claim_task('q', 'foreign')").isEmpty)
            try rig.run("UPDATE absurd.queues SET paused = false")
            #expect(try rig.claim(session).count == 40)
        }
    }

    @Test func `fail one by one, and the others of the same report complete`() throws {
        try withRig { (rig) throws in
            let tasks = try rig.spawnMany(40)
            let session = try rig.register()
            let attempts = try rig.claim(session)
            var outcomes = attempts.map { _ in "completed" }
            outcomes[3] = "failed"
            outcomes[7] = "failed_permanent"
            outcomes[9] = "released"
            let verdicts = try rig.finish(session, attempts, outcomes)
            #expect(!verdicts.contains { !$0.accepted })
            #expect(verdicts.map(\.status)[3] == "retrying" && verdicts.map(\.status)[7] == "failed")
            #expect(verdicts.map(\.status)[9] == "pending" && verdicts.map(\.status)[10] == "completed")
            #expect(try rig.census() == ["completed 37", "failed 1", "pending 1", "retrying 1"])
            #expect(try rig.bundleRows() == "0/0/0")
            #expect(try rig.history(tasks[3]) == ["1 failed"])
            // The COMMIT's fate was unknown, and the node says it all again.
            #expect(try rig.finish(session, attempts, outcomes) == verdicts)
            #expect(try rig.claim(session).map(\.number) == [2])
        }
    }

    @Test func `accept a report only under their own fence`() throws {
        try withRig { (rig) throws in
            try rig.spawnMany(40)
            let session = try rig.register()
            let other = try rig.register("n2")
            let mine = try rig.claim(session, limit: 1)[0]
            let theirs = try rig.claim(other, node: "n2", limit: 1)[0]
            #expect(mine.token != theirs.token)
            for wrong in [
                Attempt(mine, token: theirs.token), Attempt(mine, token: .random()), Attempt(mine, number: 2),
                Attempt(theirs, token: mine.token), theirs,
            ] {
                #expect(try rig.finish(session, wrong).accepted == false)
            }
            #expect(try rig.finish(session, mine).accepted)
            #expect(try rig.finish(other, theirs).accepted)
            #expect(try rig.census() == ["completed 2", "pending 38"])
        }
    }

    @Test func `can be cancelled one by one, whether they wait or run`() throws {
        try withRig { (rig) throws in
            let tasks = try rig.spawnMany(40)
            let session = try rig.register()
            #expect(try rig.one("SELECT absurd.cancel_task($1)::text", .uuid(tasks[2])) == "true")
            #expect(
                try rig.run("UPDATE absurd.tasks SET status = 'cancelled' WHERE task_id = $1", .uuid(tasks[30]))
                    .affectedCount == 1)
            let attempts = try rig.claim(session, limit: 10)
            #expect(attempts.map(\.task) == [0, 1, 3, 4, 5, 6, 7, 8, 9, 10].map { tasks[$0] })
            #expect(try rig.one("SELECT absurd.cancel_task($1)::text", .uuid(tasks[5])) == "true")
            #expect(try rig.renew(session) == ["\(tasks[5]) cancelled"])
            #expect(
                try rig.finish(session, attempts).map(\.accepted) == attempts.map { $0.task != tasks[5] })
            #expect(try rig.renew(session).isEmpty)
            #expect(try rig.claim(session).map(\.task) == Array(tasks[11..<30] + tasks[31...]))
            #expect(try rig.one("SELECT absurd.cancel_where('q')::text") == "28")
            #expect(try rig.census() == ["cancelled 31", "completed 9"])
            #expect(try rig.bundleRows() == "0/0/0")
            #expect(try rig.one("SELECT absurd.retry_where('q', '{cancelled}')::text") == "31")
        }
    }

    @Test func `come back when their node's lease is over, and its late report is refused`() throws {
        try withRig { (rig) throws in
            let tasks = try rig.spawnMany(40)
            let session = try rig.register()
            let attempts = try rig.claim(session, limit: 10)
            #expect(try rig.finish(session, attempts[0]).accepted)
            try rig.advance("31 s")
            #expect(try rig.maintain().rescued == 9)
            #expect(try rig.census() == ["completed 1", "pending 39"])
            #expect(try rig.history(tasks[1]) == ["1 crashed"])
            #expect(try rig.finish(session, attempts[1]).accepted == false)
            let next = try rig.register()
            let again = try rig.claim(next, limit: 12)
            #expect(again.map(\.number) == [2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1])
            #expect(try rig.finish(next, again).allSatisfy(\.accepted))
        }
    }

    @Test func `go on one by one under a node's new session, and are freed when it leaves`() throws {
        try withRig { (rig) throws in
            try rig.spawnMany(40)
            let first = try rig.register()
            let attempts = try rig.claim(first, limit: 3)
            #expect(Set(attempts.map(\.token)).count == 1)
            let second = try rig.register(keep: [attempts[1]])
            #expect(try attempts.map { try rig.status($0.task) } == ["pending", "claimed", "pending"])
            #expect(try rig.finish(first, attempts[1]).accepted == false)
            #expect(try rig.finish(second, attempts[1]).accepted)
            let held = try rig.claim(second, limit: 5)
            try rig.run("SELECT absurd.node_leave('n1', $1)", .uuid(second))
            #expect(try rig.census() == ["completed 1", "pending 39"])
            #expect(try rig.history(held[4].task) == ["1 released"])
        }
    }

    @Test func `are told to stop 30 s past their time-out`() throws {
        try withRig { (rig) throws in
            try rig.spawnMany(40, "validation")
            let session = try rig.register(lease: 1_000)
            let attempts = try rig.claim(session, limit: 3)
            #expect(attempts.map(\.timeoutSeconds) == [300, 300, 300])
            try rig.advance("329 s")
            #expect(try rig.renew(session, lease: 1_000).isEmpty)
            try rig.advance("2 s")
            #expect(try rig.renew(session).sorted() == attempts.map { "\($0.task) timed_out" }.sorted())
            #expect(try rig.finish(session, attempts[0], "timed_out") == Verdict(accepted: true, status: "retrying"))
            #expect(try rig.renew(session).count == 2)
        }
    }

    @Test func `are claimed one at a time by foreign workers, in the same order`() throws {
        try withRig { (rig) throws in
            let tasks = try rig.spawnMany(40)
            let urgent = try rig.spawn("urgent", priority: 1)
            var seen: [TaskID] = []
            for _ in 0..<4 {
                seen.append(try rig.run("SELECT task_id FROM absurd.claim_task('q', 'python')").get(0, 0))
            }
            #expect(seen == [urgent] + tasks[..<3])
            #expect(try rig.one("SELECT absurd.heartbeat_task($1)::text", .uuid(tasks[1])) == "true")
            #expect(try rig.one("SELECT absurd.complete_task($1, '{}')::text", .uuid(tasks[1])) == "true")
            let session = try rig.register()
            let attempts = try rig.claim(session)
            #expect(attempts.map(\.task) == Array(tasks[3...]))
            #expect(try rig.one("SELECT absurd.complete_task($1, '{}')::text", .uuid(tasks[3])) == "false")
            #expect(try rig.finish(session, attempts).allSatisfy(\.accepted))
        }
    }

    @Test func `keep to a limit that their queue gets later`() throws {
        try withRig { (rig) throws in
            try rig.spawnMany(40)
            let session = try rig.register()
            let attempts = try rig.claim(session, limit: 3)
            try rig.run("INSERT INTO absurd.queues (queue_name, running_max) VALUES ('q', 5)")
            #expect(try rig.claim(session).count == 2)
            #expect(try rig.claim(session).isEmpty)
            #expect(try rig.finish(session, attempts).allSatisfy(\.accepted))
            #expect(try rig.claim(session).count == 3)
            try rig.spawnMany(40)
            #expect(try rig.count("SELECT count(*) FROM absurd.bundles") == 0)
        }
    }

    @Test func `count against a queue's bound and in its figures`() throws {
        try withRig { (rig) throws in
            try rig.spawnMany(40)
            let session = try rig.register()
            _ = try rig.claim(session, limit: 4)
            try rig.advance("5 s")
            #expect(
                try rig.one(
                    "SELECT concat_ws(' ', pending, claimed, oldest_pending_sec) FROM absurd.queue_depths('q')")
                    == "36 4 5")
            #expect(
                try rig.one("SELECT pending || ' ' || claimed || ' ' || total FROM absurd.get_queue_stats('q')")
                    == "36 4 40")
            try rig.run("INSERT INTO absurd.queues (queue_name, pending_max) VALUES ('q', 37)")
            try rig.spawn()
            expectRefusal("AB002") { try rig.spawn() }
        }
    }

    @Test func `can be waited for, report progress, change and be deleted like any other`() throws {
        try withRig { (rig) throws in
            let tasks = try rig.spawnMany(40)
            let session = try rig.register()
            let waits = try rig.spawn("child", after: [tasks[0], tasks[39]])
            #expect(try rig.status(waits) == "blocked")
            try rig.run("UPDATE absurd.tasks SET priority = 5 WHERE task_id = $1", .uuid(tasks[20]))
            #expect(try rig.run("DELETE FROM absurd.tasks WHERE task_id = $1", .uuid(tasks[21])).affectedCount == 1)
            let attempts = try rig.claim(session)
            // Of one age, the parents come first: they are single rows now.
            let order = [20, 0, 39] + Array(1..<20) + Array(22..<39)
            #expect(attempts.map(\.task) == order.map { tasks[$0] })
            let told = try rig.one(
                "SELECT absurd.progress_batch($1, $2, $3, $4, $5)::text", .uuids([attempts[5].task]), .int4s([1]),
                .uuids([attempts[5].token]), .float8s([0.5]), .texts(["half"]))
            #expect(told == "1")
            #expect(try rig.field("progress || ' ' || progress_message", of: attempts[5].task) == "0.5 half")
            let runs = try rig.spawn("child of a running one", after: [attempts[6].task])
            #expect(try rig.finish(session, attempts).allSatisfy(\.accepted))
            #expect(try rig.status(waits) == "pending" && rig.status(runs) == "pending")
            #expect(try rig.bundleRows() == "0/0/0")
        }
    }

    @Test func `spawn follow-ups, and end as errors when their result says so`() throws {
        try withRig { (rig) throws in
            try rig.spawnMany(40)
            let session = try rig.register()
            let attempts = try rig.claim(session)
            let follow = #"{"follow_ups": [{"queue": "q", "name": "next"}]}"#
            #expect(try rig.finish(session, attempts[0], result: follow).status == "completed")
            #expect(try rig.finish(session, attempts[1], result: #"{"status": "error"}"#).status == "retrying")
            #expect(try rig.claim(session).map(\.name) == ["next"])
        }
    }
}

extension Attempt {
    init(_ attempt: Attempt, number: Int32? = nil, token: TaskID? = nil) {
        self = attempt
        self.number = number ?? attempt.number
        self.token = token ?? attempt.token
    }
}
