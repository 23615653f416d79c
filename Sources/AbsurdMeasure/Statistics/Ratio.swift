import Absurd

/// One measured number.
public struct Figure: Sendable, Hashable {
    public var name: String
    public var value: Double
    /// Such as `tasks/s`, `ms`, `µs`, `%`, `MB`; empty for a count.
    public var unit: String
    /// Whether more of it is better: tells `--compare` which way is up.
    public var isMoreBetter: Bool

    public init(_ name: String, _ value: Double, _ unit: String, moreIsBetter: Bool = false) {
        self.name = name
        self.value = value
        self.unit = unit
        isMoreBetter = moreIsBetter
    }
}

/// What a ratio or a figure is held to.
public struct Goal: Sendable, Hashable {
    public enum Side: String, Sendable, Hashable {
        case atLeast = "at_least"
        case atMost = "at_most"
    }

    public var side: Side
    public var bound: Double

    public static func atLeast(_ bound: Double) -> Goal { Goal(side: .atLeast, bound: bound) }
    public static func atMost(_ bound: Double) -> Goal { Goal(side: .atMost, bound: bound) }

    public func isMet(by value: Double) -> Bool {
        side == .atLeast ? value >= bound : value <= bound
    }

    public var sentence: String { (side == .atLeast ? "≥ " : "≤ ") + rounded(bound) }
}

/// Ours over a floor that was measured in the same run, in turns: the median of the rounds' ratios, so that a busy
/// machine slows both sides of each.
public struct Ratio: Sendable, Hashable {
    public var name: String
    public var against: String
    public var value: Double
    public var goal: Goal?

    public init(_ name: String, against: String, _ value: Double, goal: Goal? = nil) {
        self.name = name
        self.against = against
        self.value = value
        self.goal = goal
    }

    /// - Parameter rounds: of each round, ours and the floor's.
    public init(_ name: String, against: String, rounds: [(ours: Double, floor: Double)], goal: Goal? = nil) {
        self.init(
            name, against: against, median(rounds.filter { $0.floor > 0 }.map { $0.ours / $0.floor }), goal: goal)
    }
}

/// The middle value, or the mean of the two middle ones; NaN of nothing.
public func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return .nan }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
