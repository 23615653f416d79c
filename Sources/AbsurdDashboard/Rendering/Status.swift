import Absurd

/// A task's or a worker's status: a word, with a colour that says nothing which the word does not.
enum Status {
    static let all = ["pending", "scheduled", "blocked", "claimed", "retrying", "completed", "failed", "cancelled"]

    static func mark(_ status: String?) -> HTML {
        guard let status else { return "\(Figures.unknown)" }
        return "<span class=\"mark \(tone(status))\">\(word(status))</span>"
    }

    /// Clients say claimed; people look for what is running.
    static func word(_ status: String) -> String { status == "claimed" ? "running" : status.replacing("_", with: " ") }

    /// The class of the style sheet.
    static func tone(_ status: String) -> String {
        switch status {
        case "claimed", "running", "active", "busy": "going"
        case "completed", "healthy", "ready", "ok", "live": "done"
        case "failed", "failed_permanent", "crashed", "critical", "down", "timed_out", "parent_lost", "dead", "error":
            "bad"
        case "retrying", "degraded", "stale", "warning", "starting", "retiring": "odd"
        case "cancelled", "released", "paused", "disabled", "gone", "left": "off"
        default: "calm"
        }
    }

    static func progress(_ fraction: Double?, _ label: String) -> HTML {
        guard let fraction, fraction.isFinite else { return .nothing }
        let value = Figures.fixed(min(1, max(0, fraction)), 3)
        return """
            <progress max="1" value="\(value)" aria-label="Progress of \(label)"></progress> \
            <span class="n">\(Int((min(1, max(0, fraction)) * 100).rounded(.down)))\(Figures.space)%</span>
            """
    }
}
