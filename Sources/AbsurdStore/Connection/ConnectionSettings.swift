import Absurd
import CPostgres
import Glibc

/// How to reach the database. Its description never shows a password.
///
/// The password may come from the URL, `PGPASSWORD`, a service file, `PGPASSFILE` (libpq reads these three itself), or
/// from the file that `ABSURD_DATABASE_PASSWORD_FILE` names, or systemd's credential `absurd-database-password`.
public struct ConnectionSettings: Sendable, Hashable {
    private var keywords: [String: String]

    /// What `pg_stat_activity` shows.
    public var applicationName = "absurd"
    public var connectTimeoutSeconds = Limits.connectTimeoutSeconds
    /// 0: none. Sent as start-up options, so not through a pooler.
    public var statementTimeoutMilliseconds = 0
    public var lockTimeoutMilliseconds = 0
    /// How long sent data may stay unacknowledged before the kernel gives the connection up.
    public var tcpUserTimeoutMilliseconds = Limits.tcpUserTimeoutMilliseconds
    /// Takes this role's rights after the login; nil: the user's own. Not through a pooler.
    public var role: String?
    /// False behind PgBouncer in transaction mode (`?pooler=transaction` in the URL): no named statements, no session
    /// settings, no LISTEN.
    public var hasSession = true

    var preparesStatements: Bool { hasSession }

    /// Takes a `postgresql://` URL, which may name several hosts and `target_session_attrs`, or a keyword string.
    public init(url: String, environment: [String: String] = ConnectionSettings.processEnvironment) throws(Refusal) {
        var text = url
        for form in ["?pooler=transaction&", "&pooler=transaction", "?pooler=transaction"] {
            guard let range = text.firstRange(of: form) else { continue }
            text.replaceSubrange(range, with: form.hasSuffix("&") ? "?" : "")
            hasSession = false
            break
        }
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(text, &message) else {
            // libpq's message may quote the URL, and with it the password.
            if let message { PQfreemem(message) }
            throw Refusal(
                "database URL", why: "not a connection URL that libpq understands",
                remedy: "write postgresql://user@host:port/database", exit: .configuration)
        }
        defer { PQconninfoFree(options) }
        keywords = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { keywords[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        if keywords["password"] == nil, let file = Self.passwordFile(environment) {
            keywords["password"] = try Self.readPassword(file)
        }
    }

    /// A cluster on this machine, by the directory that holds its socket.
    public init(socketDirectory: String, database: String, user: String) {
        keywords = ["host": socketDirectory, "dbname": database, "user": user]
    }

    public var database: String? {
        get { keywords["dbname"] }
        set { keywords["dbname"] = newValue }
    }

    public var user: String? {
        get { keywords["user"] }
        set { keywords["user"] = newValue }
    }

    /// The same hosts in another order: what was first comes last.
    public func startingWithNextHost() -> ConnectionSettings {
        var rotated = self
        for list in ["host", "hostaddr", "port"] {
            guard var items = keywords[list]?.split(separator: ",", omittingEmptySubsequences: false), items.count > 1
            else { continue }
            items.append(items.removeFirst())
            rotated.keywords[list] = items.joined(separator: ",")
        }
        return rotated
    }

    private func allKeywords() -> [String: String] {
        var all = [
            "connect_timeout": String(connectTimeoutSeconds), "keepalives": "1", "keepalives_idle": "30",
            "keepalives_interval": "10", "keepalives_count": "3", "client_encoding": "UTF8",
            "tcp_user_timeout": String(tcpUserTimeoutMilliseconds), "fallback_application_name": applicationName,
        ]
        all.merge(keywords) { _, explicit in explicit }
        if hasSession {
            var options = keywords["options"].map { [$0] } ?? []
            if statementTimeoutMilliseconds > 0 {
                options.append("-c statement_timeout=\(statementTimeoutMilliseconds)")
            }
            if lockTimeoutMilliseconds > 0 { options.append("-c lock_timeout=\(lockTimeoutMilliseconds)") }
            if let role { options.append("-c role=\(Self.escapedOption(role))") }
            if !options.isEmpty { all["options"] = options.joined(separator: " ") }
        }
        return all
    }

    /// The server splits options at blanks that no backslash guards.
    private static func escapedOption(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing(" ", with: "\\ ")
    }

    /// Calls `body` with the null-terminated parallel arrays that libpq takes.
    func withKeywords<Result>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>) -> Result
    ) -> Result {
        let pairs = allKeywords()
        var names: [UnsafePointer<CChar>?] = pairs.keys.map { UnsafePointer(strdup($0)) }
        var values: [UnsafePointer<CChar>?] = pairs.values.map { UnsafePointer(strdup($0)) }
        names.append(nil)
        values.append(nil)
        defer { for pointer in names + values { free(UnsafeMutableRawPointer(mutating: pointer)) } }
        return body(names, values)
    }

    /// `text` without the password, should a library have put it there.
    func redact(_ text: String) -> String {
        guard let password = keywords["password"], !password.isEmpty else { return text }
        return text.replacing(password, with: "…")
    }

    // MARK: Password

    public static var processEnvironment: [String: String] {
        var all: [String: String] = [:]
        guard var entry = Optional(environ) else { return all }
        while let line = entry.pointee {
            let text = String(cString: line)
            if let equals = text.firstIndex(of: "=") {
                all[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            entry += 1
        }
        return all
    }

    private static func passwordFile(_ environment: [String: String]) -> String? {
        if let path = environment["ABSURD_DATABASE_PASSWORD_FILE"] { return path }
        guard let directory = environment["CREDENTIALS_DIRECTORY"] else { return nil }
        let path = directory + "/absurd-database-password"
        return access(path, R_OK) == 0 ? path : nil
    }

    private static func readPassword(_ path: String) throws(Refusal) -> String {
        guard let file = fopen(path, "re") else {
            throw Refusal(
                "password file \(path)", why: String(cString: strerror(errno)),
                remedy: "make it readable or unset ABSURD_DATABASE_PASSWORD_FILE", exit: .configuration)
        }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = fread(&buffer, 1, buffer.count, file)
        let line = buffer[..<count].prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        return String(decoding: line, as: UTF8.self)
    }
}

extension ConnectionSettings: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Such as `postgresql://user@host:5432/database`.
    public var description: String {
        let host = keywords["host"] ?? keywords["hostaddr"] ?? "localhost"
        let port = keywords["port"].map { ":" + $0 } ?? ""
        let user = keywords["user"].map { $0 + "@" } ?? ""
        return "postgresql://\(user)\(host)\(port)/\(keywords["dbname"] ?? "")"
    }

    public var debugDescription: String { description }

    public var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}
