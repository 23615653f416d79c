import Absurd
import AbsurdCluster
import AbsurdStore
import Glibc
import TestSupport
import Testing

@Suite struct `The embedded cluster` {
    /// A cluster of the test's own, gone afterwards.
    private func withCluster(_ body: (EmbeddedCluster, EmbeddedCluster.Options) throws -> Void) throws {
        var options = EmbeddedCluster.Options(directory: try TestCluster.temporaryDirectory("own"))
        defer { _ = Shell.run("rm", "-rf", options.directory) }
        options.settings = ["shared_buffers": "16MB", "fsync": "off"]
        let cluster = try EmbeddedCluster.start(options)
        defer { cluster.stop() }
        try body(cluster, options)
    }

    private func write(_ text: String, to path: String) throws {
        let file = try #require(fopen(path, "w") as UnsafeMutablePointer<FILE>?)
        try #require(fputs(text, file) >= 0 && fclose(file) == 0)
    }

    @Test func `is durable, checksummed, in UTF-8, and on no port`() throws {
        var options = EmbeddedCluster.Options(directory: try TestCluster.temporaryDirectory("defaults"))
        options.removesItself = true
        defer { _ = Shell.run("rm", "-rf", options.directory) }
        let cluster = try EmbeddedCluster.start(options)
        defer { cluster.stop() }
        let session = try PostgresSession(cluster.settings())
        let expected = [
            "fsync": "on", "full_page_writes": "on", "data_checksums": "on", "server_encoding": "UTF8",
            "lc_collate": "C", "listen_addresses": "", "synchronous_commit": "on",
        ]
        for (name, value) in expected {
            #expect(try session.query("SELECT current_setting($1)", [.text(name)]).get(0, 0) == value, "\(name)")
        }
    }

    @Test func `keeps what was committed over a clean stop, a crash and a restart`() throws {
        try withCluster { cluster, options in
            try PostgresSession(cluster.settings()).script("CREATE TABLE kept AS SELECT 1 AS n")
            try cluster.restart(.immediate)
            try PostgresSession(cluster.settings()).script("INSERT INTO kept VALUES (2)")
            try cluster.restart(.fast)
            try PostgresSession(cluster.settings()).script("INSERT INTO kept VALUES (3)")
            cluster.stop()
            let again = try EmbeddedCluster.start(options)
            defer { again.stop() }
            let rows = try PostgresSession(again.settings()).query("SELECT array_agg(n ORDER BY n) FROM kept")
            #expect(try rows.get(0, 0) == [1, 2, 3] as [Int32])
        }
    }

    @Test func `refuses a second owner and names the first`() throws {
        try withCluster { cluster, options in
            let refusal = #expect(throws: Refusal.self) { try EmbeddedCluster.start(options) }
            #expect(refusal?.exit == .tryAgain)
            #expect(refusal?.why.contains("pid \(getpid())") == true)
            let rows = try PostgresSession(cluster.settings()).query("SELECT 1")
            #expect(try rows.get(0, 0) == 1 as Int32)
        }
    }

    @Test func `lives in a session of its own, with no descriptor of its owner`() throws {
        try withCluster { cluster, _ in
            let pid = try #require(cluster.postmasterPID)
            #expect(getsid(pid) == pid)
            #expect(getsid(0) != pid)
            let inherited = open("/etc/hostname", O_RDONLY)  // no O_CLOEXEC: an exec would pass it on
            defer { close(inherited) }
            try cluster.restart(.fast)
            let restarted = try #require(cluster.postmasterPID)
            let files = Shell.run("ls", "-l", "/proc/\(restarted)/fd").text
            #expect(!files.contains("/etc/hostname"))
        }
    }

    @Test func `starts over a pid file that a crash left and that now names somebody else`() throws {
        try withCluster { cluster, options in
            cluster.stop()
            let path = options.directory + "/data/postmaster.pid"
            try write("\(getpid())\n\(options.directory)/data\n1\n5432\n\n\n", to: path)
            let again = try EmbeddedCluster.start(options)
            #expect(try PostgresSession(again.settings()).query("SELECT 1").get(0, 0) == 1 as Int32)
            again.stop()
        }
    }

    @Test func `comes back when its server was killed`() throws {
        try withCluster { cluster, _ in
            #expect(try !cluster.reviveIfEnded(), "it lives")
            let pid = try #require(cluster.postmasterPID)
            kill(pid, SIGKILL)
            while try !cluster.reviveIfEnded() { sched_yield() }
            #expect(cluster.postmasterPID != pid)
            #expect(try PostgresSession(cluster.settings()).query("SELECT 1").get(0, 0) == 1 as Int32)
        }
    }

    @Test func `is stopped when its owner is killed, and the next owner finds all that was committed`() async throws {
        let directory = try TestCluster.temporaryDirectory("orphan")
        defer { _ = Shell.run("rm", "-rf", directory) }
        await #expect(processExitsWith: .signal(SIGKILL)) { [directory = directory as String] in
            let cluster = try EmbeddedCluster.start(EmbeddedCluster.Options(directory: directory))
            try PostgresSession(cluster.settings()).script("CREATE TABLE kept AS SELECT 1 AS n")
            raise(SIGKILL)
        }
        // The watchdog may still be at it: a start waits for the orphan to end rather than refuse.
        let cluster = try EmbeddedCluster.start(EmbeddedCluster.Options(directory: directory))
        defer { cluster.stop() }
        let rows = try PostgresSession(cluster.settings()).query("SELECT n FROM kept")
        #expect(try rows.get(0, 0) == 1 as Int32)
    }

    @Test func `takes a directory whose socket path would be too long`() throws {
        let base = try TestCluster.temporaryDirectory("long")
        chmod(base, 0o755)
        defer { _ = Shell.run("rm", "-rf", base) }
        var options = EmbeddedCluster.Options(directory: base + "/" + String(repeating: "d", count: 120))
        options.settings = ["shared_buffers": "16MB", "fsync": "off"]
        let cluster = try EmbeddedCluster.start(options)
        defer {
            cluster.stop()
            _ = Shell.run("rm", "-rf", cluster.socketDirectory)
        }
        #expect(cluster.socketDirectory.utf8.count < 80)
        let settings = try ConnectionSettings(url: cluster.url, environment: [:])
        #expect(try PostgresSession(settings).query("SELECT current_database()::text").get(0, 0) == "absurd")
    }

    @Test func `refuses a data directory of another version`() throws {
        try withCluster { cluster, options in
            cluster.stop()
            try write("9\n", to: options.directory + "/data/PG_VERSION")
            let refusal = #expect(throws: Refusal.self) { try EmbeddedCluster.start(options) }
            #expect(refusal?.exit == .configuration)
            #expect(refusal?.why.contains("PostgreSQL 9 wrote it") == true)
        }
    }

    @Test func `says what to install when there is no server`() throws {
        var options = EmbeddedCluster.Options(directory: "/tmp/absurd-never-made")
        options.environment = ["ABSURD_PG_BIN": "/nonexistent"]
        let refusal = #expect(throws: Refusal.self) { try EmbeddedCluster.start(options) }
        #expect(refusal?.description.contains("/nonexistent") == true)
        #expect(access("/tmp/absurd-never-made", F_OK) != 0, "nothing was made")
    }

    @Test func `refuses a directory that holds something else`() throws {
        let directory = try TestCluster.temporaryDirectory("strange")
        defer { _ = Shell.run("rm", "-rf", directory) }
        try write("", to: directory + "/thesis.tex")
        let refusal = #expect(throws: Refusal.self) {
            try EmbeddedCluster.start(EmbeddedCluster.Options(directory: directory))
        }
        #expect(refusal?.why.contains("thesis.tex") == true)
    }

    @Test func `refuses a directory on a disk that is full`() throws {
        let directory = try TestCluster.temporaryDirectory("full")
        defer { _ = Shell.run("rm", "-rf", directory) }
        guard Shell.run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory).status == 0 else {
            // Only root may mount; then a directory that may not be written shows the same path of refusals.
            let refusal = #expect(throws: Refusal.self) {
                try EmbeddedCluster.start(EmbeddedCluster.Options(directory: "/proc/absurd"))
            }
            #expect(refusal.map { [.notAllowed, .cannotCreate].contains($0.exit) } == true)
            return
        }
        defer { _ = Shell.run("umount", directory) }
        let refusal = #expect(throws: Refusal.self) {
            try EmbeddedCluster.start(EmbeddedCluster.Options(directory: directory + "/postgres"))
        }
        #expect(refusal?.exit == .cannotCreate)
        #expect(refusal?.why.contains("MiB are free") == true)
    }

    @Test func `refuses a place that the server's user cannot enter`() throws {
        let closed = try TestCluster.temporaryDirectory("private")
        defer { _ = Shell.run("rm", "-rf", closed) }
        if geteuid() != 0 { chmod(closed, 0o500) }
        let refusal = #expect(throws: Refusal.self) {
            try EmbeddedCluster.start(EmbeddedCluster.Options(directory: closed + "/postgres"))
        }
        #expect(refusal?.exit == .notAllowed)
        #expect(refusal?.description.contains("--state-dir") == true)
    }
}
