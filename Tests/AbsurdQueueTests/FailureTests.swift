import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `A failure` {
    @Test func `is also a result that says error, and is retried after its back-off`() throws {
        try withRig { (rig) throws in
            let task = try rig.spawn()
            let session = try rig.register(lease: 1e6)
            let attempt = try rig.claim(session)[0]
            let verdict = try rig.finish(session, attempt, result: #"{"status": "error", "message": "no antennas"}"#)
            #expect(verdict == Verdict(accepted: true, status: "retrying"))
            #expect(try rig.field("error", of: task) == "no antennas")
            #expect(try rig.claim(session).isEmpty)
            try rig.advance("5 s")
            #expect(try rig.maintain().promoted == 1)
            #expect(try rig.claim(session)[0].number == 2)
            #expect(try rig.history(task) == ["1 failed", "2 running"])
            #expect(try rig.all("SELECT error FROM absurd.attempts WHERE outcome = 'failed'") == ["no antennas"])
        }
    }

    @Test func `waits twice as long each time, less a random part, up to a limit`() throws {
        try withRig { (rig) throws in
            let rows = try rig.run(
                """
                SELECT f, min(s), max(s) FROM generate_series(1, 12) f,
                    LATERAL (SELECT date_part('epoch', absurd.retry_delay('q', f)) AS s FROM generate_series(1, 300)) d
                GROUP BY f ORDER BY f
                """)
            for row in rows {
                let failures: Int32 = try row.get(0)
                let whole = min(600, 5 * Double(1 << (failures - 1)))
                let shortest: Double = try row.get(1)
                let longest: Double = try row.get(2)
                #expect(shortest >= whole / 2 && longest <= whole)
                #expect(longest > shortest * 1.2, "no jitter after \(failures) failures")
            }
            try rig.run("INSERT INTO absurd.queues (queue_name, retry_base_sec, retry_max_sec) VALUES ('q', 100, 150)")
            #expect(try rig.one("SELECT (absurd.retry_delay('q', 9) BETWEEN '75 s' AND '150 s')::text") == "true")
        }
    }

    @Test func `after the last retry is final and becomes a dead letter`() throws {
        try withRig { (rig) throws in
            let task = try rig.spawn(retries: 2)
            let session = try rig.register(lease: 1e6)
            for _ in 0..<3 {
                try rig.advance("10 min")
                try rig.maintain()
                try rig.runNext(session, "failed")
            }
            #expect(try rig.status(task) == "failed")
            #expect(try rig.history(task) == ["1 failed", "2 failed", "3 failed"])
            #expect(try rig.all("SELECT task_id || ' ' || dlq_name FROM absurd.dlq_list('q')") == ["\(task) q-dlq"])
        }
    }

    @Test func `that the handler calls permanent is not retried`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let spoken = try rig.spawn()
            try rig.runNext(session, "failed_permanent")
            let written = try rig.spawn()
            try rig.runNext(session, "completed", result: #"{"status": "error", "permanent": true, "errors": ["bad"]}"#)
            #expect(try rig.status(spoken) == "failed" && rig.status(written) == "failed")
            #expect(try rig.field("error || ' ' || outcome", of: written) == #"["bad"] failed_permanent"#)
        }
    }

    @Test func `of a worker's crash costs no retry, and the sixth crash of a poison task is its last`() throws {
        try withRig { (rig) throws in
            let task = try rig.spawn(retries: 0)
            let session = try rig.register()
            for number in 1...5 {
                try rig.runNext(session, "crashed")
                #expect(try rig.status(task) == "pending", "after crash \(number)")
            }
            try rig.runNext(session, "crashed")
            #expect(try rig.status(task) == "failed")
            #expect(try rig.history(task).count == 6)
            #expect(try rig.count("SELECT count(*) FROM absurd.dead_letters") == 1)
        }
    }

    @Test func `of giving tasks back costs nothing up to the same cap, then a retry each`() throws {
        try withRig { (rig) throws in
            let task = try rig.spawn(retries: 1)
            let session = try rig.register(lease: 1e6)
            for _ in 0..<5 { try rig.runNext(session, "released") }
            #expect(try rig.field("failures || ' ' || crashes", of: task) == "0 5")
            try rig.runNext(session, "released")
            #expect(try rig.status(task) == "retrying")
            try rig.advance("1 min")
            try rig.maintain()
            try rig.runNext(session, "released")
            #expect(try rig.status(task) == "failed")
        }
    }

    @Test func `by time-out is recorded as one and retried like one`() throws {
        try withRig { (rig) throws in
            let task = try rig.spawn(retries: 1)
            let session = try rig.register(lease: 1e6)
            try rig.runNext(session, "timed_out")
            #expect(try rig.status(task) == "retrying")
            #expect(try rig.history(task) == ["1 timed_out"])
        }
    }
}

@Suite struct `Dead letters` {
    private func dead(_ rig: QueueRig, _ session: TaskID, queue: String = "q") throws -> TaskID {
        let task = try rig.spawn(queue: queue)
        let attempt = try rig.claim(session, queues: [queue])[0]
        try rig.finish(session, attempt, "failed_permanent", error: "broken")
        return task
    }

    @Test func `are replayed with a fresh set of retries`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let first = try dead(rig, session)
            let second = try dead(rig, session)
            #expect(try rig.one("SELECT absurd.dlq_replay(p_tasks => $1)::text", .uuids([first])) == "1")
            #expect(try rig.status(first) == "pending" && rig.status(second) == "failed")
            #expect(try rig.field("failures", of: first) == "0")
            #expect(try rig.all("SELECT task_id::text FROM absurd.dlq_list()") == [second.description])
            #expect(try rig.one("SELECT absurd.dlq_replay('q-dlq')::text") == "1")
            try rig.runNext(session)
            #expect(try rig.field("attempt", of: first) == "2")
        }
    }

    @Test func `are purged without their tasks`() throws {
        try withRig { (rig) throws in
            let session = try rig.register()
            let task = try dead(rig, session)
            _ = try dead(rig, session, queue: "other")
            #expect(try rig.one("SELECT absurd.dlq_purge('q')::text") == "1")
            #expect(try rig.status(task) == "failed")
            #expect(try rig.count("SELECT count(*) FROM absurd.dlq_list()") == 1)
        }
    }

    @Test func `are kept only where the queue wants them, under the name it wants`() throws {
        try withRig { (rig) throws in
            try rig.run("INSERT INTO absurd.queues (queue_name, dlq_enabled) VALUES ('q', false)")
            try rig.run("INSERT INTO absurd.queues (queue_name, dlq_name) VALUES ('named', 'graveyard')")
            let session = try rig.register()
            _ = try dead(rig, session)
            _ = try dead(rig, session, queue: "named")
            #expect(try rig.all("SELECT dlq_name FROM absurd.dlq_list()") == ["graveyard"])
        }
    }
}
