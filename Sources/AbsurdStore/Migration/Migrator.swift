import Absurd
import Glibc

/// One file of `Schema/`, embedded in the binary: `NNNN_name.sql`.
public struct Migration: Sendable, Hashable, CustomStringConvertible {
    public var version: Int32
    public var name: String
    public var sql: String

    public init(version: Int32, name: String, sql: String) {
        self.version = version
        self.name = name
        self.sql = sql
    }

    public var description: String {
        let digits = String(version)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "_" + name
    }
}

/// Brings the schema `absurd` of a database to this build's version, forward only.
///
/// One transaction a file, under one advisory lock, so that two leaders that start at once are safe: the second finds
/// the work done. A file that cannot get its locks soon is rolled back and tried again, so that a busy queue is never
/// blocked behind it. A database whose schema is newer than this build, or whose applied files differ, is refused.
public struct Migrator: Sendable {
    public var migrations: [Migration]
    public var lockTimeoutMilliseconds = Limits.migrationLockTimeoutMilliseconds
    public var attemptsMax = Limits.migrationAttemptsMax

    /// This build's schema.
    public init() { self.init(migrations: Self.embedded) }

    public init(migrations: [Migration]) { self.migrations = migrations.sorted { $0.version < $1.version } }

    public static let embedded: [Migration] = EmbeddedSQL.schema.map { file in
        let parts = file.name.split(separator: "_", maxSplits: 1)
        guard parts.count == 2, let version = Int32(parts[0]) else {
            preconditionFailure("Schema/\(file.name).sql is not named NNNN_name.sql")
        }
        return Migration(version: version, name: String(parts[1]), sql: file.sql)
    }

    /// What `migrate` would apply; throws the `Refusal` that it would meet. Changes nothing.
    public func check(_ session: PostgresSession) throws -> [Migration] {
        let present: Bool = try session.query(.named("migrations_present"))[0].get(0)
        var applied: [Int32: (name: String, checksum: String)] = [:]
        if present {
            for row in try session.query(.named("migrations_applied")) {
                applied[try row.get(0)] = (try row.get(1), try row.get(2))
            }
        }
        let known = Set(migrations.map(\.version))
        if let newer = applied.keys.filter({ !known.contains($0) }).max() {
            throw Refusal(
                "database schema",
                why: "it holds version \(newer) (\(applied[newer]?.name ?? "")), unknown to this build",
                remedy: "use the release that wrote it, or a later one", exit: .configuration)
        }
        let checksums = try session.query(.named("sha256_of_texts"), [.texts(migrations.map(\.sql))])
        var pending: [Migration] = []
        for (index, migration) in migrations.enumerated() {
            guard let row = applied[migration.version] else {
                pending.append(migration)
                continue
            }
            guard row.checksum == (try checksums.get(index, 0)) else {
                throw Refusal(
                    "database schema", why: "version \(migration) was applied from a file with another content",
                    remedy: "use the release that wrote it", exit: .configuration)
            }
        }
        return pending
    }

    /// Applies what is missing and returns it. Safe while the queue works and while others migrate.
    @discardableResult
    public func migrate(_ session: PostgresSession) throws -> [Migration] {
        var applied: [Migration] = []
        var attempt = 1
        while let next = try check(session).first {
            do {
                if try apply(next, session) { applied.append(next) }
                attempt = 1
            } catch let error as PostgresError where error.isWorthRepeating && !session.isLost {
                guard attempt < attemptsMax else {
                    throw Refusal(
                        "migration \(next)", why: "no lock after \(attempt) attempts: \(error.message)",
                        remedy: "end long transactions on the schema absurd and try again", exit: .tryAgain)
                }
                usleep(UInt32.random(in: 1...4) * 1000 * UInt32(min(attempt, 50)))
                attempt += 1
            } catch let error as PostgresError where error.sqlState == "42501" {
                throw Refusal(
                    "migration \(next)", why: error.message,
                    remedy: "run `absurd init` as the owner of the database", exit: .notAllowed)
            } catch let error as PostgresError where !error.isConnectionLoss {
                throw Refusal(
                    "migration \(next)", why: "\(error)", remedy: "nothing of it was applied", exit: .configuration)
            }
        }
        return applied
    }

    /// False when another session has just applied it.
    private func apply(_ migration: Migration, _ session: PostgresSession) throws -> Bool {
        try session.script("BEGIN")
        do {
            try session.query(.named("migration_lock_timeout"), [.text("\(lockTimeoutMilliseconds)ms")])
            try session.query(.named("migration_lock"))
            guard try check(session).contains(migration) else {
                try session.script("ROLLBACK")
                return false
            }
            try session.script(migration.sql)
            let checksum: String = try session.query(.named("sha256_of_texts"), [.texts([migration.sql])])[0].get(0)
            try session.query(
                .named("migration_record"), [.int4(migration.version), .text(migration.name), .text(checksum)])
            try session.script("COMMIT")
            return true
        } catch {
            if !session.isLost { try? session.script("ROLLBACK") }
            throw error
        }
    }
}
