#if canImport(Glibc)
    import Glibc
#endif

/// Lines over one pair of axes, as SVG.
struct SVGChart {
    struct Line {
        var label: String
        /// (x, y); a y that is not finite breaks the line.
        var points: [(Double, Double)]
    }

    var title: String
    var xLabel: String
    var yLabel: String
    var lines: [Line]
    /// Fixed y range, such as that of phases; otherwise that of the data.
    var yRange: ClosedRange<Double>?

    private static let width = 960.0
    private static let height = 420.0
    private static let margin = (left: 70.0, right: 20.0, top: 36.0, bottom: 50.0)

    var text: String {
        let xs = lines.flatMap { $0.points.map(\.0) }.filter(\.isFinite)
        let ys = lines.flatMap { $0.points.map(\.1) }.filter(\.isFinite)
        let xRange = Self.padded(xs.min() ?? 0, xs.max() ?? 1)
        let yRange = self.yRange ?? Self.padded(ys.min() ?? 0, ys.max() ?? 1)
        let (left, top) = (Self.margin.left, Self.margin.top)
        let (inner, tall) = (Self.width - left - Self.margin.right, Self.height - top - Self.margin.bottom)
        func place(_ x: Double, _ y: Double) -> (Double, Double) {
            (
                left + (x - xRange.lowerBound) / (xRange.upperBound - xRange.lowerBound) * inner,
                top + (yRange.upperBound - y) / (yRange.upperBound - yRange.lowerBound) * tall
            )
        }
        var out = """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(Int(Self.width))" height="\(Int(Self.height))" \
            font-family="sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="white"/>
            <text x="\(left)" y="22" font-size="15">\(Self.escaped(title))</text>
            <rect x="\(left)" y="\(top)" width="\(inner)" height="\(tall)" fill="none" stroke="#888"/>

            """
        for tick in Self.ticks(xRange) {
            let x = place(tick, yRange.lowerBound).0
            out += "<line x1=\"\(Self.short(x))\" y1=\"\(top)\" x2=\"\(Self.short(x))\" y2=\"\(top + tall)\" "
            out += "stroke=\"#eee\"/><text x=\"\(Self.short(x))\" y=\"\(top + tall + 16)\" text-anchor=\"middle\">"
            out += "\(Self.number(tick))</text>\n"
        }
        for tick in Self.ticks(yRange) {
            let y = place(xRange.lowerBound, tick).1
            out += "<line x1=\"\(left)\" y1=\"\(Self.short(y))\" x2=\"\(left + inner)\" y2=\"\(Self.short(y))\" "
            out += "stroke=\"#eee\"/><text x=\"\(left - 6)\" y=\"\(Self.short(y + 4))\" text-anchor=\"end\">"
            out += "\(Self.number(tick))</text>\n"
        }
        for (index, line) in lines.enumerated() {
            let hue = index * 137 % 360
            out += "<path fill=\"none\" stroke=\"hsl(\(hue),65%,42%)\" stroke-width=\"1\" d=\"\(path(line, place))\">"
            out += "<title>\(Self.escaped(line.label))</title></path>\n"
        }
        out += "<text x=\"\(left + inner / 2)\" y=\"\(Self.height - 10)\" text-anchor=\"middle\">"
        out += "\(Self.escaped(xLabel))</text>\n<text x=\"16\" y=\"\(top + tall / 2)\" text-anchor=\"middle\" "
        out += "transform=\"rotate(-90 16 \(top + tall / 2))\">\(Self.escaped(yLabel))</text>\n</svg>\n"
        return out
    }

    private func path(_ line: Line, _ place: (Double, Double) -> (Double, Double)) -> String {
        var result = ""
        var isDrawing = false
        for (x, y) in line.points {
            guard x.isFinite, y.isFinite else {
                isDrawing = false
                continue
            }
            let (px, py) = place(x, y)
            // A point by itself still shows: a line of no length with round ends would not in all viewers.
            result += isDrawing ? "L\(Self.short(px)) \(Self.short(py))" : "M\(Self.short(px)) \(Self.short(py))h1"
            isDrawing = true
        }
        return result
    }

    private static func padded(_ low: Double, _ high: Double) -> ClosedRange<Double> {
        let pad = high > low ? (high - low) * 0.04 : max(abs(low) * 0.04, 1e-3)
        return low - pad...high + pad
    }

    static func ticks(_ range: ClosedRange<Double>) -> [Double] {
        let span = range.upperBound - range.lowerBound
        let power = pow(10, (log10(span / 6)).rounded(.down))
        let step = [1.0, 2, 5, 10].map { $0 * power }.first { span / $0 <= 8 } ?? span
        let first = (range.lowerBound / step).rounded(.up)
        let last = (range.upperBound / step).rounded(.down)
        return stride(from: first, through: last, by: 1).map { $0 * step }
    }

    private static func short(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    private static func number(_ value: Double) -> String {
        let rounded = (value * 1e6).rounded() / 1e6
        return rounded == rounded.rounded() && abs(rounded) < 1e9 ? "\(Int(rounded))" : "\(rounded)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
