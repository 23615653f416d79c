import Absurd
import AbsurdClient
import AbsurdCluster
import AbsurdLeader
import AbsurdStore
import Glibc

/// A whole system in this process: a private database, the schema, a leader and its workers.
///
/// `absurd up` and `absurd demo` run one. `start` returns when tasks can be spawned; `stop` lets running tasks end,
/// stops the workers and the database, and leaves the state directory to be used again.
final class LocalSystem: Sendable {
    let stateDirectory: String
    let cluster: EmbeddedCluster
    let leader: Leader
    let client: TaskClient
    let configuration: LeaderConfiguration

    private init(
        stateDirectory: String, cluster: EmbeddedCluster, leader: Leader, client: TaskClient,
        configuration: LeaderConfiguration
    ) {
        self.stateDirectory = stateDirectory
        self.cluster = cluster
        self.leader = leader
        self.client = client
        self.configuration = configuration
    }

    /// - Parameters:
    ///   - stateDirectory: absolute; made when it is missing.
    ///   - handlesSignals: SIGTERM and SIGINT drain the leader; `runToEnd` returns then.
    ///   - drain: how long running tasks may go on then; nil is the leader's own measure.
    ///   - say: gets a line when something takes long.
    /// - Throws: `Refusal`; nothing is left running then.
    static func start(
        stateDirectory: String, options: LeaderOptions, handlesSignals: Bool, drain: Span? = nil,
        say: (String) -> Void = { _ in }
    ) async throws -> LocalSystem {
        // A wrong setting is refused before anything is made or started.
        var configuration = try options.configuration(
            database: ConnectionSettings(socketDirectory: "/", database: "", user: ""), state: stateDirectory)
        guard configuration.adminSocket.utf8.count <= Limits.socketPathBytesMax else {
            throw Refusal(
                "state directory \(stateDirectory)",
                why: "too long: a socket in it may have a path of \(Limits.socketPathBytesMax) bytes",
                remedy: "choose a shorter --state-dir", exit: .configuration)
        }
        let cluster = try EmbeddedCluster.start(.init(directory: stateDirectory + "/postgres"), say: say)
        do {
            let settings = cluster.settings()
            try Self.migrate(settings)
            configuration.database = settings
            configuration.handlesSignals = handlesSignals
            configuration.drain = drain ?? configuration.drain
            try Self.applyDefaults(options, settings)
            let leader = try Leader.start(configuration)
            try Self.write(cluster.url, to: Paths.databaseFile(stateDirectory))
            return LocalSystem(
                stateDirectory: stateDirectory, cluster: cluster, leader: leader,
                client: TaskClient(settings, pool: .small), configuration: configuration)
        } catch {
            cluster.stop()
            throw error
        }
    }

    /// Returns when the leader has ended, by `stop`, by a signal or by `absurdctl stop`; then stops the rest.
    func runToEnd() async {
        await leader.waitForEnd()
        finish()
    }

    func stop() async {
        await leader.stop()
        finish()
    }

    private func finish() {
        client.close()
        unlink(Paths.databaseFile(stateDirectory))
        cluster.stop()
    }

    static func migrate(_ settings: ConnectionSettings) throws {
        do {
            try Migrator().migrate(PostgresSession(settings))
        } catch let error as PostgresError {
            throw DatabaseOptions.refusal(error, settings)
        }
    }

    static func applyDefaults(_ options: LeaderOptions, _ settings: ConnectionSettings) throws {
        let defaults = try options.taskDefaults()
        guard defaults.timeoutSeconds != nil || defaults.retriesMax != nil else { return }
        do {
            try PostgresSession(settings).query(
                .named("task_defaults"),
                [
                    .int4(orNull: defaults.timeoutSeconds.map { Int32($0) }),
                    .int4(orNull: defaults.retriesMax.map { Int32($0) }),
                ])
        } catch {
            throw DatabaseOptions.refusal(error, settings)
        }
    }

    private static func write(_ text: String, to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw Refusal(
                path, why: String(cString: strerror(errno)), remedy: "check its directory", exit: .cannotCreate)
        }
        defer { close(file) }
        let line = text + "\n"
        _ = Glibc.write(file, line, line.utf8.count)
    }
}

extension PostgresStatement {
    private static let embedded = Dictionary(uniqueKeysWithValues: EmbeddedSQL.statements)

    /// The statement in this command's `Statements/NAME.sql`.
    static func named(_ name: String) -> PostgresStatement {
        guard let sql = embedded[name] else { preconditionFailure("no Statements/\(name).sql in this build") }
        return PostgresStatement(sql)
    }
}
