/// Markup that is safe to send. Literals are markup; whatever is interpolated is text and is escaped, unless it is `HTML`.
public struct HTML: Sendable, Hashable, ExpressibleByStringInterpolation {
    public var markup: String

    public init(stringLiteral value: String) { markup = value }

    public init(stringInterpolation: StringInterpolation) { markup = stringInterpolation.markup }

    private init(markup: String) { self.markup = markup }

    public static let nothing: HTML = ""

    public static func + (left: HTML, right: HTML) -> HTML { HTML(markup: left.markup + right.markup) }

    public static func += (left: inout HTML, right: HTML) { left.markup += right.markup }

    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var markup = ""

        public init(literalCapacity: Int, interpolationCount: Int) {
            markup.reserveCapacity(literalCapacity + 16 * interpolationCount)
        }

        public mutating func appendLiteral(_ literal: String) { markup += literal }

        public mutating func appendInterpolation(_ html: HTML) { markup += html.markup }

        public mutating func appendInterpolation(_ parts: [HTML]) { for part in parts { markup += part.markup } }

        public mutating func appendInterpolation(_ number: Int) { markup += String(number) }

        public mutating func appendInterpolation(_ text: String) {
            for byte in text.unicodeScalars {
                switch byte {
                case "&": markup += "&amp;"
                case "<": markup += "&lt;"
                case ">": markup += "&gt;"
                case "\"": markup += "&quot;"
                case "'": markup += "&#39;"
                // Not allowed in a document, escaped or not.
                case "\u{0}"..."\u{8}", "\u{B}", "\u{C}", "\u{E}"..."\u{1F}": markup.unicodeScalars.append("\u{FFFD}")
                default: markup.unicodeScalars.append(byte)
                }
            }
        }
    }
}

extension Array where Element == HTML {
    func joined(by separator: HTML) -> HTML {
        var whole = HTML.nothing
        for (index, part) in enumerated() {
            if index > 0 { whole += separator }
            whole += part
        }
        return whole
    }
}
