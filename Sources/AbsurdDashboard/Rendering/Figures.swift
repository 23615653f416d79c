import Absurd

/// Numbers, times and sizes as people read them. What is not known is a dash.
enum Figures {
    static let unknown = "–"
    /// Keeps a number and its unit on one line.
    static let space = "\u{202F}"

    static func count(_ value: Int64?) -> String {
        guard let value else { return unknown }
        let digits = String(value.magnitude)
        var grouped = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { grouped += space }
            grouped.append(digit)
        }
        return value < 0 ? "−" + grouped : grouped
    }

    /// Three significant digits, never an exponent: 0.042, 1.25, 38.1, 512.
    static func number(_ value: Double?) -> String {
        guard let value, value.isFinite else { return unknown }
        let size = value.magnitude
        if size >= 100 || value == 0 { return count(Int64(max(-9e18, min(9e18, value.rounded())))) }
        return fixed(value, size >= 10 ? 1 : size >= 1 ? 2 : 3)
    }

    static func fixed(_ value: Double, _ decimals: Int) -> String {
        var scale: Int64 = 1
        for _ in 0..<decimals { scale *= 10 }
        guard value.magnitude < 1e12 else { return count(Int64(max(-9e18, min(9e18, value)))) }
        let whole = Int64((value.magnitude * Double(scale)).rounded())
        let fraction = String(whole % scale)
        let sign = value < 0 && whole != 0 ? "−" : ""
        let head = sign + count(whole / scale)
        return decimals == 0
            ? head : head + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }

    /// Two units at most: 84 ms, 3.2 s, 4 min 10 s, 2 h 5 min, 3 d 4 h.
    static func duration(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite else { return unknown }
        let size = max(0, seconds)
        if size == 0 { return "0\(space)s" }
        if size < 0.001 { return "<1\(space)ms" }
        if size < 0.9995 { return "\(Int((size * 1000).rounded()))\(space)ms" }
        if size < 9.95 { return "\(fixed(size, 1))\(space)s" }
        if size < 59.5 { return "\(Int(size.rounded()))\(space)s" }
        let whole = Int64(min(size, 1e15).rounded())
        if whole < 3600 { return pair(whole / 60, "min", whole % 60, "s") }
        if whole < 86_400 { return pair(whole / 3600, "h", whole % 3600 / 60, "min") }
        return pair(whole / 86_400, "d", whole % 86_400 / 3600, "h")
    }

    private static func pair(_ large: Int64, _ largeUnit: String, _ small: Int64, _ smallUnit: String) -> String {
        let head = "\(count(large))\(space)\(largeUnit)"
        return small == 0 ? head : "\(head) \(small)\(space)\(smallUnit)"
    }

    static func percent(_ ratio: Double?) -> String {
        guard let ratio, ratio.isFinite else { return unknown }
        // Never 100 % while something failed.
        if ratio < 1, ratio > 0.9995 { return "99.9\(space)%" }
        return "\(fixed(ratio * 100, ratio >= 0.9995 || ratio == 0 ? 0 : 1))\(space)%"
    }

    static func rate(_ perSecond: Double?) -> String {
        perSecond == nil ? unknown : "\(number(perSecond))\(space)/s"
    }

    /// What tells ids apart at a glance: the end, because ids made together begin alike.
    static func shortID(_ id: String) -> String { id.count > 12 ? "…" + id.suffix(8) : id }

    static func flux(_ jansky: Double?) -> String {
        guard let jansky, jansky.isFinite else { return unknown }
        if jansky.magnitude < 1e-3 { return "\(number(jansky * 1e6))\(space)µJy" }
        return jansky.magnitude < 1 ? "\(number(jansky * 1e3))\(space)mJy" : "\(number(jansky))\(space)Jy"
    }
}
