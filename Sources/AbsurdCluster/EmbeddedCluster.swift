import Absurd
import AbsurdStore
import Glibc
import Synchronization

/// A private PostgreSQL cluster in a directory: made on first use, reached by a Unix socket only, durable, stopped with
/// its owner whatever happens to it.
///
/// Any thread may call any method; calls on one cluster wait for each other.
public final class EmbeddedCluster: Sendable {
    public struct Options: Sendable {
        /// Absolute; made if missing.
        public var directory: String
        public var superuser = "absurd"
        public var database = "absurd"
        /// For tests: the watchdog removes the directory's contents when the owner is gone.
        public var removesItself = false
        /// Lines of postgresql.conf beyond the defaults; text values quoted.
        public var settings: [String: String] = [:]
        public var environment = ConnectionSettings.processEnvironment

        public init(directory: String) { self.directory = directory }
    }

    public enum RestartMode: Sendable { case fast, immediate }

    private enum State {
        case running(Postmaster)
        case stopped
    }

    public let directory: String
    public let socketDirectory: String
    public let majorVersion: Int
    private let options: Options
    private let hold: DirectoryHold
    private let layout: ClusterDirectory
    private let installation: PostgresInstallation
    private let state: Mutex<State>

    /// Starts the cluster and returns when it takes connections. `say` gets a line when something takes long.
    public static func start(
        _ options: Options, say: (String) -> Void = { _ in }
    ) throws(Refusal) -> EmbeddedCluster {
        guard options.directory.hasPrefix("/") else {
            throw Refusal(
                "state directory \(options.directory)", why: "it is not an absolute path", remedy: "", exit: .usage)
        }
        let account = try Account.forServer()
        let layout = ClusterDirectory(path: options.directory, account: account)
        let installations = try PostgresInstallation.find(environment: options.environment)
        try layout.prepare()
        let hold = try DirectoryHold.take(options.directory)
        do {
            return try EmbeddedCluster(options, layout, installations, hold, say)
        } catch {
            hold.release()
            throw error
        }
    }

    private init(
        _ options: Options, _ layout: ClusterDirectory, _ installations: [PostgresInstallation], _ hold: DirectoryHold,
        _ say: (String) -> Void
    ) throws(Refusal) {
        let installation: PostgresInstallation
        if let version = layout.dataVersion() {
            guard let same = installations.first(where: { $0.majorVersion == version }) else {
                throw Refusal(
                    "database in \(layout.data)",
                    why:
                        "PostgreSQL \(version) wrote it, and only \(installations.map { "\($0.majorVersion)" }.joined(separator: ", ")) is installed",
                    remedy: "install postgresql-\(version), or choose another --state-dir", exit: .configuration)
            }
            installation = same
            try Postmaster.clear(layout.data)
        } else {
            installation = installations[0]
            say("creating a database in \(options.directory)")
            try layout.initialise(
                installation, superuser: options.superuser, isDurable: options.settings["fsync"] != "off")
        }
        socketDirectory = try layout.socketDirectory()
        self.options = options
        self.layout = layout
        self.installation = installation
        self.hold = hold
        directory = options.directory
        majorVersion = installation.majorVersion
        state = Mutex(.stopped)
        let postmaster = try launch(say)
        state.withLock { $0 = .running(postmaster) }
        do {
            try createDatabase()
        } catch {
            postmaster.stop(.fast)
            state.withLock { $0 = .stopped }
            throw Refusal(
                "database in \(layout.data)", why: error.message, remedy: "see the log there", exit: .unavailable)
        }
    }

    deinit {
        state.withLock { state in
            if case .running(let postmaster) = state { postmaster.stop(.fast) }
            if case .running = state { hold.release() }
            state = .stopped
        }
    }

    // MARK: Use

    public func settings(database: String? = nil) -> ConnectionSettings {
        ConnectionSettings(
            socketDirectory: socketDirectory, database: database ?? options.database, user: options.superuser)
    }

    /// For `ABSURD_DATABASE_URL`.
    public var url: String {
        let host = socketDirectory.utf8.map { byte in
            let scalar = Unicode.Scalar(byte)
            let plain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            return plain || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                ? String(Character(scalar)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
        return "postgresql://\(options.superuser)@/\(options.database)?host=\(host)"
    }

    /// The server's log files.
    public var logDirectory: String { layout.data + "/log" }

    public var postmasterPID: Int32? {
        state.withLock { state in
            guard case .running(let postmaster) = state else { return nil }
            return postmaster.pid
        }
    }

    // MARK: Life

    /// Ends all sessions, writes a checkpoint, and gives the directory free. Doing it twice does nothing.
    public func stop() {
        state.withLock { state in
            guard case .running(let postmaster) = state else { return }
            postmaster.stop(.fast)
            state = .stopped
            hold.release()
        }
    }

    /// Stops and starts the server; `immediate` is a crash that the start recovers from.
    public func restart(_ mode: RestartMode) throws(Refusal) {
        try reviving { postmaster in
            postmaster.stop(mode == .fast ? .fast : .immediate)
            return true
        }
    }

    /// Starts the server again if it has ended by itself. True when it had.
    @discardableResult
    public func reviveIfEnded() throws(Refusal) -> Bool {
        try reviving { postmaster in
            guard postmaster.ended() != nil else { return false }
            postmaster.forget()
            return true
        }
    }

    @discardableResult
    private func reviving(_ end: (Postmaster) -> Bool) throws(Refusal) -> Bool {
        try state.withLock { (state) throws(Refusal) in
            guard case .running(let postmaster) = state, end(postmaster) else { return false }
            do throws(Refusal) {
                try Postmaster.clear(layout.data)
                state = .running(try launch({ _ in }))
                return true
            } catch {
                state = .stopped
                hold.release()
                throw error
            }
        }
    }

    private func launch(_ say: (String) -> Void) throws(Refusal) -> Postmaster {
        try layout.configure(
            socketDirectory: socketDirectory, superuser: options.superuser, settings: options.settings)
        let postmaster = try Postmaster.start(layout, installation, removesItself: options.removesItself)
        var waited = 0
        while true {
            if let status = postmaster.ended() {
                postmaster.forget()
                throw ClusterDirectory.refusal(
                    "PostgreSQL in \(layout.data)", status: status, output: fileText(layout.startLog) ?? "")
            }
            do {
                _ = try PostgresSession(settings(database: "postgres"))
                return postmaster
            } catch {
                // No socket yet, or it says that it is starting up: after a crash it first replays its log.
                if waited == 10_000 { say("the database recovers from a crash; this may take minutes") }
                guard waited < Limits.clusterStartSeconds * 1000 else {
                    postmaster.stop(.immediate)
                    throw Refusal(
                        "PostgreSQL in \(layout.data)", why: error.message, remedy: "see \(logDirectory)",
                        exit: .unavailable)
                }
                usleep(5000)
                waited += 5
            }
        }
    }

    private func createDatabase() throws(PostgresError) {
        let session = try PostgresSession(settings(database: "postgres"))
        let present = try session.query("SELECT 1 FROM pg_database WHERE datname = $1", [.text(options.database)])
        guard present.isEmpty else { return }
        try session.query(PostgresStatement("CREATE DATABASE \"\(options.database)\""))
    }
}
