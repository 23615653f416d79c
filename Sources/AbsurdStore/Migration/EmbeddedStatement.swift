extension PostgresStatement {
    private static let embedded = Dictionary(uniqueKeysWithValues: EmbeddedSQL.statements)

    /// The statement in `Statements/NAME.sql`; its plan is kept under that name.
    static func named(_ name: String) -> PostgresStatement {
        guard let sql = embedded[name] else { preconditionFailure("no Statements/\(name).sql in this build") }
        return PostgresStatement(name: name, sql)
    }
}
