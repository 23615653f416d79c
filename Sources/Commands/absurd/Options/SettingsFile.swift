import Absurd

/// A YAML file as far as settings need it: `name: value`, lists as `[a, b]` or as lines of `- a`, comments, quotes.
struct SettingsFile {
    /// As the leader's flags.
    static let known: Set<String> = [
        "queue-name", "workers", "concurrency", "workload", "poll-interval", "task-timeout", "max-retries", "node-id",
        "numa", "log-level",
    ]

    private var values: [String: [String]] = [:]

    init() {}

    /// - Throws: `Refusal` naming the file and the line.
    init(path: String) throws {
        guard let text = Paths.text(path) else {
            throw Refusal(
                "settings file \(path)", why: "cannot be read", remedy: "check its path and rights",
                exit: .configuration)
        }
        try self.init(text: text, path: path)
    }

    init(text: String, path: String) throws {
        var open: String?
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = Self.trimmed(Self.withoutComment(raw))
            if line.isEmpty || line == "---" { continue }
            if line.hasPrefix("- "), let name = open {
                values[name, default: []].append(Self.unquoted(String(line.dropFirst(2))))
                continue
            }
            guard let colon = line.firstIndex(of: ":"), !line.hasPrefix("-") else {
                throw Refusal(
                    "settings file \(path)", why: "line \(index + 1) is not `name: value`", remedy: "see --help",
                    exit: .configuration)
            }
            let name = Self.trimmed(line[..<colon]).replacing("_", with: "-")
            let value = Self.trimmed(line[line.index(after: colon)...])
            guard Self.known.contains(name) else {
                throw Refusal(
                    "settings file \(path)", why: "line \(index + 1): there is no setting \(name)",
                    remedy: "known: \(Self.known.sorted().joined(separator: ", "))", exit: .configuration)
            }
            open = name
            if value.isEmpty { continue }
            if value.hasPrefix("["), value.hasSuffix("]") {
                values[name] = value.dropFirst().dropLast().split(separator: ",").map { Self.unquoted(String($0)) }
            } else {
                values[name] = [Self.unquoted(value)]
            }
        }
    }

    subscript(name: String) -> String? { values[name]?.first }

    func list(_ name: String) -> [String] { values[name] ?? [] }

    private static func withoutComment(_ line: Substring) -> Substring {
        if line.hasPrefix("#") { return "" }
        guard let mark = line.firstRange(of: " #") else { return line }
        return line[..<mark.lowerBound]
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        var text = Substring(text)
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }

    private static func unquoted(_ text: String) -> String {
        let text = trimmed(text)
        for quote in ["\"", "'"] where text.count >= 2 && text.hasPrefix(quote) && text.hasSuffix(quote) {
            return String(text.dropFirst().dropLast())
        }
        return text
    }
}
