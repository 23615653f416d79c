import Glibc

/// A process and everything that descends from it, found in /proc.
///
/// Descendants are those of its session, of its process group, and the children of any of these, so that a child in a
/// group of its own (wsclean) and orphans that stayed in the session are found.
public struct ProcessFamily: Sendable {
    public let root: Int32

    /// - Parameter root: leader of its own process group or session.
    public init(root: Int32) {
        self.root = root
    }

    /// Living members, the root included; zombies are over.
    public func members() -> [Int32] {
        let all = SystemFile.names(in: "/proc").compactMap { Int32($0) }.compactMap { ProcessStatus.read($0) }
        return Self.members(of: root, among: all)
    }

    static func members(of root: Int32, among all: [ProcessStatus]) -> [Int32] {
        var found: Set<Int32> = [root]
        var grew = true
        while grew {
            grew = false
            for status in all where !found.contains(status.processID) {
                let belongs = status.session == root || status.group == root || found.contains(status.parent)
                if belongs {
                    found.insert(status.processID)
                    grew = true
                }
            }
        }
        return all.filter { found.contains($0.processID) && $0.state != "Z" && $0.state != "X" }.map(\.processID)
    }

    /// Signals every member, and the root's group as a whole: a member forked during the walk gets it there.
    @discardableResult
    public func signal(_ signal: Int32) -> Int {
        let members = members()
        kill(-root, signal)
        for member in members where member != getpid() { kill(member, signal) }
        return members.count
    }

    /// Kills until nobody is left: a member may fork between the walk and the signal, but not for ever.
    public func killAll(roundsMax: Int = 50) {
        for _ in 0..<roundsMax where signal(SIGKILL) > 0 { usleep(1000) }
    }
}

/// The order in which a process tree is stopped: TERM, a grace, KILL. Pure; times are CLOCK_MONOTONIC nanoseconds.
public struct TreeStop: Sendable, Hashable {
    public enum State: Sendable, Hashable {
        case running
        case terminating(killAtNanoseconds: UInt64)
        case killed
        case over
    }

    public enum Action: Sendable, Hashable {
        case signalTree(Int32)
        /// Call `timePassed` not later than this.
        case wakeAt(nanoseconds: UInt64)
        /// The root has ended: kill what it left behind.
        case sweep
    }

    public private(set) var state = State.running

    public init() {}

    /// Someone wants it to stop. A second call can only shorten the grace.
    public mutating func stop(now: UInt64, graceNanoseconds: UInt64) -> [Action] {
        switch state {
        case .running:
            guard graceNanoseconds > 0 else {
                state = .killed
                return [.signalTree(SIGKILL)]
            }
            state = .terminating(killAtNanoseconds: now + graceNanoseconds)
            return [.signalTree(SIGTERM), .wakeAt(nanoseconds: now + graceNanoseconds)]
        case .terminating(let killAt):
            let sooner = min(killAt, now + graceNanoseconds)
            state = .terminating(killAtNanoseconds: sooner)
            return timePassed(now: now) + (sooner > now ? [.wakeAt(nanoseconds: sooner)] : [])
        case .killed, .over: return []
        }
    }

    public mutating func timePassed(now: UInt64) -> [Action] {
        guard case .terminating(let killAt) = state, now >= killAt else { return [] }
        state = .killed
        return [.signalTree(SIGKILL)]
    }

    public mutating func rootEnded() -> [Action] {
        guard state != .over else { return [] }
        state = .over
        return [.sweep]
    }
}
