/// How long one gain solution holds.
public enum SolutionInterval: Sendable, Hashable {
    /// One solution an integration.
    case integration
    /// One solution for the whole observation.
    case whole
    case seconds(Double)

    /// - Parameter text: "int", "inf" or a length such as "60s" or "1.5min".
    public init?(_ text: String) {
        let lower = text.lowercased()
        let units: [(String, Double)] = [("min", 60), ("s", 1), ("h", 3600)]
        switch lower {
        case "int": self = .integration
        case "inf": self = .whole
        default:
            guard let (suffix, scale) = units.first(where: { lower.hasSuffix($0.0) }),
                let value = Double(lower.dropLast(suffix.count)), value > 0, value.isFinite
            else { return nil }
            self = .seconds(value * scale)
        }
    }

    /// The solution interval that each of `times` (s, ascending) falls into, counted from 0 without gaps.
    func bins(_ times: [Double]) -> [Int] {
        switch self {
        case .integration: return Array(times.indices)
        case .whole: return [Int](repeating: 0, count: times.count)
        case .seconds(let length):
            guard let first = times.first else { return [] }
            var result: [Int] = []
            var (current, start) = (0, first)
            for time in times {
                if time - start >= length * 0.999 {
                    current += 1
                    start = time
                }
                result.append(current)
            }
            return result
        }
    }
}

/// What is solved for and how.
public struct SolverSettings: Sendable {
    public enum GainMode: String, Sendable, CaseIterable {
        case phase = "p"
        case amplitudeAndPhase = "ap"
    }

    /// Splits a delay (K) off the bandpass.
    public var solvesDelay = true
    /// Takes each integration's phase out before the bandpass is averaged over time.
    public var takesPhaseFirst = true
    public var gainInterval = SolutionInterval.integration
    public var gainMode = GainMode.amplitudeAndPhase
    /// One gain for all spectral windows: the bandpass holds what differs between them.
    public var combinesWindows = true
    /// In order of preference.
    public var referenceAntennas: [Int] = []
    /// Solutions below are flagged.
    public var minimumSNR: Float = 3
    public var minimumBaselines = 4
    public var iterationsMax = 200
    /// Relative change of the gains between two iterations at which they have converged.
    public var tolerance: Float = 1e-6
    public var threads = 1

    public init() {}
}
