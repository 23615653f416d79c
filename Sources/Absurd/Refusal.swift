/// An error that a person reads: one line that names the thing, the cause and the remedy.
public struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
    public var what: String
    public var why: String
    public var remedy: String
    public var exit: ExitCode

    public init(_ what: String, why: String, remedy: String, exit: ExitCode) {
        self.what = what
        self.why = why
        self.remedy = remedy
        self.exit = exit
    }

    public var description: String {
        let line = remedy.isEmpty ? "\(what): \(why)" : "\(what): \(why); \(remedy)"
        return line.replacing("\n", with: " ")
    }
}

/// The exit codes of every program, after sysexits.h where it has one.
public enum ExitCode: Int32, Sendable {
    case success = 0
    /// It ran, and the answer is no.
    case no = 1
    case usage = 64
    case badData = 65
    /// No database or no leader.
    case unavailable = 69
    case cannotCreate = 73
    case tryAgain = 75
    case notAllowed = 77
    case configuration = 78
}
