import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `A workflow` {
    private func start(_ rig: QueueRig, _ name: String, _ params: String = "{}") throws -> TaskID {
        try rig.run("SELECT absurd.workflow_run($1, $2, 'q')", .text(name), .json(params)).get(0, 0)
    }

    private func states(_ rig: QueueRig, _ id: TaskID) throws -> [String] {
        try rig.all("SELECT status FROM absurd.workflow_tasks($1) ORDER BY task_position", .uuid(id))
    }

    private func workflow(_ rig: QueueRig, _ id: TaskID) throws -> String? {
        try rig.one(
            """
            SELECT status || ' ' || total_tasks || ' ' || completed_tasks || ' ' || failed_tasks || ' ' || cancelled_tasks
            FROM absurd.workflows WHERE id = $1
            """, .uuid(id))
    }

    @Test(arguments: [
        (
            "standard-pipeline",
            "catalog-setup,convert-uvh5-to-ms,calibration-solve,calibration-apply,imaging,validation,crossmatch,photometry"
        ), ("quick-imaging", "convert-uvh5-to-ms,imaging"), ("calibrator", "convert-uvh5-to-ms,calibration-solve"),
        ("target", "calibration-apply,imaging,photometry"),
    ])
    func `of each name runs its stages in order, each with what the ones before gave`(name: String, stages: String)
        throws
    {
        try withRig { (rig) throws in
            let id = try start(rig, name, #"{"inputs": {"input_path": "/raw"}}"#)
            let session = try rig.register()
            var seen: [String] = []
            while let attempt = try rig.claim(session).first {
                let given = seen.map { "\"\($0)\": \"done\"" }
                for output in given { #expect(attempt.params.contains(output), "\(attempt.name) lacks \(output)") }
                #expect(attempt.params.contains(#""inputs": {"input_path": "/raw"}"#))
                seen.append(attempt.name)
                let outputs = seen.map { "\"\($0)\": \"done\"" }.joined(separator: ", ")
                try rig.finish(session, attempt, result: "{\"status\": \"success\", \"outputs\": {\(outputs)}}")
            }
            #expect(seen.joined(separator: ",") == stages)
            #expect(try workflow(rig, id) == "completed \(seen.count) \(seen.count) 0 0")
        }
    }

    @Test func `moves from pending to running to its end, with its times`() throws {
        try withRig { (rig) throws in
            let id = try start(rig, "quick-imaging")
            #expect(try workflow(rig, id) == "pending 2 0 0 0")
            let session = try rig.register()
            try rig.advance("1 min")
            try rig.runNext(session)
            #expect(try workflow(rig, id) == "running 2 1 0 0")
            try rig.advance("1 min")
            try rig.runNext(session)
            #expect(
                try rig.one(
                    "SELECT status || ' ' || (completed_at - started_at) FROM absurd.workflows WHERE id = $1", .uuid(id)
                )
                    == "completed 00:01:00")
        }
    }

    @Test func `that failed re-runs only what failed, and keeps the rest`() throws {
        try withRig { (rig) throws in
            let id = try start(rig, "target")
            let session = try rig.register()
            try rig.runNext(session, result: #"{"outputs": {"ms_path": "/applied.ms"}}"#)
            try rig.runNext(session, "failed_permanent")
            #expect(try states(rig, id) == ["completed", "failed", "cancelled"])
            #expect(try workflow(rig, id) == "failed 3 1 1 1")
            #expect(try rig.one("SELECT absurd.workflow_retry($1)::text", .uuid(id)) == "2")
            #expect(try states(rig, id) == ["completed", "pending", "blocked"])
            #expect(try workflow(rig, id) == "running 3 1 0 0")
            let attempt = try rig.claim(session)[0]
            #expect(attempt.name == "imaging" && attempt.number == 2)
            #expect(attempt.params.contains(#""ms_path": "/applied.ms""#))
            try rig.finish(session, attempt)
            try rig.runNext(session)
            #expect(try workflow(rig, id) == "completed 3 3 0 0")
        }
    }

    @Test func `hands each stage its own config, and produced inputs give way to what was produced`() throws {
        try withRig { (rig) throws in
            _ = try start(
                rig, "target",
                #"{"inputs": {"ms_path": "/raw.ms", "caltables": {}}, "config": {"imaging": {"niter": 5}}}"#)
            let session = try rig.register()
            let apply = try rig.claim(session)[0]
            #expect(apply.params.contains(#""config": {}"#) && apply.params.contains("/raw.ms"))
            try rig.finish(session, apply, result: #"{"outputs": {"ms_path": "/applied.ms"}}"#)
            let imaging = try rig.claim(session)[0]
            #expect(
                imaging.params
                    == #"{"config": {"niter": 5}, "inputs": {"caltables": {}}, "outputs": {"ms_path": "/applied.ms"}}"#)
        }
    }

    @Test func `is cancelled whole, also its running stage`() throws {
        try withRig { (rig) throws in
            let id = try start(rig, "calibrator")
            let session = try rig.register()
            let attempt = try rig.claim(session)[0]
            #expect(try rig.one("SELECT absurd.workflow_cancel($1)::text", .uuid(id)) == "2")
            #expect(try workflow(rig, id) == "cancelled 2 0 0 2")
            #expect(try rig.renew(session) == ["\(attempt.task) cancelled"])
        }
    }

    @Test func `of an unknown name or config is refused with the known ones`() throws {
        try withRig { (rig) throws in
            expectRefusal("AB005") { _ = try start(rig, "standard") }
            expectRefusal("AB003") { _ = try start(rig, "target", #"{"config": {"convert-uvh5-to-ms": {}}}"#) }
            expectRefusal("AB003") { _ = try start(rig, "target", "[]") }
            #expect(try rig.count("SELECT count(*) FROM absurd.workflows") == 0)
        }
    }

    @Test func `of one's own tasks is counted as the named ones are`() throws {
        try withRig { (rig) throws in
            let id: TaskID = try rig.run("SELECT absurd.workflow_create('mine')").get(0, 0)
            try rig.run("SELECT absurd.spawn('q', 'echo', p_workflow_id => $1)", .uuid(id))
            #expect(try workflow(rig, id) == "pending 1 0 0 0")
            let session = try rig.register()
            try rig.runNext(session)
            #expect(try workflow(rig, id) == "completed 1 1 0 0")
        }
    }
}
