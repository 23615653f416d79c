import Absurd
import AbsurdStore
import TestSupport
import Testing

@testable import AbsurdOperate

/// The database's diagnoses, on real databases that were broken on purpose.
@Suite struct `A database` {
    private func examine(_ database: TestDatabase) throws -> Examination {
        var facts = Facts()
        let (read, unread) = try DatabaseExamination.read(database.settings)
        facts.database = read
        facts.unread = unread
        return Examination(facts)
    }

    /// What the test cluster itself has against it: it does not survive its machine, and other tests use it.
    private static let ofTheCluster: Set = ["durability", "database-latency", "connections", "checkpoints"]

    @Test func `that is well is told so, and every part of it could be read`() throws {
        try withDatabase { (database) throws in
            let examination = try examine(database)
            #expect(examination.unread == [:])
            let bad = examination.findings.filter { finding in
                finding.severity > .note && !Self.ofTheCluster.contains(finding.check)
                    && !finding.check.hasPrefix("old-snapshot") && Self.isAboutDatabase(finding)
            }
            #expect(bad.isEmpty, "\(bad)")
        }
    }

    private static func isAboutDatabase(_ finding: Diagnosis) -> Bool {
        !["shared-memory", "installed", "disk-tiers", "memory", "cpu"].contains(finding.check)
    }

    @Test func `without the claim's index is named, and the remedy brings it back`() throws {
        try withDatabase { (database) throws in
            let session = try database.session()
            let index = try #require(Indexes.expected.first { $0.table == "tasks_ready" })
            try session.script("DROP INDEX absurd.\(index.name)")
            let examination = try examine(database)
            let finding = try #require(examination.findings.first { $0.check == "missing-index" })
            #expect(finding.severity == .critical && finding.cause.contains(index.name))
            #expect(finding.remedy == Remedy.psql(index.statement))
            let plan = try #require(examination.findings.first { $0.check == "plan" })
            #expect(plan.cause.hasPrefix("claiming a task"))
            try session.script(index.statement)
            let after = try examine(database)
            #expect(!after.findings.contains { $0.check == "missing-index" || $0.check == "plan" })
        }
    }

    @Test func `in which somebody holds a snapshot is named with who it is`() throws {
        try withDatabase { (database) throws in
            let holder = try database.session()
            try holder.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM absurd.tasks")
            var facts = Facts()
            facts.database = try DatabaseExamination.read(database.settings).0
            let process = Int(holder.serverProcessID)
            let place = try #require(facts.database?.snapshots?.firstIndex { $0.process == process })
            // The session is real; only its age is not waited for.
            facts.database?.snapshots?[place].ageSeconds += 3600
            let finding = try #require(Storage.snapshot(facts)?.first { $0.cause.contains("session \(process)") })
            #expect(finding.severity == .critical)
            #expect(finding.remedy.contains("pg_terminate_backend(\(process))"))
            #expect(finding.evidence.contains("idle in transaction"))
        }
    }

    @Test func `with a bad time-out is named with a better one`() throws {
        try withDatabase { (database) throws in
            let session = try database.session()
            // A foreign worker's attempt, which takes longer than its type may: the test's clock goes past its deadline.
            try session.script(
                """
                INSERT INTO absurd.task_types VALUES ('slow', 100);
                SELECT absurd.spawn_task('q', 'slow', '{}', 0, NULL, 0);
                SELECT * FROM absurd.claim_task('q', 'w');
                SELECT set_config('absurd.fake_now', (clock_timestamp() + interval '101 s')::text, false);
                SELECT * FROM absurd.maintain('n');
                """)
            let finding = try #require(try examine(database).findings.first { $0.check == "timeout" })
            #expect(finding.cause == "the time-out of slow (100 s) cuts attempts off")
            #expect(finding.evidence.hasPrefix("1 timed out"))
            #expect(finding.remedy.hasPrefix("set it to 210 s"))
        }
    }

    @Test func `whose queue nobody serves is named with the command that serves it`() throws {
        try withDatabase { (database) throws in
            try database.session().script("SELECT absurd.spawn_task('orphan', 'echo', '{}', 0, NULL, 0)")
            let finding = try #require(try examine(database).findings.first { $0.check == "node-serves-queue" })
            #expect(finding.cause == "no living node serves queue orphan")
            #expect(finding.remedy == "absurd leader --queue-name orphan")
        }
    }

    @Test func `full of dead rows is named`() throws {
        try withDatabase { (database) throws in
            let session = try database.session()
            let holder = try database.session()
            try holder.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM absurd.settings")
            try session.script(
                """
                INSERT INTO absurd.tasks_archive (task_id, queue_name, task_name, priority, status, attempt, max_retries,
                    created_at, completed_at, archived_at)
                SELECT gen_random_uuid(), 'q', 'echo', 0, 'completed', 1, 0, now(), now(), now() FROM generate_series(1, 12000);
                DELETE FROM absurd.tasks_archive;
                SELECT pg_stat_force_next_flush();
                """)
            try session.script("SELECT 1")
            let finding = try #require(try examine(database).findings.first { $0.check == "bloat" })
            #expect(finding.cause == "absurd.tasks_archive is full of dead rows")
            #expect(finding.remedy.contains("VACUUM (ANALYZE) absurd.tasks_archive"))
        }
    }

    @Test func `seen with a reader's rights is examined as far as they go`() throws {
        try withDatabase { (database) throws in
            let (facts, unread) = try DatabaseExamination.read(database.settings(role: "absurd_reader"))
            #expect(facts.queues != nil && facts.nodes != nil && facts.plans != nil && facts.tables != nil)
            #expect(unread.values.allSatisfy { $0.contains("pg_monitor") }, "\(unread)")
        }
    }
}
