/// The text of one SQL statement, and the name under which the server may keep its plan.
public struct PostgresStatement: Sendable, Hashable, ExpressibleByStringLiteral {
    /// nil: parsed anew each time. A name must always stand for the same text.
    public var name: String?
    public var sql: String

    public init(_ sql: String) { self.sql = sql }

    public init(name: String, _ sql: String) {
        self.name = name
        self.sql = sql
    }

    public init(stringLiteral value: String) { self.init(value) }
}
