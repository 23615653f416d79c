import Absurd

extension Refusal {
    /// The line that a person reads for a database error. What the schema refuses (states AB001 to AB006) says what, why
    /// and what to do by itself: its message is `what: why; remedy`.
    public init(_ error: PostgresError, doing what: String) {
        if error.sqlState.hasPrefix("AB") {
            let why = error.detail ?? error.message
            let subject = error.message.firstRange(of: ": \(why)").map { String(error.message[..<$0.lowerBound]) }
            self.init(subject ?? what, why: why, remedy: error.hint ?? "", exit: Self.exit(error.sqlState))
        } else if error.isConnectionLoss {
            self.init(
                what, why: "no database: \(error.message)", remedy: "check ABSURD_DATABASE_URL and that it runs",
                exit: .unavailable)
        } else {
            self.init(
                what, why: "\(error)", remedy: error.hint ?? Self.remedy(error.sqlState),
                exit: Self.exit(error.sqlState))
        }
    }

    private static func exit(_ sqlState: String) -> ExitCode {
        switch sqlState {
        case "AB001", "AB002", "55P03", "40001", "40P01", "53300", "57014": .tryAgain
        case "AB003", "AB004": .badData
        case "AB005", "AB006": .no
        case "42501", "28000", "28P01": .notAllowed
        case "42883", "42P01", "3F000", "3D000": .configuration
        default: sqlState.hasPrefix("22") || sqlState.hasPrefix("23") ? .badData : .unavailable
        }
    }

    private static func remedy(_ sqlState: String) -> String {
        switch sqlState {
        case "42501": "ask for one of the roles absurd_client, absurd_reader, absurd_leader, absurd_admin"
        case "42883", "42P01", "3F000": "run `absurd init` on this database"
        default: ""
        }
    }
}
