import Absurd
import AbsurdClient
import AbsurdStore
import ArgumentParser
import Glibc

/// How a command finds the database.
struct DatabaseOptions: ParsableArguments {
    @Option(
        help: """
            Where the database is (default: $ABSURD_DATABASE_URL, else the file $ABSURD_DATABASE_URL_FILE, else that of \
            `absurd up` on this machine).
            """)
    var databaseURL: String?

    @Option(name: .customLong("state-dir"), help: "State directory of `absurd up` (default: $ABSURD_STATE_DIR).")
    var stateDirectory: String?

    var state: String { Paths.stateDirectory(stateDirectory) }

    func settings() throws -> ConnectionSettings {
        if let url = databaseURL ?? Paths.environment["ABSURD_DATABASE_URL"] { return try ConnectionSettings(url: url) }
        if let file = Paths.environment["ABSURD_DATABASE_URL_FILE"] { return try Self.settings(file: file) }
        if access(Paths.databaseFile(state), R_OK) != 0, errno == EACCES {
            throw Refusal(
                "state directory \(state)", why: "it belongs to another user",
                remedy: "be that user, or set ABSURD_DATABASE_URL",
                exit: .notAllowed)
        }
        guard let line = Paths.text(Paths.databaseFile(state))?.split(separator: "\n").first else {
            throw Refusal(
                "database", why: "none is named, and no `absurd up` runs in \(state)",
                remedy: "start `absurd up`, or set ABSURD_DATABASE_URL", exit: .unavailable)
        }
        return try ConnectionSettings(url: String(line))
    }

    /// The first line of a file that holds the URL, and with it perhaps a password: a credential of systemd's.
    static func settings(file: String) throws -> ConnectionSettings {
        guard let line = Paths.text(file)?.split(separator: "\n").first else {
            throw Refusal(
                "ABSURD_DATABASE_URL_FILE=\(file)", why: "no line in it can be read",
                remedy: "write the URL into it, readable by this user", exit: .configuration)
        }
        return try ConnectionSettings(url: String(line))
    }

    /// Runs `body` with a client and closes it afterwards.
    func withClient<Value>(_ body: (TaskClient) async throws -> Value) async throws -> Value {
        let settings = try settings()
        let client = TaskClient(settings, pool: PoolSize(connectionsMin: 0, connectionsMax: 2))
        defer { client.close() }
        do {
            return try await body(client)
        } catch let error as PostgresError {
            throw Self.refusal(error, settings)
        }
    }

    static func refusal(_ error: PostgresError, _ settings: ConnectionSettings) -> Refusal {
        if error.isConnectionLoss {
            return Refusal(
                "database \(settings)", why: error.message, remedy: "start it, or check ABSURD_DATABASE_URL",
                exit: .unavailable)
        }
        switch error.sqlState {
        case "42501":
            return Refusal(
                "database \(settings)", why: error.message, remedy: "use a role that may do this", exit: .notAllowed)
        case "3F000", "42883", "42P01":
            return Refusal(
                "database \(settings)", why: "its schema is not of this release: \(error.message)",
                remedy: "run `absurd init`", exit: .configuration)
        case "AB002":
            return Refusal(error.message, why: error.detail ?? "", remedy: error.hint ?? "", exit: .tryAgain)
        case _ where error.sqlState.hasPrefix("22") || error.sqlState.hasPrefix("AB"):
            return Refusal("database", why: error.message, remedy: "", exit: .badData)
        default:
            return Refusal("database \(settings)", why: "\(error)", remedy: "", exit: .unavailable)
        }
    }
}
