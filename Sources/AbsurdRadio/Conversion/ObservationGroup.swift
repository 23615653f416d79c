/// A file that may belong to an observation, known by its name or its header.
public struct SubbandCandidate: Sendable, Hashable {
    public var path: String
    /// Modified Julian date in seconds, UTC.
    public var time: Double
    /// From the file's name; nil when it does not say.
    public var index: Int?
    /// What the group is called after.
    public var stamp: String

    public init(path: String, time: Double, index: Int?, stamp: String) {
        self.path = path
        self.time = time
        self.index = index
        self.stamp = stamp
    }
}

/// The files of one observation.
public struct ObservationGroup: Sendable, Hashable {
    /// In order of time.
    public var candidates: [SubbandCandidate]

    public var time: Double { candidates[0].time }
    public var stamp: String { candidates[0].stamp }

    /// Groups files by time: a group spans at most `tolerance` seconds from its first file. Names do not matter,
    /// the sub-bands of one observation are stamped a second or two apart.
    public static func groups(of candidates: [SubbandCandidate], tolerance: Double) -> [ObservationGroup] {
        var groups: [ObservationGroup] = []
        for candidate in candidates.sorted(by: { ($0.time, $0.path) < ($1.time, $1.path) }) {
            if let last = groups.last, candidate.time - last.time <= tolerance {
                groups[groups.count - 1].candidates.append(candidate)
            } else {
                groups.append(ObservationGroup(candidates: [candidate]))
            }
        }
        return groups
    }

    /// Only groups that begin within `range`.
    public static func groups(_ groups: [ObservationGroup], from start: Double?, to end: Double?) -> [ObservationGroup]
    {
        groups.filter { $0.time >= start ?? -.infinity && $0.time <= end ?? .infinity }
    }
}
