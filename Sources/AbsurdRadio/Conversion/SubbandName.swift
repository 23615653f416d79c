import Glibc

/// What the name of a sub-band's file says: `YYYY-MM-DDTHH:MM:SS_sbNN.hdf5`.
public struct SubbandName: Sendable, Hashable {
    /// Modified Julian date in seconds, UTC.
    public var time: Double
    /// 0 is the highest frequency.
    public var index: Int
    /// The time as it is written in the name.
    public var stamp: String

    /// nil for any other name.
    public init?(fileName: String) {
        guard let mark = fileName.firstRange(of: "_sb"), let dot = fileName.lastIndex(of: "."),
            dot > mark.upperBound
        else { return nil }
        let digits = fileName[mark.upperBound..<dot].prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, let index = Int(digits) else { return nil }
        stamp = String(fileName[..<mark.lowerBound])
        guard let time = CivilTime.modifiedJulianSeconds(stamp) else { return nil }
        self.time = time
        self.index = index
    }
}

/// Civil UTC time as text.
public enum CivilTime {
    /// `YYYY-MM-DD`, then `THH:MM:SS` (or with a space), then a fraction, then `Z`: all but the date optional.
    /// - Returns: modified Julian date in seconds; nil for anything else.
    public static func modifiedJulianSeconds(_ text: String) -> Double? {
        var rest = Substring(text)
        if rest.last == "Z" { rest.removeLast() }
        let parts = rest.split(whereSeparator: { $0 == "T" || $0 == " " })
        guard (1...2).contains(parts.count) else { return nil }
        let date = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard date.count == 3, date[0].utf8.count == 4, let year = number(date[0]), let month = number(date[1]),
            let day = number(date[2]), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var seconds = 0.0
        if parts.count == 2 {
            let clock = parts[1].split(separator: ":", omittingEmptySubsequences: false)
            guard (2...3).contains(clock.count), let hour = number(clock[0]), let minute = number(clock[1]),
                (0...23).contains(hour), (0...59).contains(minute)
            else { return nil }
            seconds = Double(hour * 3600 + minute * 60)
            if clock.count == 3 {
                guard let second = Double(clock[2]), (0..<61).contains(second) else { return nil }
                seconds += second
            }
        }
        var calendar = tm()
        calendar.tm_year = Int32(year - 1900)
        calendar.tm_mon = Int32(month - 1)
        calendar.tm_mday = Int32(day)
        let midnight = timegm(&calendar)
        // 30 February is 1 March to the C library: not to us.
        guard calendar.tm_mday == day else { return nil }
        return Double(midnight) + 40_587 * 86_400 + seconds
    }

    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    /// `YYYY-MM-DDTHH:MM:SS` of a modified Julian date in seconds.
    public static func text(modifiedJulianSeconds: Double) -> String {
        var moment = time_t((modifiedJulianSeconds - 40_587 * 86_400).rounded())
        var calendar = tm()
        gmtime_r(&moment, &calendar)
        func digits(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(calendar.tm_year + 1900)-\(digits(calendar.tm_mon + 1))-\(digits(calendar.tm_mday))"
            + "T\(digits(calendar.tm_hour)):\(digits(calendar.tm_min)):\(digits(calendar.tm_sec))"
    }
}
