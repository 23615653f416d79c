/// When to try to connect again: exponential, with full jitter above a floor, so that a fleet whose database comes back
/// does not knock all at once. A pure value: time and chance are parameters.
public struct ReconnectPolicy: Sendable, Hashable {
    public enum State: Sendable, Hashable {
        case connected
        /// Lost or never had; try at this time (seconds on the caller's monotonic clock).
        case waiting(untilSeconds: Double)
        case connecting
    }

    public var floorSeconds = 0.05
    public var ceilingSeconds = 10.0
    public private(set) var state: State
    public private(set) var failures = 0

    public init(nowSeconds: Double) { state = .waiting(untilSeconds: nowSeconds) }

    /// True once when it is time to start an attempt; the state is then `.connecting`.
    public mutating func begin(nowSeconds: Double) -> Bool {
        guard case .waiting(let until) = state, nowSeconds >= until else { return false }
        state = .connecting
        return true
    }

    /// How long a loop may sleep before it must call `begin` again; nil: nothing to wait for.
    public func delaySeconds(nowSeconds: Double) -> Double? {
        guard case .waiting(let until) = state else { return nil }
        return max(0, until - nowSeconds)
    }

    public mutating func succeeded() {
        state = .connected
        failures = 0
    }

    /// The attempt failed or the connection was lost. `chance` is uniform in 0..<1.
    public mutating func failed(nowSeconds: Double, chance: Double) {
        // The first loss is tried again nearly at once: most are a restart of the server or a fail-over.
        let span = min(ceilingSeconds, floorSeconds * Double(1 << min(failures, 20)))
        failures += 1
        state = .waiting(untilSeconds: nowSeconds + floorSeconds + span * chance)
    }
}
