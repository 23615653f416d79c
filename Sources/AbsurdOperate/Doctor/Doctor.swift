public import Absurd

/// One diagnosis: a question, and the function that answers it from facts alone.
public struct Check: Sendable {
    public var name: String
    public var question: String
    /// Nil when the facts that it needs could not be read.
    var judge: @Sendable (Facts) -> [Diagnosis]?

    init(_ name: String, _ question: String, _ judge: @escaping @Sendable (Facts) -> [Diagnosis]?) {
        self.name = name
        self.question = question
        self.judge = judge
    }
}

/// Every check on one set of facts. Pure.
public struct Examination: Sendable {
    public var findings: [Diagnosis] = []
    /// Names of the checks whose facts were there.
    public var made: [String] = []
    public var notMade: [String] = []
    public var unread: [String: String]

    /// In the order of the guide's troubleshooting chapter: throughput, latency, database, machine, pipeline.
    public static let checks: [Check] =
        Throughput.checks + Latency.checks + Timeouts.checks + Indexes.checks + Storage.checks + Server.checks
        + Machine.checks + NUMA.checks + Installation.checks

    public init(_ facts: Facts) {
        unread = facts.unread
        for check in Self.checks {
            guard let found = check.judge(facts) else {
                notMade.append(check.name)
                continue
            }
            made.append(check.name)
            findings += found
        }
        // The worst first; within a severity in the order of the checks.
        let order = findings.indices.sorted { (findings[$1].severity, $0) < (findings[$0].severity, $1) }
        findings = order.map { findings[$0] }
    }

    public var isHealthy: Bool { !findings.contains { $0.severity > .note } }

    public var json: JSONValue {
        [
            "healthy": .bool(isHealthy), "findings": .array(findings.map(\.json)),
            "checks_made": .array(made.map { .string($0) }), "checks_not_made": .array(notMade.map { .string($0) }),
            "unread": .object(unread.mapValues { .string($0) }),
        ]
    }

    /// For people: a paragraph a finding, and a line that sums up.
    public var lines: [String] {
        var lines: [String] = []
        for finding in findings {
            lines.append("\(finding.severity.name.uppercased()) \(finding.check): \(finding.cause)")
            lines.append("  evidence  \(finding.evidence)")
            lines.append("  remedy    \(finding.remedy)")
        }
        func count(_ severity: Diagnosis.Severity) -> Int { findings.count { $0.severity == severity } }
        if !notMade.isEmpty { lines.append("not checked: \(notMade.joined(separator: ", "))") }
        for (part, why) in unread.sorted(by: { $0.key < $1.key }) { lines.append("  \(part): \(why)") }
        lines.append(
            "\(made.count) checks: \(count(.critical)) critical, \(count(.warning)) warnings, \(count(.note)) notes")
        return lines
    }
}
