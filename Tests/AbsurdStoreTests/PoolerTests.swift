import Absurd
import AbsurdStore
import Foundation
import TestSupport
import Testing

@Suite struct `Behind PgBouncer in transaction mode` {
    /// Runs a pooler with two server connections in front of the database; `body` gets the URL to use.
    private func withPooler(_ database: TestDatabase, _ body: (String) async throws -> Void) async throws {
        let directory = try TestCluster.temporaryDirectory("pooler")
        defer { _ = Shell.run("rm", "-rf", directory) }
        let isRoot = geteuid() == 0
        let user = isRoot ? "postgres" : NSUserName()
        let configuration = """
            [databases]
            * = host=\(database.cluster.socketDirectory) user=absurd
            [pgbouncer]
            unix_socket_dir = \(directory)
            listen_port = 6432
            pool_mode = transaction
            default_pool_size = 2
            auth_type = any
            logfile = \(directory)/log
            pidfile = \(directory)/pid
            max_client_conn = 50
            """
        try configuration.write(toFile: directory + "/ini", atomically: false, encoding: .utf8)
        if isRoot { _ = Shell.run("chown", "-R", "postgres", directory) }
        let pooler = Process()
        pooler.executableURL = URL(fileURLWithPath: "/usr/sbin/pgbouncer")
        pooler.arguments = ["-q"] + (isRoot ? ["-u", user] : []) + [directory + "/ini"]
        pooler.standardInput = FileHandle.nullDevice
        pooler.standardOutput = FileHandle.nullDevice
        pooler.standardError = FileHandle.nullDevice
        do {
            try pooler.run()
        } catch {
            throw Refusal("pgbouncer", why: "\(error)", remedy: "run `make setup`", exit: .unavailable)
        }
        defer { kill(pooler.processIdentifier, SIGKILL) }
        let socket = directory + "/.s.PGSQL.6432"
        while access(socket, F_OK) != 0 {
            try #require(pooler.isRunning, "pgbouncer ended at once")
            try await Task.sleep(for: .milliseconds(5))
        }
        try await body(
            "host=\(directory) port=6432 user=absurd dbname=\(database.name)")
    }

    @Test func `statements, transactions and migrations work, whichever server connection they get`() async throws {
        try await withDatabase(migrated: false) { database in
            try await withPooler(database) { address in
                var settings = try ConnectionSettings(url: address, environment: [:])
                settings.hasSession = false
                let client = PostgresClient(settings, pool: PoolSize(connectionsMin: 0, connectionsMax: 8))
                let migrated = try await client.withSession { try Migrator().migrate($0).count }
                #expect(migrated == Migrator.embedded.count)
                try await client.query("CREATE TABLE t (n int)")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<60 {
                        group.addTask {
                            try await client.transaction { session in
                                let insert = PostgresStatement(name: "kept", "INSERT INTO t VALUES ($1)")
                                try session.query(insert, [.int4(Int32(number))])
                                try session.query(PostgresStatement(name: "now", "SELECT absurd.current_time()"))
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let rows = try await client.query("SELECT count(*), sum(n) FROM t")
                #expect(try rows.get(0, 0, as: Int.self) == 60)
                #expect(try rows.get(0, 1, as: Int.self) == 1770)
            }
        }
    }

    @Test func `there is no LISTEN, and a listener knows`() async throws {
        var settings = ConnectionSettings(socketDirectory: "/nonexistent", database: "x", user: "x")
        settings.hasSession = false
        let client = PostgresClient(settings)
        for await event in client.listen(["bell"]) { Issue.record("\(event) without a session") }
    }
}
