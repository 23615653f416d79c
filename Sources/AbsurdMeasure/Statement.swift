import AbsurdStore

extension PostgresStatement {
    private static let embedded = Dictionary(uniqueKeysWithValues: EmbeddedSQL.statements)

    /// The statement in this room's `Statements/NAME.sql`, prepared once a session.
    static func measure(_ name: String) -> PostgresStatement {
        PostgresStatement(name: "measure_\(name)", text(name))
    }

    /// A script or a program's input in this room's `Statements/NAME.sql`.
    static func text(_ name: String) -> String {
        guard let sql = embedded[name] else { preconditionFailure("no Statements/\(name).sql in this build") }
        return sql
    }
}
