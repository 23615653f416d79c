import Absurd
import Glibc

/// Data goes to standard output, talk to standard error; colour only for a person who has not said NO_COLOR.
enum Console {
    static let outIsTerminal = isatty(STDOUT_FILENO) == 1
    static let errorIsTerminal = isatty(STDERR_FILENO) == 1
    static let hasColour =
        outIsTerminal && getenv("NO_COLOR") == nil && String(cString: getenv("TERM") ?? strdup("")) != "dumb"

    static func out(_ line: String) { put(line + "\n", STDOUT_FILENO) }

    static func say(_ line: String) { put(line + "\n", STDERR_FILENO) }

    private static func put(_ text: String, _ file: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var done = 0
            while done < bytes.count {
                let count = write(file, bytes.baseAddress! + done, bytes.count - done)
                if count < 0, errno == EINTR { continue }
                // A reader that has left (`| head`) has what it wanted.
                if count < 0, errno == EPIPE { Glibc.exit(0) }
                guard count > 0 else {
                    if file == STDOUT_FILENO { Self.unwritable(errno) }
                    return
                }
                done += count
            }
        }
    }

    /// Output that is lost must not look like success.
    private static func unwritable(_ code: Int32) -> Never {
        let refusal = Refusal(
            "standard output", why: String(cString: strerror(code)), remedy: "make room or write elsewhere",
            exit: .cannotCreate)
        say("absurd: \(refusal)")
        Glibc.exit(refusal.exit.rawValue)
    }

    /// Columns as wide as their widest cell, two spaces apart.
    static func table(_ header: [String], _ rows: [[String]]) {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        for (index, row) in all.enumerated() {
            let cells = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
            var line = cells.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            out(index == 0 && hasColour ? "\u{1B}[1m\(line)\u{1B}[0m" : line)
        }
    }

    static func coloured(_ state: TaskState) -> String {
        guard hasColour else { return state.rawValue }
        let code =
            switch state {
            case .completed: 32
            case .failed: 31
            case .cancelled: 33
            case .claimed: 36
            default: 0
            }
        return "\u{1B}[\(code)m\(state.rawValue)\u{1B}[0m"
    }
}
