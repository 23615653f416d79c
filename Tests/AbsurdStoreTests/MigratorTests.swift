import Absurd
import AbsurdStore
import Synchronization
import TestSupport
import Testing

@Suite struct `The migrator` {
    private static let foundation = Migrator.embedded.filter { $0.version == 0 }

    /// The foundation and two small files.
    private static func migrator(changed: String = "") -> Migrator {
        Migrator(
            migrations: foundation + [
                Migration(version: 1, name: "one", sql: "CREATE TABLE absurd.one (n int);" + changed),
                Migration(version: 2, name: "two", sql: "ALTER TABLE absurd.one ADD COLUMN m int"),
            ])
    }

    @Test func `numbers its files without a gap, from zero`() {
        #expect(Migrator().migrations.map(\.version) == (0..<Migrator.embedded.count).map(Int32.init))
    }

    @Test func `applies this build's schema to an empty database, and nothing the second time`() throws {
        try withDatabase(migrated: false) { database in
            let session = try database.session()
            #expect(try Migrator().check(session) == Migrator.embedded)
            #expect(try Migrator().migrate(session) == Migrator.embedded)
            #expect(try Migrator().check(session).isEmpty)
            #expect(try Migrator().migrate(session).isEmpty)
        }
    }

    @Test func `check changes nothing`() throws {
        try withDatabase(migrated: false) { database in
            let session = try database.session()
            _ = try Migrator().check(session)
            #expect(try session.query("SELECT to_regnamespace('absurd') IS NULL").get(0, 0) == true)
        }
    }

    @Test func `lets several leaders start at once`() async throws {
        try await withDatabase(migrated: false) { database in
            let applied = try await withThrowingTaskGroup(of: [Migration].self) { group in
                for _ in 0..<6 {
                    let client = PostgresClient(database.settings)
                    group.addTask { try await client.withSession { try Migrator().migrate($0) } }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied.count == Migrator.embedded.count, "each file once, by whoever came first")
            let pending = try Migrator().check(database.session())
            #expect(pending.isEmpty)
        }
    }

    @Test func `refuses a schema that is newer than the build`() throws {
        try withDatabase(migrated: false) { database in
            let session = try database.session()
            try Self.migrator().migrate(session)
            let refusal = #expect(throws: Refusal.self) {
                try Migrator(migrations: Self.foundation).migrate(session)
            }
            #expect(refusal?.exit == .configuration)
            #expect(refusal?.why.contains("version 2 (two)") == true)
        }
    }

    @Test func `refuses a schema whose files were altered after they were applied`() throws {
        try withDatabase(migrated: false) { database in
            let session = try database.session()
            try Self.migrator().migrate(session)
            let refusal = #expect(throws: Refusal.self) {
                try Self.migrator(changed: "-- an afterthought").migrate(session)
            }
            #expect(refusal?.why.contains("0001_one") == true)
        }
    }

    @Test func `leaves no trace of a file that fails, and names it`() throws {
        try withDatabase(migrated: false) { database in
            let session = try database.session()
            var broken = Self.migrator()
            broken.migrations.append(
                Migration(version: 3, name: "three", sql: "CREATE TABLE absurd.three (); SELECT 1 / 0"))
            let refusal = #expect(throws: Refusal.self) { try broken.migrate(session) }
            #expect(refusal?.description.contains("0003_three") == true)
            #expect(refusal?.description.contains("division by zero") == true)
            #expect(try session.query("SELECT to_regclass('absurd.three') IS NULL").get(0, 0) == true)
            #expect(try Self.migrator().check(session).isEmpty, "the files before it stay applied")
        }
    }

    @Test func `gives way to a busy queue and gets its lock later`() async throws {
        try await withDatabase(migrated: false) { database in
            let first = Migrator(migrations: Array(Self.migrator().migrations.prefix(2)))
            try first.migrate(database.session())
            let holder = try database.session()
            try holder.script("BEGIN; LOCK TABLE absurd.one IN ACCESS SHARE MODE")
            let client = PostgresClient(database.settings)
            let migration = Task {
                try await client.withSession { session in
                    var migrator = Self.migrator()
                    migrator.lockTimeoutMilliseconds = 20
                    migrator.attemptsMax = 10_000
                    return try migrator.migrate(session)
                }
            }
            // It has to have given way at least twice: each attempt that times out leaves a rolled-back transaction.
            let watcher = try database.session()
            func rollbacks() throws -> Int {
                try watcher.query("SELECT pg_stat_clear_snapshot()")
                return try watcher.query(
                    "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"
                )
                .get(0, 0)
            }
            let before = try rollbacks()
            while try rollbacks() < before + 2 { await Task.yield() }
            try holder.script("COMMIT")
            let applied = try await migration.value
            #expect(applied.map(\.name) == ["two"])
        }
    }

    @Test func `gives up with advice when the lock never comes`() throws {
        try withDatabase(migrated: false) { database in
            let first = Migrator(migrations: Array(Self.migrator().migrations.prefix(2)))
            try first.migrate(database.session())
            let holder = try database.session()
            try holder.script("BEGIN; LOCK TABLE absurd.one IN ACCESS SHARE MODE")
            var migrator = Self.migrator()
            migrator.lockTimeoutMilliseconds = 1
            migrator.attemptsMax = 2
            let refusal = #expect(throws: Refusal.self) { try migrator.migrate(database.session()) }
            #expect(refusal?.exit == .tryAgain)
        }
    }

    @Test func `tells a role without rights to ask the owner`() throws {
        try withDatabase(migrated: false) { database in
            let session = try database.session()
            try session.script("CREATE ROLE migrator_stranger; SET ROLE migrator_stranger")
            let refusal = #expect(throws: Refusal.self) { try Migrator().migrate(session) }
            #expect(refusal?.exit == .notAllowed)
            try session.script("RESET ROLE; DROP ROLE migrator_stranger")
        }
    }
}
