/// From which measured value on a check speaks up, where it is not one of the alerts' thresholds.
enum Bounds {
    static let statementSeconds = 0.1
    static let snapshotSecondsWarning = 60.0
    static let snapshotSecondsCritical = 900.0
    static let deadRowsMin: Int64 = 10_000
    static let deadFraction = 0.2
    static let transactionAgeWarning: Int64 = 500_000_000
    static let transactionAgeCritical: Int64 = 1_500_000_000
    /// Of all that is free when the disk is 10 % full or less, this much is enough.
    static let stageFreeBytesComfortable: Int64 = 50 << 30
    static let stageFreeBytesCritical: Int64 = 2 << 30
    /// Twice the sub-bands of one observation, which is what staging asks for.
    static let tmpfsFreeBytesForStaging: Int64 = 2_900 << 20
}

/// Statements to type, kept as files so that their SQL is in one place.
enum Remedy {
    private static let templates = Dictionary(uniqueKeysWithValues: EmbeddedSQL.statements)

    /// `Statements/remedy_NAME.sql` as a psql command line, with its words replaced.
    static func sql(_ name: String, _ words: [String: String]) -> String {
        guard var text = templates["remedy_\(name)"] else { preconditionFailure("no Statements/remedy_\(name).sql") }
        for (word, value) in words { text = text.replacing(word, with: value.replacing("'", with: "''")) }
        return psql(text)
    }

    static func psql(_ statement: String) -> String {
        let line = statement.split(separator: "\n").filter { !$0.hasPrefix("--") }.joined(separator: " ")
        // Names of queues and tasks are data, for the shell too.
        let quoted = line.reduce(into: "") { text, letter in
            if #"\"$`"#.contains(letter) { text.append("\\") }
            text.append(letter)
        }
        return #"psql "$ABSURD_DATABASE_URL" -c ""# + quoted + #"""#
    }
}
