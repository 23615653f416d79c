import CERFA

/// UTC as text, to the second: `2025-06-15T03:20:11`.
public enum CalendarTime {
    public static func text(julianDate: Double) -> String {
        let day = (julianDate - 0.5).rounded(.down) + 0.5
        var (year, month, date) = (Int32(0), Int32(0), Int32(0))
        var clock = (Int32(0), Int32(0), Int32(0), Int32(0))
        withUnsafeMutablePointer(to: &clock) { pointer in
            pointer.withMemoryRebound(to: Int32.self, capacity: 4) { out in
                _ = eraD2dtf("UTC", 0, day, julianDate - day, &year, &month, &date, out)
            }
        }
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(year)-\(two(month))-\(two(date))T\(two(clock.0)):\(two(clock.1)):\(two(clock.2))"
    }

    /// The Julian date of `YYYY-MM-DDTHH:MM:SS`, with a trailing `Z` or without; nil when the text is no such time.
    public static func julianDate(_ text: String) -> Double? {
        let bare = text.hasSuffix("Z") ? text.dropLast() : text[...]
        let halves = bare.split(separator: "T", omittingEmptySubsequences: false)
        guard halves.count == 2 else { return nil }
        let date = halves[0].split(separator: "-", omittingEmptySubsequences: false).map { Int32($0) }
        let clock = halves[1].split(separator: ":", omittingEmptySubsequences: false).map { Int32($0) }
        guard date.count == 3, clock.count == 3, !date.contains(nil), !clock.contains(nil) else { return nil }
        var (whole, fraction) = (0.0, 0.0)
        let status = eraDtf2d(
            "UTC", date[0]!, date[1]!, date[2]!, clock[0]!, clock[1]!, Double(clock[2]!), &whole, &fraction)
        // A warning (above 0) only says that leap seconds of that year are not known.
        return status >= 0 && status < 2 ? whole + fraction : nil
    }
}
