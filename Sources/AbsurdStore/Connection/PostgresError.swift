import CPostgres

/// An error that the server or the connection reported. Parameters and passwords never appear in it.
public struct PostgresError: Error, Sendable, Hashable {
    /// Five characters as in the PostgreSQL manual's appendix A; `08006` when the connection broke without one.
    public var sqlState: String
    public var message: String
    public var detail: String?
    public var hint: String?
    /// PL/pgSQL call stack, for logs.
    public var context: String?
    public var constraint: String?

    public init(
        sqlState: String, message: String, detail: String? = nil, hint: String? = nil, context: String? = nil,
        constraint: String? = nil
    ) {
        self.sqlState = sqlState
        self.message = message
        self.detail = detail
        self.hint = hint
        self.context = context
        self.constraint = constraint
    }

    static func lost(_ message: String) -> PostgresError {
        let line = message.split(separator: "\n").first.map(String.init) ?? "the connection was closed"
        return PostgresError(sqlState: "08006", message: line)
    }

    static func misuse(_ message: String) -> PostgresError { PostgresError(sqlState: "XX000", message: message) }

    static func decoding(_ message: String) -> PostgresError { PostgresError(sqlState: "22P03", message: message) }

    init(result: OpaquePointer) {
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, Int32(code.asciiValue ?? 0)).map { String(cString: $0) }
        }
        sqlState = field("C") ?? "08006"
        message = field("M") ?? String(cString: PQresultErrorMessage(result))
        detail = field("D")
        hint = field("H")
        context = field("W")
        constraint = field("n")
    }
}

extension PostgresError {
    /// The connection is gone, or the server is going: what was under way has an unknown fate, so try again elsewhere.
    public var isConnectionLoss: Bool {
        sqlState.hasPrefix("08") || ["57P01", "57P02", "57P03", "57P05"].contains(sqlState)
    }

    /// Nothing was changed, and the same statement may well succeed later.
    public var isWorthRepeating: Bool {
        isConnectionLoss || ["40001", "40P01", "55P03", "53300"].contains(sqlState)
    }

    public var isCancelled: Bool { sqlState == "57014" }
}

extension PostgresError: CustomStringConvertible {
    public var description: String {
        let extra = detail.map { " (\($0))" } ?? ""
        return "\(message)\(extra) [\(sqlState)]"
    }
}
