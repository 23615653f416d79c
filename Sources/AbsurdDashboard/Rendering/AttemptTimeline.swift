import Absurd

/// A task's life on a time axis: waiting, each attempt, the back-offs between.
struct AttemptTimeline {
    struct Attempt {
        var number: Int64
        var start: Timestamp
        /// nil: it runs.
        var end: Timestamp?
        var outcome: String
    }

    var created: Timestamp
    var attempts: [Attempt]
    var now: Timestamp

    private static let left = 4.0
    private static let width = 632.0
    private static let rowHeight = 18.0

    var html: HTML {
        guard !attempts.isEmpty else { return .nothing }
        let end = max(attempts.map { $0.end ?? now }.max() ?? now, created.advanced(bySeconds: 0.001))
        let span = end.seconds - created.seconds
        func x(_ time: Timestamp) -> Double {
            Self.left + min(1, max(0, (time.seconds - created.seconds) / span)) * Self.width
        }
        var rows: [HTML] = []
        var before = created
        for (index, attempt) in attempts.enumerated() {
            let top = Double(index) * Self.rowHeight + 4
            let over = attempt.end ?? now
            let width = max(2, x(over) - x(attempt.start))
            rows.append(
                """
                <line class="wait" x1="\(Drawing.number(x(before)))" x2="\(Drawing.number(x(attempt.start)))" \
                y1="\(Drawing.number(top + 6))" y2="\(Drawing.number(top + 6))"/>\
                <rect class="\(Status.tone(attempt.outcome))" x="\(Drawing.number(x(attempt.start)))" \
                y="\(Drawing.number(top))" width="\(Drawing.number(width))" height="12" rx="2"><title>\
                Attempt \(Figures.count(attempt.number)): \(Status.word(attempt.outcome)) after \
                \(Figures.duration(over.seconds - attempt.start.seconds))</title></rect>
                """)
            before = over
        }
        let height = Double(attempts.count) * Self.rowHeight + 6
        return """
            <figure class="timeline"><svg viewBox="0 0 640 \(Drawing.number(height))" role="img" aria-label="\(spoken)">\
            \(rows)<line class="base" x1="4" x2="636" y1="\(Drawing.number(height - 1))" y2="\(Drawing.number(height - 1))"/>\
            </svg><figcaption><span>created \(Moments.clock(created, at: now))</span>\
            <span>\(Figures.duration(span)) \(attempts.last?.end == nil ? "so far" : "in all")</span></figcaption></figure>
            """
    }

    private var spoken: String {
        attempts.map { attempt in
            "attempt \(attempt.number) \(Status.word(attempt.outcome)), began "
                + "\(Figures.duration(attempt.start.seconds - created.seconds)) after the task was made and took "
                + Figures.duration((attempt.end ?? now).seconds - attempt.start.seconds)
        }.joined(separator: "; ")
    }
}
