import Absurd

/// JSON laid out for reading.
enum JSONMarkup {
    /// A page shows this much of a document; the API has all of it.
    static let charactersMax = 20_000

    static func block(_ value: JSONValue?, _ label: String) -> HTML {
        guard let value, value != .null else { return "<p class=\"empty\">None.</p>" }
        let text = lines(value, "")
        let shown = text.count > charactersMax ? String(text.prefix(charactersMax)) + "\n…" : text
        return "<pre tabindex=\"0\" aria-label=\"\(label), as JSON\">\(shown)</pre>"
    }

    /// Two spaces a level; what fits on a line stays on one.
    static func lines(_ value: JSONValue, _ indent: String) -> String {
        let flat = flat(value)
        if indent.count + flat.count <= 60 { return flat }
        let inner = indent + "  "
        switch value {
        case .array(let items):
            return "[\n" + items.map { inner + lines($0, inner) }.joined(separator: ",\n") + "\n\(indent)]"
        case .object(let members):
            let rows = members.sorted { $0.key < $1.key }.map { key, value in
                "\(inner)\(JSONValue.string(key).jsonText): \(lines(value, inner))"
            }
            return "{\n" + rows.joined(separator: ",\n") + "\n\(indent)}"
        default: return flat
        }
    }

    private static func flat(_ value: JSONValue) -> String {
        switch value {
        case .array(let items): "[" + items.map(flat).joined(separator: ", ") + "]"
        case .object(let members):
            "{"
                + members.sorted { $0.key < $1.key }.map { "\(JSONValue.string($0.key).jsonText): \(flat($0.value))" }
                .joined(separator: ", ") + "}"
        default: value.jsonText
        }
    }
}
