/// A point on the monotonic clock. The decisions take it as a parameter, so that tests own the time.
public struct Moment: Sendable, Hashable, Comparable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static func seconds(_ seconds: Double) -> Moment { Moment(nanoseconds: Int64(seconds * 1e9)) }

    public static func < (a: Moment, b: Moment) -> Bool { a.nanoseconds < b.nanoseconds }
    public static func + (a: Moment, b: Span) -> Moment { Moment(nanoseconds: a.nanoseconds + b.nanoseconds) }
    public static func - (a: Moment, b: Moment) -> Span { Span(nanoseconds: a.nanoseconds - b.nanoseconds) }
}

/// A length of time.
public struct Span: Sendable, Hashable, Comparable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static func seconds(_ seconds: Double) -> Span { Span(nanoseconds: Int64(seconds * 1e9)) }
    public static func milliseconds(_ milliseconds: Int) -> Span { Span(nanoseconds: Int64(milliseconds) * 1_000_000) }

    public var seconds: Double { Double(nanoseconds) / 1e9 }

    public static func < (a: Span, b: Span) -> Bool { a.nanoseconds < b.nanoseconds }
    public static func * (a: Span, factor: Double) -> Span { Span(nanoseconds: Int64(Double(a.nanoseconds) * factor)) }
}
