import Absurd

/// The live picture of a workflow: one line a stage, with a bar, the time, and where it runs.
///
/// Pure: it is given what is known and returns lines; the command decides where they go.
struct StageBoard {
    struct Row: Equatable {
        var name: String
        var state: TaskState
        /// 0...1
        var fraction: Double = 0
        var seconds: Double?
        var attempt: Int = 1
        /// Such as "worker 1 on CPUs 0-1"; empty before the stage has one.
        var place: String = ""
        var message: String = ""
        /// Of a stage that ended well all the same.
        var warnings: [String] = []
    }

    var rows: [Row]
    var width: Int
    var isColoured: Bool

    static let barCells = 20

    func lines() -> [String] {
        let nameWidth = rows.map(\.name.count).max() ?? 0
        return rows.map { row in
            let head =
                "\(mark(row)) \(row.name.padded(to: nameWidth)) \(bar(row)) \(time(row).leftPadded(to: 7))"
            var tail = row.place
            if row.attempt > 1 { tail += (tail.isEmpty ? "" : ", ") + "attempt \(row.attempt)" }
            if !row.message.isEmpty { tail += (tail.isEmpty ? "" : ": ") + row.message }
            // The mark may carry colour codes, which take no room on the screen: count the rest.
            let room = width - (nameWidth + Self.barCells + 14)
            return room > 8 && !tail.isEmpty ? head + "  " + tail.clipped(to: room) : head
        }
    }

    private func mark(_ row: Row) -> String {
        switch row.state {
        case .completed: coloured("✓", 32)
        case .failed, .cancelled: coloured("✗", 31)
        case .claimed: coloured("▶", 36)
        case .retrying: coloured("↻", 33)
        default: coloured("·", 90)
        }
    }

    private func bar(_ row: Row) -> String {
        let fraction = row.state == .completed ? 1 : row.state == .claimed ? min(max(row.fraction, 0), 1) : 0
        let full = Int((fraction * Double(Self.barCells)).rounded())
        return String(repeating: "█", count: full) + String(repeating: "░", count: Self.barCells - full)
    }

    private func time(_ row: Row) -> String {
        guard let seconds = row.seconds else { return "" }
        return Self.seconds(seconds)
    }

    static func seconds(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) s"
    }

    private func coloured(_ text: String, _ code: Int) -> String {
        isColoured ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

extension String {
    func padded(to width: Int) -> String {
        count >= width ? self : self + String(repeating: " ", count: width - count)
    }

    func leftPadded(to width: Int) -> String {
        count >= width ? self : String(repeating: " ", count: width - count) + self
    }

    func clipped(to width: Int) -> String {
        count <= width ? self : String(prefix(max(width - 1, 0))) + "…"
    }
}
