/// How a piece of text looks; a terminal without colour shows all of them alike.
public enum Style: String, Sendable, Hashable {
    case plain, strong, dim, good, warning, bad, chosen

    /// The parameters of the SGR sequence.
    var code: String {
        switch self {
        case .plain: "0"
        case .strong: "1"
        case .dim: "2"
        case .good: "32"
        case .warning: "33"
        case .bad: "1;31"
        case .chosen: "7"
        }
    }
}

/// One line of the screen, never longer than its width.
public struct StyledLine: Sendable, Hashable {
    public private(set) var spans: [Span] = []
    public private(set) var count = 0
    public let width: Int

    public struct Span: Sendable, Hashable {
        public var text: String
        public var style: Style
    }

    public init(width: Int) { self.width = width }

    public init(_ text: String, _ style: Style = .plain, width: Int) {
        self.init(width: width)
        add(text, style)
    }

    /// Text comes from tasks too: a control character in it must not reach the terminal.
    static func harmless(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 32 || (127..<160).contains($0.value) }) else {
            return text
        }
        let scalars = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            scalar.value < 32 || (127..<160).contains(scalar.value) ? " " : scalar
        }
        return String(String.UnicodeScalarView(scalars))
    }

    public mutating func add(_ text: String, _ style: Style = .plain) {
        let piece = String(Self.harmless(text).prefix(width - count))
        guard !piece.isEmpty else { return }
        spans.append(Span(text: piece, style: style))
        count += piece.count
    }

    /// A cell and the space after it.
    mutating func add(_ text: String, column: Int, right: Bool = false, _ style: Style = .plain) {
        guard column > 0 else { return }
        let cell = String(Self.harmless(text).prefix(column))
        let room = String(repeating: " ", count: column - cell.count)
        add((right ? room + cell : cell + room) + " ", style)
    }

    public var text: String {
        var text = spans.map(\.text).joined()
        while text.hasSuffix(" ") { text.removeLast() }
        return text
    }

    public func terminalText(isColoured: Bool) -> String {
        // The chosen line must be seen without colour too: reverse video is none.
        spans.map { span in
            isColoured || span.style == .chosen ? "\u{1B}[\(span.style.code)m\(span.text)\u{1B}[0m" : span.text
        }.joined()
    }

    /// The whole line in reverse video.
    var chosen: StyledLine {
        var line = StyledLine(width: width)
        let text = spans.map(\.text).joined()
        line.add(text + String(repeating: " ", count: max(0, width - text.count)), .chosen)
        return line
    }
}

/// How quantities are written in a few characters.
enum Brief {
    static func seconds(_ value: Double?) -> String {
        guard let value else { return "-" }
        switch value {
        case ..<0.0995: return "\(Int((value * 1000).rounded()))ms"
        case ..<9.95: return "\((value * 10).rounded() / 10)s"
        case ..<99.5: return "\(Int(value.rounded()))s"
        case ..<5940: return "\(Int(value / 60))m"
        case ..<360_000: return "\(Int(value / 3600))h"
        default: return "\(Int(value / 86_400))d"
        }
    }

    static func count(_ value: Int64) -> String {
        switch value {
        case ..<100_000: "\(value)"
        case ..<10_000_000: "\(value / 1000)k"
        default: "\(value / 1_000_000)M"
        }
    }

    static func percent(_ ratio: Double?) -> String {
        ratio.map { "\(($0 * 1000).rounded(.down) / 10) %" } ?? "-"
    }

    static func rate(_ value: Double) -> String {
        switch value {
        case ..<0.995: "\((value * 100).rounded() / 100)"
        case ..<99.95: "\((value * 10).rounded() / 10)"
        default: "\(Int(value.rounded()))"
        }
    }

    /// Minutes and seconds, or hours and minutes.
    static func clock(_ seconds: Double) -> String {
        let whole = Int(max(0, seconds))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return whole < 3600 ? "\(whole / 60):\(two(whole % 60))" : "\(whole / 3600)h\(two(whole / 60 % 60))"
    }

    /// A bar and its percentage.
    static func bar(_ fraction: Double?, cells: Int, isUnicode: Bool) -> String {
        guard let fraction else { return String(repeating: isUnicode ? "░" : ".", count: cells) + "    -" }
        let full = Int((min(max(fraction, 0), 1) * Double(cells)).rounded())
        let bar =
            String(repeating: isUnicode ? "█" : "#", count: full)
            + String(repeating: isUnicode ? "░" : ".", count: cells - full)
        let number = "\(Int(min(max(fraction, 0), 1) * 100))"
        return bar + String(repeating: " ", count: 4 - number.count) + number + "%"
    }
}
