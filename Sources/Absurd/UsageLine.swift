/// An argument parser's complaint as one line that says where to read more.
public enum UsageLine {
    /// - Parameters:
    ///   - message: what is wrong; may have several lines.
    ///   - usage: text with a line `Usage: absurd spawn <queue> ...`, from which the command's name is taken.
    public static func text(program: String, message: String, usage: String) -> String {
        var what = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        while let last = what.last, last == "." || last.isWhitespace { what.removeLast() }
        let line = usage.split(whereSeparator: \.isNewline).first { $0.hasPrefix("Usage: ") } ?? ""
        let words = line.dropFirst("Usage: ".count).split(separator: " ").prefix { word in
            word.first.map { $0.isLetter } ?? false
        }
        let command = words.isEmpty ? program : words.joined(separator: " ")
        return "\(program): \(what); see \(command) --help"
    }
}
