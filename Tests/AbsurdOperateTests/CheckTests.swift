import Absurd
import AbsurdHost
import AbsurdStore
import TestSupport
import Testing

@testable import AbsurdOperate

/// The diagnoses as functions of facts.
@Suite struct `A diagnosis` {
    private func kind(
        _ timeout: Int, ended: Int64 = 100, timedOut: Int64 = 0, p99: Double, longest: Double
    ) -> Diagnosis? {
        Timeouts.judge(
            .init(
                name: "imaging", timeoutSeconds: timeout, ended: ended, timedOut: timedOut, p50: p99 / 2, p95: p99,
                p99: p99, longest: longest))
    }

    @Test func `of a time-out that cuts work off proposes twice of it`() throws {
        let finding = try #require(kind(300, timedOut: 3, p99: 290, longest: 299))
        #expect(finding.severity == .warning)
        #expect(finding.evidence.hasPrefix("3 timed out"))
        #expect(finding.remedy.hasPrefix("set it to 600 s: psql"))
        #expect(finding.remedy.contains("VALUES ('imaging', 600)"))
    }

    @Test func `of a time-out that fits closely proposes twice the slowest`() throws {
        let finding = try #require(kind(300, p99: 260, longest: 280))
        #expect(finding.remedy.hasPrefix("set it to 540 s"))
    }

    @Test func `of a far too long time-out is a note`() throws {
        let finding = try #require(kind(3600, p99: 2, longest: 3))
        #expect(finding.severity == .note)
        #expect(finding.remedy.hasPrefix("set it to 60 s"))
    }

    @Test func `of a fitting time-out, or of few attempts, says nothing`() {
        #expect(kind(600, p99: 100, longest: 200) == nil)
        #expect(kind(300, ended: 5, p99: 299, longest: 299) == nil)
    }

    @Test func `of too few workers tells a busy machine from an idle one`() throws {
        var facts = Facts()
        var database = DatabaseFacts()
        database.queues = [.init(name: "q", pending: 100, claimed: 4, oldestPendingSeconds: 30)]
        let info: JSONValue = ["status": ["seats": 4, "running": 4], "workers": [["worker": 0], ["worker": 1]]]
        database.nodes = [NodeFacts(name: "n", isAlive: true, leaseSeconds: 9, queues: ["q"], info: info)]
        facts.database = database
        facts.host.topology = .init(nodes: [.init(id: 0, cpus: CPUSet([0, 1, 2, 3]), memoryBytes: 1)], cores: [])
        facts.host.loadAverages = [0.5]
        let idle = try #require(Throughput.tooFewWorkers(facts)?.first)
        #expect(idle.remedy.hasPrefix("absurdctl resize 3"))
        facts.host.loadAverages = [4]
        let busy = try #require(Throughput.tooFewWorkers(facts)?.first)
        #expect(busy.remedy.contains("another node"))
    }

    @Test func `of the server's connections shows the formula`() throws {
        var facts = Facts()
        var database = DatabaseFacts()
        database.nodes = []
        database.connections = .init(used: 95, ofAbsurd: 6, max: 100, reserved: 3)
        facts.database = database
        let finding = try #require(Server.connections(facts)?.first)
        #expect(finding.severity == .critical)
        #expect(
            finding.evidence.contains("(1 leaders x 3 + 1 client pools x 10 + 5 for operators + 3 reserved) x 1.25"))
        #expect(ConnectionFormula.max(nodes: 3, clientPools: 2) == 47)
    }

    @Test func `whose facts are missing is counted as not made`() {
        let examination = Examination(Facts())
        #expect(examination.notMade.contains("missing-index") && examination.notMade.contains("stopped-worker"))
        #expect(!examination.made.contains("missing-index"))
    }

    @Test func `quotes names for the shell and for SQL`() {
        let line = Remedy.sql("unpause", ["QUEUE": #"o'q "$(reboot)`"#])
        #expect(
            line
                == #"psql "$ABSURD_DATABASE_URL" -c "UPDATE absurd.queues SET paused = false WHERE queue_name = 'o''q \"\$(reboot)\`'""#
        )
    }

    @Test func `of the expected indexes follows the schema, to the name`() throws {
        try withDatabase { (database) throws in
            let facts = try DatabaseExamination.read(database.settings).0
            let there = Set((facts.indexes ?? []).filter { !$0.isConstraint }.map(\.name))
            #expect(Set(Indexes.expected.map(\.name)) == there)
        }
    }
}
