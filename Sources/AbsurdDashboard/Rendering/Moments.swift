import Absurd

/// Times of the database, read from JSON and written for people, in UTC as an observatory keeps it.
extension Timestamp {
    /// ISO 8601 as Postgres writes it into JSON: `2026-11-25T09:30:00.123456+00:00`, with any offset or `Z`.
    init?(reading text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 19 else { return nil }
        func digits(_ from: Int, _ count: Int) -> Int64? {
            guard from + count <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[from..<from + count] {
                guard (48...57).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 48)
            }
            return value
        }
        guard let year = digits(0, 4), let month = digits(5, 2), let day = digits(8, 2), let hour = digits(11, 2),
            let minute = digits(14, 2), let second = digits(17, 2), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var micros = ((hour * 60 + minute) * 60 + second) * 1_000_000
        var at = 19
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            at += 1
            var unit: Int64 = 100_000
            while at < bytes.count, let digit = digits(at, 1) {
                micros += digit * unit
                unit /= 10
                at += 1
            }
        }
        if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") {
            guard let hours = digits(at + 1, 2) else { return nil }
            let minutes = digits(at + 4, 2) ?? digits(at + 3, 2) ?? 0
            micros -= (bytes[at] == UInt8(ascii: "-") ? -1 : 1) * (hours * 60 + minutes) * 60_000_000
        }
        self.init(microseconds: Self.days(year, month, day) * 86_400_000_000 + micros)
    }

    /// Days since 1970 of a Gregorian date, with years that begin on 1 March.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// `2026-11-25 09:30:00 UTC`
    var full: String { "\(description.prefix(10)) \(description.dropFirst(11).prefix(8)) UTC" }

    /// `09:30:00` today, `25 Nov 09:30` otherwise.
    func short(at now: Timestamp) -> String {
        let text = description
        if text.prefix(10) == now.description.prefix(10) { return String(text.dropFirst(11).prefix(8)) }
        let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let month = Int(text.dropFirst(5).prefix(2)) ?? 1
        return "\(text.dropFirst(8).prefix(2)) \(names[month - 1]) \(text.dropFirst(11).prefix(5))"
    }
}

extension JSONValue {
    /// A time given as ISO 8601 or as seconds since 1970.
    var moment: Timestamp? {
        if let text { return Timestamp(reading: text) }
        return double.map { Timestamp(seconds: $0) }
    }
}

enum Moments {
    /// How long ago, which the page counts on by itself; the full time on hover.
    static func age(_ moment: Timestamp?, at now: Timestamp) -> HTML {
        guard let moment else { return "\(Figures.unknown)" }
        return """
            <time datetime="\(moment.description)" title="\(moment.full)" data-age>\
            \(Figures.duration(max(0, now.seconds - moment.seconds).rounded()))</time>
            """
    }

    static func clock(_ moment: Timestamp?, at now: Timestamp) -> HTML {
        guard let moment else { return "\(Figures.unknown)" }
        return "<time datetime=\"\(moment.description)\" title=\"\(moment.full)\">\(moment.short(at: now))</time>"
    }
}
