import Absurd

/// Decides which sub-bands of a group are converted, in ascending frequency. Pure: what it leaves out it says.
public struct SubbandSelection: Sendable {
    /// A spectral window of the Measurement Set to be; without a sub-band it is wholly flagged.
    public struct Window: Sendable {
        public var subband: Subband?
        public var frequencies: [Double]
        public var widths: [Double]
    }

    public var windows: [Window]
    public var warnings: [String]

    public var subbands: [Subband] { windows.compactMap(\.subband) }

    /// - Parameters:
    ///   - subbands: those whose header could be read, of one observation.
    ///   - unreadable: a line for each file that could not be.
    /// - Throws: `Refusal` (bad data) when fewer than the minimum are usable.
    public init(_ subbands: [Subband], unreadable: [String], options: ConversionOptions, name: String) throws {
        warnings = unreadable
        var usable = Self.alike(subbands, &warnings)
        usable.sort { ($0.centreFrequency, $0.candidate.path) < ($1.centreFrequency, $1.candidate.path) }
        usable = Self.withoutDuplicates(usable, &warnings)
        let required = max(1, options.minimumSubbands)
        guard usable.count >= required else {
            let reasons = warnings.prefix(3).joined(separator: "; ")
            throw Refusal(
                "observation \(name)",
                why: "\(usable.count) of \(options.expectedSubbands) sub-bands are usable, at least \(required) must be"
                    + (reasons.isEmpty ? "" : " (\(reasons))"),
                remedy: "bring the files again or lower minimum_subbands", exit: .badData)
        }
        warnings += Self.short(usable)
        windows = usable.map { Window(subband: $0, frequencies: $0.frequencies, widths: $0.widths) }
        let missing = options.expectedSubbands - usable.count
        guard missing > 0 else { return }
        let absent = Self.absent(usable, expected: options.expectedSubbands)
        let names =
            absent.isEmpty
            ? "" : " (\(absent.map { $0.index < 10 ? "sb0\($0.index)" : "sb\($0.index)" }.joined(separator: ", ")))"
        if options.flagsMissing, !absent.isEmpty {
            windows += absent.map { Window(subband: nil, frequencies: $0.frequencies, widths: usable[0].widths) }
            windows.sort { $0.frequencies[0] < $1.frequencies[0] }
            warnings.append(
                "\(missing) of \(options.expectedSubbands) sub-bands missing\(names): their windows are flagged")
        } else {
            warnings.append("\(missing) of \(options.expectedSubbands) sub-bands missing\(names)")
        }
    }

    /// Those of the most frequent make: one Measurement Set has one antenna table and one polarisation setup.
    private static func alike(_ subbands: [Subband], _ warnings: inout [String]) -> [Subband] {
        struct Make: Hashable {
            var channels: Int
            var correlations: [MeasurementSet.Correlation]
            var antennas: [MeasurementSet.Antenna]
        }
        func make(_ subband: Subband) -> Make {
            Make(
                channels: subband.frequencies.count, correlations: subband.correlations, antennas: subband.antennas)
        }
        let makes = Dictionary(grouping: subbands, by: make)
        guard makes.count > 1, let chosen = makes.values.max(by: { $0.count < $1.count }) else { return subbands }
        let standard = make(chosen[0])
        for subband in subbands where make(subband) != standard {
            let other = make(subband)
            let difference =
                other.channels != standard.channels
                ? "\(other.channels) channels instead of \(standard.channels)"
                : other.correlations != standard.correlations
                    ? "other polarisations" : "other antennas (\(other.antennas.count), not \(standard.antennas.count))"
            warnings.append("\(subband.candidate.path) left out: it has \(difference) than the rest of its group")
        }
        return subbands.filter { make($0) == standard }
    }

    /// Sub-bands that are converted with fewer rows than others have.
    private static func short(_ subbands: [Subband]) -> [String] {
        let most = subbands.map(\.rows.count).max() ?? 0
        return subbands.filter { $0.rows.count < most }.map {
            "\($0.candidate.path) has \($0.rows.count) rows, others have \(most): antennas or integrations are missing"
        }
    }

    /// One file for each stretch of frequency: the one with more rows, of equal ones the one that came last.
    private static func withoutDuplicates(_ sorted: [Subband], _ warnings: inout [String]) -> [Subband] {
        var kept: [Subband] = []
        for subband in sorted {
            guard let last = kept.last, subband.frequencies[0] <= last.frequencies[last.frequencies.count - 1] else {
                kept.append(subband)
                continue
            }
            let newer =
                (subband.rows.count, subband.candidate.time, subband.candidate.path)
                > (last.rows.count, last.candidate.time, last.candidate.path)
            let (used, dropped) = newer ? (subband, last) : (last, subband)
            kept[kept.count - 1] = used
            warnings.append("\(dropped.candidate.path) left out: \(used.candidate.path) holds the same frequencies")
        }
        return kept
    }

    /// The numbers and frequencies of the sub-bands that are not there, as far as the names of the others tell:
    /// number 0 is the highest, the rest follow without a gap.
    private static func absent(_ present: [Subband], expected: Int) -> [(index: Int, frequencies: [Double])] {
        guard let reference = present.first, let referenceIndex = reference.candidate.index else { return [] }
        let step = Double(reference.frequencies.count) * reference.widths[0]
        func offset(_ index: Int) -> Double { Double(referenceIndex - index) * step }
        let isRegular = present.allSatisfy { subband in
            guard let index = subband.candidate.index else { return false }
            return abs(subband.frequencies[0] - reference.frequencies[0] - offset(index)) < reference.widths[0] / 2
        }
        guard isRegular else { return [] }
        let indices = Set(present.compactMap(\.candidate.index))
        return (0..<expected).filter { !indices.contains($0) }.map { index in
            (index, reference.frequencies.map { $0 + offset(index) })
        }
    }
}
