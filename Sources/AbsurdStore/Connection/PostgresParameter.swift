import Absurd

/// One parameter of a statement. It travels in binary with its type's object id, so the server never guesses.
public enum PostgresParameter: Sendable, Hashable {
    case null
    case text(String)
    case bytea([UInt8])
    case bool(Bool)
    case int2(Int16)
    case int4(Int32)
    case int8(Int64)
    case float8(Double)
    case uuid(TaskID)
    case timestamptz(Timestamp)
    /// JSON text in UTF-8, passed through unread.
    case jsonb([UInt8])
    case texts([String?])
    case int4s([Int32?])
    case int8s([Int64?])
    case float8s([Double?])
    case uuids([TaskID?])
    case timestamptzs([Timestamp?])
    case jsonbs([[UInt8]?])
}

extension PostgresParameter {
    public static func json(_ text: String) -> PostgresParameter { .jsonb(Array(text.utf8)) }
    public static func text(orNull value: String?) -> PostgresParameter { value.map { .text($0) } ?? .null }
    public static func int4(orNull value: Int32?) -> PostgresParameter { value.map { .int4($0) } ?? .null }
    public static func float8(orNull value: Double?) -> PostgresParameter { value.map { .float8($0) } ?? .null }
    public static func uuid(orNull value: TaskID?) -> PostgresParameter { value.map { .uuid($0) } ?? .null }
    public static func texts(orNull value: [String]?) -> PostgresParameter { value.map { .texts($0) } ?? .null }
    public static func json(orNull text: String?) -> PostgresParameter { text.map { .json($0) } ?? .null }
    public static func timestamptz(orNull value: Timestamp?) -> PostgresParameter {
        value.map { .timestamptz($0) } ?? .null
    }
}

extension PostgresParameter: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral {
    public init(stringLiteral value: String) { self = .text(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }
}
