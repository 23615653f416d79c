/// Parts of a whole as one thin bar.
struct StackedBar {
    var label: String
    /// Tone, word and number.
    var parts: [(tone: String, word: String, count: Int64)]
    /// The length of the whole; the parts' sum where nil.
    var of: Int64?

    var html: HTML {
        let total = Double(max(of ?? parts.map(\.count).reduce(0, +), 1))
        var at = 0.0
        var drawn: [HTML] = []
        for part in parts where part.count > 0 {
            let width = max(0.6, Double(part.count) / total * 100)
            drawn.append(
                """
                <rect class="\(part.tone)" x="\(Drawing.number(at))" y="0" width="\(Drawing.number(width))" height="8"/>
                """)
            at += width
        }
        let spoken = parts.filter { $0.count > 0 }.map { "\(Figures.count($0.count)) \($0.word)" }
        return """
            <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" \
            aria-label="\(label): \(spoken.isEmpty ? "nothing" : spoken.joined(separator: ", "))">\
            <rect class="rest" x="0" y="0" width="100" height="8"/>\(drawn)</svg>
            """
    }
}
