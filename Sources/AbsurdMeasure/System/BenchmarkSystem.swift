import Absurd
import AbsurdCluster
import AbsurdHost
import AbsurdStore
import Glibc

/// A private, durable cluster with this release's schema and the floors beside it; it goes with its owner.
final class BenchmarkSystem {
    let plan: BenchmarkPlan
    let directory: String
    let cluster: EmbeddedCluster
    let peer: String

    init(_ plan: BenchmarkPlan) throws {
        self.plan = plan
        let base = plan.scratch ?? ConnectionSettings.processEnvironment["TMPDIR"] ?? "/tmp"
        var template = Array("\(base)/absurd-benchmark-XXXXXX".utf8CString)
        guard let path = mkdtemp(&template) else {
            throw Refusal(base, why: String(cString: strerror(errno)), remedy: "set TMPDIR", exit: .cannotCreate)
        }
        directory = String(cString: path)
        // PostgreSQL runs as another user when we are root.
        chmod(directory, 0o755)
        var options = EmbeddedCluster.Options(directory: directory + "/postgres")
        options.removesItself = true
        cluster = try EmbeddedCluster.start(options, say: plan.say)
        let session = try PostgresSession(cluster.settings())
        try Migrator().migrate(session)
        try session.script(PostgresStatement.text("floor_setup"))
        try session.script(plan.pgmqSQL ?? PostgresStatement.text("pgmq_shape"))
        try session.script("SELECT pgmq.create('bench')")
        peer = plan.pgmqSQL == nil ? "pgmq's statements on tables of its shape" : "pgmq"
    }

    /// Stops the server and removes everything.
    func remove() {
        cluster.stop()
        FileTree.remove(directory)
    }

    func session() throws -> PostgresSession {
        var settings = cluster.settings()
        settings.applicationName = "absurd benchmark"
        return try PostgresSession(settings)
    }

    func leader(queue: String, workers: Int, concurrency: Int) throws -> LeaderProcess {
        try LeaderProcess(
            executable: plan.executable, databaseURL: cluster.url, stateDirectory: directory + "/leader", queue: queue,
            workers: workers, concurrency: concurrency, diesWithThread: true)
    }

    static let params = Array(
        #"{"inputs": {"text": "sixty bytes of input, as a small task has them, or nearly"}}"#.utf8)
}

extension PostgresSession {
    /// Spawns by thousands.
    func spawn(_ count: Int, _ queue: String) throws {
        var left = count
        while left > 0 {
            let batch = min(left, Limits.claimBatchMax)
            try query(.measure("spawn_many"), Self.spawnParameters(queue, batch))
            left -= batch
        }
    }

    static func spawnParameters(_ queue: String, _ count: Int) -> [PostgresParameter] {
        [
            .texts(Array(repeating: queue, count: count)), .texts(Array(repeating: "test-task", count: count)),
            .jsonbs(Array(repeating: BenchmarkSystem.params, count: count)),
        ]
    }
}

/// How long `body` takes.
func timed(_ body: () throws -> Void) rethrows -> Double {
    let start = monotonicSeconds()
    try body()
    return monotonicSeconds() - start
}
