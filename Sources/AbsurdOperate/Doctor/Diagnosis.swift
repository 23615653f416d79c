public import Absurd

/// What a check found: the cause, what shows it, and what to type.
public struct Diagnosis: Sendable, Hashable {
    public enum Severity: Int, Sendable, Hashable, Comparable, CaseIterable {
        /// Worth knowing; nothing is wrong.
        case note
        case warning, critical

        public var name: String {
            switch self {
            case .note: "note"
            case .warning: "warning"
            case .critical: "critical"
            }
        }

        public static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
    }

    /// A constant name, such as `stopped-worker`.
    public var check: String
    public var severity: Severity
    public var cause: String
    public var evidence: String
    public var remedy: String

    public init(_ check: String, _ severity: Severity, cause: String, evidence: String, remedy: String) {
        self.check = check
        self.severity = severity
        self.cause = cause
        self.evidence = evidence
        self.remedy = remedy
    }

    public var json: JSONValue {
        [
            "check": .string(check), "severity": .string(severity.name), "cause": .string(cause),
            "evidence": .string(evidence), "remedy": .string(remedy),
        ]
    }
}
