import Absurd

/// When a dead worker may be replaced.
///
/// The first death costs no wait: a worker that was killed by accident or by its task is back at once. Deaths in quick
/// succession double the wait, and a worker that dies `breakerDeaths` times within `window` is left alone for a while,
/// because something outside it is broken and starting processes in a loop would only hide that.
public struct RespawnPolicy: Sendable {
    public static let window = Span.seconds(60)
    public static let breakerDeaths = 8
    public static let breakerPause = Span.seconds(30)
    static let firstWait = Span.milliseconds(50)
    static let longestWait = Span.seconds(5)

    private var deaths: [Moment] = []

    public init() {}

    public enum Verdict: Sendable, Hashable {
        case now
        case after(Span)
        case broken(deaths: Int, pause: Span)
    }

    public mutating func died(at now: Moment) -> Verdict {
        deaths.removeAll { now - $0 > Self.window }
        deaths.append(now)
        switch deaths.count {
        case 1: return .now
        case ..<Self.breakerDeaths:
            let doubled = Self.firstWait * Double(1 << (deaths.count - 2))
            return .after(min(doubled, Self.longestWait))
        default:
            let count = deaths.count
            deaths.removeAll()
            return .broken(deaths: count, pause: Self.breakerPause)
        }
    }
}
