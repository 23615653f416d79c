import Absurd
import AbsurdCluster
import AbsurdStore
import Glibc

/// One private cluster a test run, started when the first test asks for a database.
///
/// Nothing stops it by hand: its watchdog sees the test process end, however it ends, and removes all of it.
public enum TestCluster {
    public static func shared() throws -> EmbeddedCluster { try started.get() }

    private static let started = Result { () throws(Refusal) in
        var options = EmbeddedCluster.Options(directory: try temporaryDirectory("cluster"))
        options.removesItself = true
        // The machine outlives the test run, so its page cache is as good as its disk; the rest is as users have it.
        options.settings = [
            "max_connections": "300", "shared_buffers": "128MB", "logging_collector": "off", "fsync": "off",
        ]
        return try EmbeddedCluster.start(options)
    }

    /// A new directory under `TMPDIR` or /tmp.
    public static func temporaryDirectory(_ label: String) throws(Refusal) -> String {
        let base = ConnectionSettings.processEnvironment["TMPDIR"] ?? "/tmp"
        var template = Array("\(base)/absurd-test-\(label)-XXXXXX".utf8CString)
        guard let path = mkdtemp(&template) else {
            throw Refusal(base, why: String(cString: strerror(errno)), remedy: "set TMPDIR", exit: .cannotCreate)
        }
        return String(cString: path)
    }

    /// The database that tests' databases are copies of: this build's schema and nothing else.
    static func template() throws -> String { try templateName.get() }

    private static let templateName = Result {
        let name = "absurd_template"
        let cluster = try shared()
        try PostgresSession(cluster.settings(database: "postgres")).script("CREATE DATABASE \(name)")
        try Migrator().migrate(PostgresSession(cluster.settings(database: name)))
        return name
    }
}
