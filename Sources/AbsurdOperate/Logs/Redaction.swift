/// Takes secrets out of text that people will paste somewhere.
public enum Redaction {
    public static let mask = "***"

    /// Passwords in URLs, values of names that speak of secrets, bearer tokens and private keys.
    public static func redacted(_ line: String) -> String {
        // Nearly every line has none of these marks.
        guard line.contains(where: { $0 == ":" || $0 == "=" || $0 == " " }) else { return line }
        var line = line.replacing(/([A-Za-z][A-Za-z0-9+.\-]*:\/\/[^\s:\/@]*):[^\s@\/]+@/) { "\($0.1):\(mask)@" }
        line = line.replacing(/(?i)\b(bearer|basic)\s+[A-Za-z0-9\-._~+\/=]{8,}/) { "\($0.1) \(mask)" }
        line = line.replacing(
            /(?i)(["']?[A-Za-z0-9_\-.]*(?:password|passwd|passphrase|secret|token|api[_\-]?key|access[_\-]?key|credential)[A-Za-z0-9_\-]*["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&}\]]+)/
        ) { "\($0.1)\(mask)" }
        return line.contains("PRIVATE KEY-----") ? mask : line
    }
}
