import Absurd
import AbsurdStore
import Foundation
import Glibc
import TestSupport
import Testing

/// `absurd doctor` as an operator runs it.
@Suite struct DoctorTests {
    private static func findings(_ output: Program.Output) throws -> [JSONValue] {
        try JSONValue(parsing: output.out)["findings"]?.items ?? []
    }

    @Test func aStoppedWorkerIsNamedWithTheSignalThatWakesIt() async throws {
        try await withDatabase { database in
            let scratch = try TestCluster.temporaryDirectory("doctor")
            defer { try? FileManager.default.removeItem(atPath: scratch) }
            let program = Program.absurd.with("ABSURD_DATABASE_URL", database.url).with("ABSURD_STATE_DIR", scratch)
            let leader = try program.start(["leader", "--queue-name", "q", "--workers", "1", "--node-id", "ward"])
            defer {
                kill(leader.processIdentifier, SIGTERM)
                leader.waitUntilExit()
            }
            let session = try database.session()
            var worker: pid_t = 0
            try await eventually("the node tells of its worker") {
                let rows = try session.query("SELECT (n.info #>> '{workers,0,pid}')::int FROM absurd.nodes n")
                worker = (try rows.first?.get(0) as Int32??).flatMap { $0 } ?? 0
                return worker > 0
            }
            kill(worker, SIGSTOP)
            defer { kill(worker, SIGCONT) }
            let output = try program.run(["doctor", "--json"])
            #expect(output.code == 1)
            let finding = try #require(try Self.findings(output).first { $0["check"] == "stopped-worker" })
            #expect(finding["severity"] == "critical")
            #expect(finding["remedy"]?.text?.hasPrefix("kill -CONT \(worker)") == true)
            kill(worker, SIGCONT)
            let after = try program.run(["doctor", "--json"])
            #expect(try !Self.findings(after).contains { $0["check"] == "stopped-worker" })
        }
    }

    @Test func withoutADatabaseTheMachineIsExaminedAllTheSame() throws {
        let output = try Program.absurd.with("ABSURD_STATE_DIR", "/nonexistent").run(["doctor"])
        #expect(output.code == 1)
        #expect(output.lines.first == "CRITICAL database: the database cannot be reached")
        #expect(output.out.contains("not checked: ") && output.out.contains("missing-index"))
    }

    @Test func tuneIsAFragmentWithAReasonForEachLine() throws {
        let output = try Program.absurd.run(["tune", "--workload", "cpu", "--nodes", "3"])
        #expect(output.code == 0)
        #expect(output.lines.contains { $0.hasPrefix("max_connections = ") })
        let part = try Program.absurd.run(["tune", "--part", "postgresql"])
        #expect(part.lines.allSatisfy { $0.hasPrefix("#") || $0.contains(" = ") })
        #expect(try Program.absurd.run(["tune", "--nodes", "0"]).code == 64)
        let json = try JSONValue(parsing: try Program.absurd.run(["tune", "--json"]).out)
        #expect(json["postgresql"]?.items?.isEmpty == false)
    }
}
