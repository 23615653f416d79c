import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `A report` {
    @Test func `of the current attempt is accepted, once and for all`() throws {
        try withRig { (rig) throws in
            let task = try rig.spawn()
            let session = try rig.register()
            let attempt = try rig.claim(session)[0]
            #expect(
                try rig.finish(session, attempt, result: #"{"status": "success"}"#)
                    == Verdict(accepted: true, status: "completed"))
            #expect(
                try rig.finish(session, attempt, result: #"{"status": "success"}"#)
                    == Verdict(accepted: true, status: "completed"))
            #expect(try rig.finish(session, attempt, "failed") == Verdict(accepted: false, status: "completed"))
            #expect(try rig.history(task) == ["1 completed"])
            #expect(try rig.field("result", of: task) == #"{"status": "success"}"#)
        }
    }

    @Test func `with another token, attempt or session is dropped`() throws {
        try withRig { (rig) throws in
            let task = try rig.spawn()
            let session = try rig.register()
            let attempt = try rig.claim(session)[0]
            var forged = attempt
            forged.token = .random()
            #expect(try rig.finish(session, forged) == Verdict(accepted: false, status: "claimed"))
            forged = attempt
            forged.number = 2
            #expect(try rig.finish(session, forged).accepted == false)
            #expect(try rig.finish(.random(), attempt).accepted == false)
            #expect(try rig.status(task) == "claimed")
            #expect(try rig.finish(session, attempt).accepted)
        }
    }

    @Test func `of an attempt that was rescued is dropped, before and after the next one ends`() throws {
        try withRig { (rig) throws in
            let task = try rig.spawn()
            let stale = try rig.register("slow")
            let first = try rig.claim(stale, node: "slow")[0]
            try rig.advance("31 s")
            #expect(try rig.maintain().rescued == 1)
            let session = try rig.register()
            #expect(try rig.finish(stale, first, node: "slow") == Verdict(accepted: false, status: "pending"))
            let second = try rig.claim(session)[0]
            #expect(second.number == 2 && second.token != first.token)
            #expect(try rig.finish(stale, first, "crashed", node: "slow").accepted == false)
            #expect(try rig.finish(session, second).accepted)
            #expect(try rig.finish(stale, first, node: "slow") == Verdict(accepted: false, status: "completed"))
            #expect(try rig.history(task) == ["1 crashed", "2 completed"])
        }
    }

    @Test func `of many attempts is judged one by one`() throws {
        try withRig { (rig) throws in
            for _ in 0..<3 { try rig.spawn() }
            let session = try rig.register()
            let attempts = try rig.claim(session)
            let tokens = [attempts[0].token, TaskID.random(), attempts[2].token]
            let rows = try rig.run(
                "SELECT accepted FROM absurd.finish_batch('n1', $1, $2, $3, $4, $5, $6, $7)", .uuid(session),
                .uuids(attempts.map(\.task)), .int4s(attempts.map(\.number)), .uuids(tokens),
                .texts(["completed", "completed", "failed"]), .jsonbs([nil, nil, nil]), .texts([nil, nil, "no"]))
            #expect(try rows.map { try $0.get(0, as: Bool.self) } == [true, false, true])
            #expect(try rig.all("SELECT status FROM absurd.tasks ORDER BY 1") == ["claimed", "completed", "retrying"])
        }
    }

    @Test func `with an outcome that nobody knows is refused`() throws {
        try withRig { (rig) throws in
            try rig.spawn()
            let session = try rig.register()
            let attempt = try rig.claim(session)[0]
            expectRefusal("AB003") { try rig.finish(session, attempt, "finished") }
        }
    }

    @Test func `of progress needs the fence too`() throws {
        try withRig { (rig) throws in
            let task = try rig.spawn()
            let session = try rig.register()
            let attempt = try rig.claim(session)[0]
            let sql = "SELECT absurd.progress_batch($1, $2, $3, '{0.25}', '{\"a quarter\"}')::text"
            #expect(
                try rig.one(sql, .uuids([task]), .int4s([1]), .uuids([attempt.token])) == "1")
            #expect(try rig.one(sql, .uuids([task]), .int4s([1]), .uuids([.random()])) == "0")
            #expect(try rig.field("progress || ' ' || progress_message", of: task) == "0.25 a quarter")
        }
    }
}

@Suite struct `A lease` {
    @Test func `that is live protects the slowest task`() throws {
        try withRig { (rig) throws in
            let task = try rig.spawn()
            let session = try rig.register()
            let attempt = try rig.claim(session)[0]
            for _ in 0..<400 {
                try rig.advance("29 s")
                #expect(try rig.renew(session).filter { !$0.hasSuffix("timed_out") }.isEmpty)
            }
            #expect(try rig.maintain().rescued == 0)
            #expect(try rig.renew(session) == ["\(task) timed_out"])
            #expect(try rig.finish(session, attempt, "timed_out") == Verdict(accepted: true, status: "retrying"))
        }
    }

    @Test func `that is over ends the session, and its tasks are ready at once`() throws {
        try withRig { (rig) throws in
            let task = try rig.spawn(retries: 0)
            let session = try rig.register()
            _ = try rig.claim(session)
            try rig.advance("30.001 s")
            #expect(try rig.maintain().rescued == 1)
            #expect(try rig.status(task) == "pending")
            expectRefusal("AB001") { _ = try rig.renew(session) }
            expectRefusal("AB001") { _ = try rig.claim(session) }
        }
    }

    @Test func `ends when the node registers anew; what the new leader found alive goes on`() throws {
        try withRig { (rig) throws in
            let kept = try rig.spawn("kept", priority: 1)
            let lost = try rig.spawn("lost")
            let first = try rig.register()
            let attempts = try rig.claim(first)
            let second = try rig.register(keep: [attempts[0]])
            #expect(try rig.status(kept) == "claimed")
            #expect(try rig.status(lost) == "pending")
            #expect(try rig.finish(first, attempts[0]).accepted == false)
            #expect(try rig.finish(second, attempts[0]).accepted)
            #expect(try rig.claim(second).map(\.task) == [lost])
        }
    }

    @Test func `given up by a node that leaves frees its tasks without using their retries`() throws {
        try withRig { (rig) throws in
            let task = try rig.spawn(retries: 0)
            let session = try rig.register()
            _ = try rig.claim(session)
            try rig.run("SELECT absurd.node_leave('n1', $1)", .uuid(session))
            #expect(try rig.status(task) == "pending")
            #expect(try rig.history(task) == ["1 released"])
            expectRefusal("AB001") { _ = try rig.renew(session) }
        }
    }

    @Test func `of a foreign worker is its heartbeat, or the time-out if it sends none`() throws {
        try withRig { (rig) throws in
            let silent = try rig.spawn("silent", priority: 1)
            let beating = try rig.spawn("beating")
            try rig.run("SELECT absurd.claim_task('q', 'python-1')")
            try rig.run("SELECT absurd.claim_task('q', 'python-2')")
            #expect(try rig.one("SELECT absurd.heartbeat_task($1)::text", .uuid(beating)) == "true")
            try rig.advance("179 s")
            #expect(try rig.maintain().rescued == 0)
            try rig.advance("6 s")
            #expect(try rig.maintain().rescued == 1)
            #expect(try rig.status(beating) == "pending")
            try rig.advance("1 hour")
            #expect(try rig.maintain().rescued == 1)
            #expect(try rig.status(silent) == "retrying")
            #expect(try rig.one("SELECT absurd.complete_task($1, '{}')::text", .uuid(silent)) == "false")
        }
    }
}
