import Absurd
import AbsurdClient
import Foundation
import Glibc
import TestSupport
import Testing

/// `absurd leader` and `absurd up` as processes of their own.
@Suite(.serialized) struct SystemTests {
    /// A directory with the real worker and a stage program that only fails, for ABSURD_LIBEXEC.
    private static func libexec(_ scratch: String) throws -> String {
        let directory = scratch + "/libexec"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: directory + "/absurd-worker", withDestinationPath: Program.directory + "/absurd-worker")
        try "#!/bin/sh\nexit 70\n".write(toFile: directory + "/absurd-stage", atomically: true, encoding: .utf8)
        chmod(directory + "/absurd-stage", 0o755)
        return directory
    }

    private static func withScratch(_ body: (String, Program) async throws -> Void) async throws {
        let scratch = try TestCluster.temporaryDirectory("system")
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        // PostgreSQL runs as another user when the tests run as root.
        chmod(scratch, 0o755)
        let program = Program.absurd.with("ABSURD_LIBEXEC", try libexec(scratch)).with("ABSURD_STATE_DIR", scratch)
        try await body(scratch, program)
    }

    @Test func aKilledLeadersSuccessorFinishesItsWorkAndDeliversItsResults() async throws {
        try await withDatabase { database in
            try await Self.withScratch { scratch, program in
                let program = program.with("ABSURD_DATABASE_URL", database.url)
                let client = TaskClient(database.settings)
                defer { client.close() }
                let arguments = ["leader", "--queue-name", "q", "--workers", "2", "--node-id", "phoenix"]
                let first = try program.start(arguments)
                // They run until the test says so: none can end before all of them are seen to run.
                let wait: JSONValue = [
                    "command": ["sh", "-c", .string("until [ -e \(scratch)/go ]; do sleep 0.05; done")]
                ]
                let ids = try await client.spawnMany(
                    (0..<4).map { _ in NewTask(queue: "q", name: "command", params: wait) })
                try await eventually("all run") {
                    try await client.tasks(ids).allSatisfy { $0.state == .claimed }
                }
                kill(first.processIdentifier, SIGKILL)
                first.waitUntilExit()
                let second = try program.start(arguments)
                #expect(FileManager.default.createFile(atPath: scratch + "/go", contents: nil))
                let records = try await client.wait(ids, timeoutSeconds: 60)
                #expect(records.allSatisfy { $0.state == .completed })
                #expect(records.allSatisfy { $0.attempt <= 2 })
                second.terminate()
                second.waitUntilExit()
                #expect(second.terminationStatus == 0, "SIGTERM is a clean end")
                let strays = try program.run(["tasks", "list", "--status", "claimed"])
                #expect(strays.lines.count == 1)
            }
        }
    }

    @Test func upRunsTasksAnswersItsOperatorRefusesASecondAndStopsOnASignal() async throws {
        try await Self.withScratch { scratch, program in
            let up = try program.start(["up", "--workers", "1", "--concurrency", "2"])
            defer { if up.isRunning { kill(up.processIdentifier, SIGKILL) } }
            try await eventually("it is up") { access(scratch + "/run/database-url", R_OK) == 0 }
            let spawned = try program.run(["spawn", "dsa110-pipeline", "echo", "--params", #"{"a": 1}"#, "--wait"])
            #expect(spawned.code == 0, "\(spawned.error)")
            let id = spawned.lines.first.map(String.init) ?? ""
            let got = try JSONValue(parsing: try program.run(["tasks", "get", id, "--json"]).out)
            #expect(got["status"] == "completed")
            #expect(got["result"]?["outputs"]?["echo"] == ["a": 1])
            #expect(got["attempts"]?.items?.count == 1)
            try Self.batches(program)
            try Self.operator(scratch)
            let another = try program.run(["up"])
            #expect(another.code == 75)
            #expect(another.error.contains("pid \(up.processIdentifier)"))
            up.interrupt()
            up.waitUntilExit()
            #expect(up.terminationStatus == 0)
            #expect(access(scratch + "/run/database-url", R_OK) != 0)
            #expect(try program.run(["tasks", "list"]).code == 69)
        }
    }

    private static func batches(_ program: Program) throws {
        let lines = (0..<50).map { #"{"name": "echo", "params": {"n": \#($0)}}"# }.joined(separator: "\n")
        let good = try program.run(["spawn", "dsa110-pipeline", "--batch", "-", "--wait"], input: lines)
        #expect(good.code == 0 && good.lines.count == 50, "\(good.error)")
        let bad = try program.run(["spawn", "dsa110-pipeline", "--batch", "-"], input: lines + "\n{oops")
        #expect(bad.code == 65 && bad.out.isEmpty)
        #expect(bad.error.contains("line 51"))
        let failed = try program.run(
            ["spawn", "dsa110-pipeline", "fail", "--params", #"{"permanent": true}"#, "--wait"])
        #expect(failed.code == 1)
        let why = try program.run(["tasks", "explain", failed.lines.first.map(String.init) ?? ""])
        #expect(why.out.contains("failed as asked"))
        let dead = try program.run(["dlq", "list", "--json"])
        #expect(dead.lines.count == 1)
        let none = try program.run(["tasks", "get", "01234567-0000-4000-8000-000000000000"])
        #expect(none.code == 1 && none.error.contains("there is none"))
    }

    private static func `operator`(_ scratch: String) throws {
        let control = Program(name: "absurdctl").with("ABSURD_STATE_DIR", scratch)
        let status = try JSONValue(parsing: try control.run(["status", "--json"]).out)
        #expect(status["state"] == "serving" && status["database"] == "connected")
        #expect(try control.run(["pause", "no-such-queue"]).code == 1)
        #expect(try control.run(["pause", "dsa110-pipeline"]).code == 0)
        let paused = try JSONValue(parsing: try control.run(["status", "--json"]).out)
        #expect(paused["paused"] == ["dsa110-pipeline"])
        #expect(try control.run(["unpause", "dsa110-pipeline"]).code == 0)
        #expect(try control.run(["loglevel", "chatty"]).code == 64)
        #expect(try control.run(["ring"]).lines.count == 9, "a header, and two lanes of each of four workers")
        var mode = stat()
        #expect(stat(scratch + "/run/absurdctl.sock", &mode) == 0 && mode.st_mode & 0o777 == 0o600)
    }
}
