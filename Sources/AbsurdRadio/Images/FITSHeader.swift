/// The cards of a FITS header, in the order of the file (FITS standard 4.0, section 4).
public struct FITSHeader: Sendable, Hashable {
    /// 80 ASCII characters each, without END.
    public private(set) var cards: [String]

    public init(cards: [String] = []) {
        self.cards = cards.map(Self.padded)
    }

    /// The value of `keyword` without quotes and comment, or nil.
    public func text(_ keyword: String) -> String? {
        guard let card = cards.first(where: { Self.keyword(of: $0) == keyword && $0.dropFirst(8).hasPrefix("=") })
        else { return nil }
        return Self.value(of: card)
    }

    public func double(_ keyword: String) -> Double? {
        text(keyword).flatMap { Double($0.replacing("D", with: "E")) }
    }

    public func integer(_ keyword: String) -> Int? {
        text(keyword).flatMap { Int($0) }
    }

    public var history: [String] {
        cards.filter { $0.hasPrefix("HISTORY ") }.map { Self.trimmed(String($0.dropFirst(8))) }
    }

    public mutating func set(_ keyword: String, _ value: Double, _ comment: String = "") {
        replace(keyword, Self.formatted(value), comment)
    }

    public mutating func set(_ keyword: String, _ value: String, _ comment: String = "") {
        let quoted = "'" + value.replacing("'", with: "''") + "'"
        replace(
            keyword, quoted.count < 10 ? String(quoted.dropLast()) + spaces(10 - quoted.count) + "'" : quoted, comment)
    }

    /// Appends text as HISTORY cards of at most 72 characters each.
    public mutating func addHistory(_ text: String) {
        cards += Self.historyCards(text)
    }

    public static func historyCards(_ text: String) -> [String] {
        var rest = Substring(text.map { $0.isASCII && !$0.isNewline ? String($0) : "?" }.joined())
        var result: [String] = []
        repeat {
            result.append(padded("HISTORY " + rest.prefix(72)))
            rest = rest.dropFirst(72)
        } while !rest.isEmpty
        return result
    }

    /// The cards that describe the data rather than the file's structure: what a copy of the image keeps.
    var descriptive: [String] {
        let structural: Set = ["SIMPLE", "BITPIX", "EXTEND", "BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM"]
        return cards.filter { card in
            let keyword = Self.keyword(of: card)
            return !structural.contains(keyword) && !keyword.hasPrefix("NAXIS")
        }
    }

    private mutating func replace(_ keyword: String, _ value: String, _ comment: String) {
        let head = keyword + spaces(8 - keyword.count) + "= "
        let body = value.hasPrefix("'") ? value : spaces(20 - value.count) + value
        let card = Self.padded(head + body + (comment.isEmpty ? "" : " / " + comment))
        if let index = cards.firstIndex(where: { Self.keyword(of: $0) == keyword }) {
            cards[index] = card
        } else {
            cards.append(card)
        }
    }

    private static func keyword(of card: String) -> String { trimmed(String(card.prefix(8))) }

    private static func value(of card: String) -> String {
        let body = card.dropFirst(9).drop { $0 == " " }
        guard body.first == "'" else {
            return trimmed(String(body.prefix { $0 != "/" }))
        }
        var value = ""
        var rest = body.dropFirst()
        while let character = rest.popFirst() {
            if character == "'" {
                guard rest.first == "'" else { break }
                rest.removeFirst()
            }
            value.append(character)
        }
        return trimmed(value)
    }

    private static func trimmed(_ text: String) -> String {
        var slice = Substring(text)
        while slice.last == " " { slice.removeLast() }
        while slice.first == " " { slice.removeFirst() }
        return String(slice)
    }

    /// A FITS real needs a decimal point; Swift's shortest form keeps every digit.
    private static func formatted(_ value: Double) -> String {
        let text = "\(value)".uppercased()
        return text.contains(".") || text.contains("E") ? text : text + "."
    }

    private static func padded(_ card: String) -> String {
        let clipped = String(card.prefix(80))
        return clipped + spaces(80 - clipped.utf8.count)
    }
}

private func spaces(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }
