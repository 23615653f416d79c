public import Absurd

/// Where a task's time went. Pure.
public struct TaskProfile: Sendable {
    public struct Attempt: Sendable, Hashable {
        public var number: Int
        public var node: String?
        public var begin: Timestamp?
        /// Nil while it runs.
        public var end: Timestamp?
        public var outcome: String?

        public init(number: Int, node: String?, begin: Timestamp?, end: Timestamp?, outcome: String?) {
            self.number = number
            self.node = node
            self.begin = begin
            self.end = end
            self.outcome = outcome
        }
    }

    /// A stretch of the task's life, in seconds since it was spawned.
    public struct Span: Sendable, Hashable {
        public var name: String
        public var start: Double
        public var seconds: Double
        /// 0 for queue and attempts, 1 for what happened inside of one.
        public var depth: Int
    }

    public var id: TaskID
    public var name: String
    public var state: TaskState
    public var createdAt: Timestamp
    public var attempts: [Attempt]
    /// The result's `resources`.
    public var resources: JSONValue
    public var now: Timestamp

    public init(
        id: TaskID, name: String, state: TaskState, createdAt: Timestamp, attempts: [Attempt], resources: JSONValue,
        now: Timestamp
    ) {
        self.id = id
        self.name = name
        self.state = state
        self.createdAt = createdAt
        self.attempts = attempts
        self.resources = resources
        self.now = now
    }

    private func offset(_ moment: Timestamp) -> Double { max(0, moment.seconds - createdAt.seconds) }

    public var totalSeconds: Double {
        let last = attempts.last
        return offset(state.isTerminal ? last?.end ?? last?.begin ?? now : now)
    }

    public var spans: [Span] {
        var spans: [Span] = []
        var at = 0.0
        for (index, attempt) in attempts.enumerated() {
            guard let begin = attempt.begin.map(offset) else { continue }
            if begin > at {
                let what = index == 0 ? "waiting to be claimed" : "waiting for the next attempt"
                spans.append(Span(name: what, start: at, seconds: begin - at, depth: 0))
            }
            let end = attempt.end.map(offset) ?? offset(now)
            let place = attempt.node.map { " on \($0)" } ?? ""
            spans.append(
                Span(
                    name: "attempt \(attempt.number) \(attempt.outcome ?? "running")\(place)", start: begin,
                    seconds: max(0, end - begin), depth: 0))
            if index == attempts.count - 1 { spans += inside(begin: begin, end: end) }
            at = max(at, end)
        }
        if attempts.isEmpty {
            spans.append(Span(name: "waiting to be claimed", start: 0, seconds: offset(now), depth: 0))
        }
        return spans
    }

    /// The last attempt as its worker measured it. The worker's clock is placed so that what the database saw around it,
    /// the way there and the way back, is even.
    private func inside(begin: Double, end: Double) -> [Span] {
        guard let wall = resources["wall_seconds"]?.double else { return [] }
        let around = max(0, end - begin - wall)
        let start = begin + around / 2
        var spans = [Span(name: "on its way to the worker", start: begin, seconds: around / 2, depth: 1)]
        let marks = resources["spans"]?.items ?? []
        if marks.isEmpty { spans.append(Span(name: "running", start: start, seconds: wall, depth: 1)) }
        for mark in marks {
            spans.append(
                Span(
                    name: mark["name"]?.text ?? "", start: start + (mark["start_seconds"]?.double ?? 0),
                    seconds: mark["seconds"]?.double ?? 0, depth: 1))
        }
        spans.append(
            Span(name: "its result on the way back", start: start + wall, seconds: around / 2, depth: 1))
        return spans
    }

    public var lines: [String] {
        let total = totalSeconds
        var lines = [
            "\(name) \(id) \(state.rawValue): \(Brief.seconds(total)) from spawn to \(state.isTerminal ? "end" : "now")"
        ]
        let rows = spans.map { span in
            [
                String(repeating: "  ", count: span.depth) + span.name, Self.exact(span.start),
                Self.exact(span.seconds),
                "\(Int((span.seconds / max(total, 1e-9) * 100).rounded())) %",
            ]
        }
        let all = [["SPAN", "START", "TIME", "SHARE"]] + rows
        let widths = (0..<4).map { column in all.map { $0[column].count }.max() ?? 0 }
        for row in all {
            let cells = row.enumerated().map { index, cell in
                let room = String(repeating: " ", count: widths[index] - cell.count)
                return index == 0 ? cell + room : room + cell
            }
            lines.append("  " + cells.joined(separator: "  "))
        }
        return lines + resourceLines
    }

    private var resourceLines: [String] {
        guard let wall = resources["wall_seconds"]?.double else {
            return ["  no resource use is recorded: it has not ended, or a worker of another kind ran it"]
        }
        var lines: [String] = []
        if let cpu = resources["cpu_seconds"]?.double {
            let cores = wall > 0 ? " (\((cpu / wall * 100).rounded() / 100) cores busy on average)" : ""
            lines.append("  CPU      \(Self.exact(cpu))\(cores)")
        }
        if let bytes = resources["max_rss_bytes"]?.int { lines.append("  max RSS  \(Self.bytes(bytes))") }
        for (key, label) in [("read_bytes", "read   "), ("write_bytes", "written")] {
            guard let bytes = resources[key]?.int else { continue }
            let rate = wall > 0 ? ", \(Self.bytes(Int64(Double(bytes) / wall)))/s" : ""
            lines.append(
                "  \(label)  \(Self.bytes(bytes)) from or to storage\(rate)".replacing(
                    "from or to", with: key == "read_bytes" ? "from" : "to"))
        }
        return lines
    }

    static func exact(_ seconds: Double) -> String {
        seconds < 1 ? "\((seconds * 10_000).rounded() / 10) ms" : "\((seconds * 1000).rounded() / 1000) s"
    }

    static func bytes(_ count: Int64) -> String {
        switch count {
        case ..<(10 << 10): "\(count) B"
        case ..<(10 << 20): "\(count >> 10) KiB"
        case ..<(10 << 30): "\(count >> 20) MiB"
        default: "\(count >> 30) GiB"
        }
    }

    public var json: JSONValue {
        [
            "task_id": .string("\(id)"), "task_name": .string(name), "status": .string(state.rawValue),
            "total_seconds": .number(totalSeconds), "resources": resources,
            "spans": .array(
                spans.map { span in
                    [
                        "name": .string(span.name), "start_seconds": .number(span.start),
                        "seconds": .number(span.seconds), "depth": .integer(Int64(span.depth)),
                    ]
                }),
        ]
    }

    /// The Trace Event Format: complete events in microseconds, which Perfetto and speedscope open.
    public var trace: JSONValue {
        func event(_ name: String, _ phase: String, _ more: [String: JSONValue]) -> JSONValue {
            let base: [String: JSONValue] = ["name": .string(name), "ph": .string(phase), "pid": 1, "tid": 1]
            return .object(base.merging(more) { _, new in new })
        }
        var events = [
            event("process_name", "M", ["args": ["name": .string("\(name) \(id)")]]),
            event("thread_name", "M", ["args": ["name": "the task's life"]]),
        ]
        for span in spans {
            events.append(
                event(
                    span.name, "X",
                    [
                        "cat": span.depth == 0 ? "queue" : "stage", "ts": .integer(Int64((span.start * 1e6).rounded())),
                        "dur": .integer(Int64((span.seconds * 1e6).rounded())),
                        "args": span.depth == 0 && span.name.hasPrefix("attempt")
                            && span.start >= (self.spans.last { $0.depth == 0 }?.start ?? 0)
                            ? resources : [:],
                    ]))
        }
        return ["traceEvents": .array(events), "displayTimeUnit": "ms"]
    }
}
