import Absurd

/// A small line chart in SVG: what happened to one figure over the time shown, its last value, its range.
///
/// It is drawn here, so that it is there without a script; the script adds a reading under the pointer from `data-texts`.
struct Sparkline {
    struct Point {
        var at: Timestamp
        /// nil: nothing was measured then, and the line breaks.
        var value: Double?
    }

    var title: String
    var points: [Point]
    var format: (Double?) -> String
    /// The value from which on it is an alert; drawn when it is near.
    var limit: Double?
    /// The top of the scale where it is fixed (a ratio's 1).
    var top: Double?

    private static let width = 240.0
    private static let height = 44.0
    private static let inset = 3.0

    var html: HTML {
        let known = points.compactMap(\.value)
        let last = points.last?.value ?? nil
        let highest = known.max()
        let range: HTML =
            highest.map { "\(format(known.min())) – \(format($0))" } ?? "nothing measured yet"
        return """
            <figure class="spark"><figcaption>\(title)</figcaption><b>\(format(last))</b>
            \(drawing(highest ?? 0))
            <small>\(range)</small></figure>
            """
    }

    private func drawing(_ highest: Double) -> HTML {
        let scale = max(top ?? highest, 1e-9)
        let texts = points.map { "\($0.at.description.dropFirst(11).prefix(5)) \(format($0.value))" }
        let spoken = """
            \(title): now \(format(points.last?.value ?? nil)), highest \(format(highest)) in \(span)
            """
        return """
            <svg viewBox="0 0 240 44" role="img" aria-label="\(spoken)" data-texts="\(texts.joined(separator: "|"))">\
            <line class="base" x1="0" x2="240" y1="43.5" y2="43.5"/>\
            \(limitLine(scale))\(lines(scale))\(dot(scale))</svg>
            """
    }

    private var span: String {
        guard let first = points.first, let last = points.last else { return "no time" }
        return Figures.duration(last.at.seconds - first.at.seconds)
    }

    private func x(_ index: Int) -> Double {
        points.count < 2
            ? Self.width - Self.inset
            : Self.inset + Double(index) / Double(points.count - 1) * (Self.width - 2 * Self.inset)
    }

    private func y(_ value: Double, _ scale: Double) -> Double {
        Self.height - 1 - min(1.1, max(0, value / scale)) * (Self.height - 1 - 2 * Self.inset)
    }

    private func coordinate(_ value: Double) -> String { Drawing.number(value) }

    private func lines(_ scale: Double) -> HTML {
        var path = ""
        var area = ""
        var start: Int?
        for (index, point) in points.enumerated() {
            guard let value = point.value else {
                if let first = start { area += "L\(coordinate(x(index - 1))) 43L\(coordinate(x(first))) 43Z" }
                start = nil
                continue
            }
            let place = "\(coordinate(x(index))) \(coordinate(y(value, scale)))"
            path += (start == nil ? "M" : "L") + place
            area += start == nil ? "M\(coordinate(x(index))) 43L\(place)" : "L" + place
            if start == nil { start = index }
        }
        if let first = start { area += "L\(coordinate(x(points.count - 1))) 43L\(coordinate(x(first))) 43Z" }
        return path.isEmpty
            ? .nothing
            : (top == nil ? "<path class=\"area\" d=\"\(area)\"/>" : .nothing) + "<path class=\"line\" d=\"\(path)\"/>"
    }

    private func dot(_ scale: Double) -> HTML {
        guard let value = points.last?.value else { return .nothing }
        return "<circle r=\"2.5\" cx=\"\(coordinate(x(points.count - 1)))\" cy=\"\(coordinate(y(value, scale)))\"/>"
    }

    private func limitLine(_ scale: Double) -> HTML {
        guard let limit, limit <= scale else { return .nothing }
        let at = coordinate(y(limit, scale))
        return "<line class=\"limit\" x1=\"0\" x2=\"240\" y1=\"\(at)\" y2=\"\(at)\"/>"
    }
}

/// Numbers of SVG.
enum Drawing {
    /// One decimal, a plain point, no exponent.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "0" }
        let tenths = Int((max(-1e6, min(1e6, value)) * 10).rounded())
        let sign = tenths < 0 ? "-" : ""
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(sign)\(abs(tenths) / 10).\(abs(tenths) % 10)"
    }
}
