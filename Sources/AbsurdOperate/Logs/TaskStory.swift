public import Absurd

/// What leader, worker and child said about a task, in one order. Pure.
public struct TaskStory: Sendable {
    public enum Source: String, Sendable, Hashable, CaseIterable { case leader, worker, child }

    public struct Line: Sendable, Hashable {
        /// ISO 8601; empty where none is known.
        public var time: String
        public var source: Source
        public var attempt: Int?
        public var text: String
    }

    public private(set) var lines: [Line] = []

    public init() {}

    /// What the database knows of an attempt: the leader's part.
    public mutating func add(
        attempt: Int, node: String?, begin: Timestamp?, end: Timestamp?, outcome: String?, error: String?
    ) {
        let place = node.map { " on \($0)" } ?? ""
        if let begin { add("\(begin)", .leader, attempt, "attempt \(attempt) was given to a worker\(place)") }
        if let end {
            add("\(end)", .leader, attempt, "attempt \(attempt) \(outcome ?? "ended")\(error.map { ": \($0)" } ?? "")")
        }
    }

    /// A task's log file: the worker writes the time before its lines, what its children print has none.
    public mutating func add(log: String, attempt: Int) {
        var time = ""
        for line in log.split(separator: "\n", omittingEmptySubsequences: true) {
            if let (stamp, text) = Self.stamped(line) {
                time = stamp
                add(stamp, .worker, attempt, text)
            } else {
                add(time, .child, attempt, String(line))
            }
        }
    }

    /// Lines of the leader's own log that speak of the task, `TIME HOST UNIT: TEXT`.
    public mutating func add(journal: String) {
        for line in journal.split(separator: "\n") where !line.hasPrefix("--") {
            guard let space = line.firstIndex(of: " ") else { continue }
            add(String(line[..<space]), .leader, nil, String(line[line.index(after: space)...]))
        }
    }

    private mutating func add(_ time: String, _ source: Source, _ attempt: Int?, _ text: String) {
        lines.append(Line(time: time, source: source, attempt: attempt, text: Redaction.redacted(text)))
    }

    /// By time to the millisecond; lines of one instant stay in the order in which they were added.
    public var ordered: [Line] {
        lines.enumerated().sorted { ($0.element.time.prefix(23), $0.offset) < ($1.element.time.prefix(23), $1.offset) }
            .map(\.element)
    }

    private static func stamped(_ line: Substring) -> (String, String)? {
        guard let match = line.prefixMatch(of: #/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)\s/#) else { return nil }
        return (String(match.1), String(line[match.range.upperBound...]))
    }
}
