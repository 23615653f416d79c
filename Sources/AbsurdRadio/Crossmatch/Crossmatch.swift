#if canImport(Glibc)
    import Glibc
#endif

/// A position with a flux that is looked for in a catalogue.
public struct MatchableSource: Sendable, Hashable {
    /// ICRS degrees.
    public var ra: Double
    public var dec: Double
    /// Jy at `frequency` (Hz), corrected for the primary beam.
    public var flux: Double
    public var frequency: Double

    public init(ra: Double, dec: Double, flux: Double, frequency: Double) {
        (self.ra, self.dec, self.flux, self.frequency) = (ra, dec, flux, frequency)
    }
}

public struct Match: Sendable, Hashable {
    /// Index into the sources given.
    public var source: Int
    /// The catalogue's entry.
    public var reference: CatalogueSource
    public var separationArcseconds: Double
    /// Source minus catalogue, east and north.
    public var eastArcseconds: Double
    public var northArcseconds: Double
    /// Source over catalogue, the catalogue's flux moved to the source's frequency by its spectral index.
    public var fluxRatio: Double
    /// α from the two fluxes; nil when their frequencies lie within 10 % or a flux is not positive.
    public var spectralIndex: Double?
}

public struct CrossmatchResult: Sendable {
    public var matches: [Match]
    /// Sources that another, nearer source of the same catalogue entry pushed out.
    public var contested: [Int]
    public var medianEastArcseconds: Double?
    public var medianNorthArcseconds: Double?
    public var deviationEastArcseconds: Double?
    public var deviationNorthArcseconds: Double?
    /// Median of the matches' flux ratios.
    public var fluxScale: Double?
    public var fluxScaleDeviation: Double?
}

public enum Crossmatch {
    /// The nearest catalogue entry within `radiusArcseconds` of each source; one entry goes to its nearest source only.
    public static func nearest(
        _ sources: [MatchableSource], in zones: SkyZones, radiusArcseconds: Double
    ) -> CrossmatchResult {
        var best: [Int: Match] = [:]
        var contested: [Int] = []
        for (index, source) in sources.enumerated() {
            guard let hit = zones.nearest(ra: source.ra, dec: source.dec, radius: radiusArcseconds / 3600) else {
                continue
            }
            let match = match(index, source, zones.sources[hit.index], separation: hit.separation * 3600)
            guard let rival = best[hit.index] else {
                best[hit.index] = match
                continue
            }
            let isNearer = match.separationArcseconds < rival.separationArcseconds
            contested.append(isNearer ? rival.source : index)
            if isNearer { best[hit.index] = match }
        }
        let matches = best.values.sorted { $0.source < $1.source }
        let ratios = matches.map(\.fluxRatio).filter { $0.isFinite && $0 > 0 }
        let (east, north) = (matches.map(\.eastArcseconds), matches.map(\.northArcseconds))
        return CrossmatchResult(
            matches: matches, contested: contested.sorted(),
            medianEastArcseconds: RobustStatistics.median(east), medianNorthArcseconds: RobustStatistics.median(north),
            deviationEastArcseconds: RobustStatistics.medianDeviation(east),
            deviationNorthArcseconds: RobustStatistics.medianDeviation(north),
            fluxScale: RobustStatistics.median(ratios), fluxScaleDeviation: RobustStatistics.medianDeviation(ratios))
    }

    /// Groups of sources that lie within `radiusArcseconds` of their group's brightest member.
    /// - Returns: for each group of two or more the indices, brightest first.
    public static func duplicates(_ sources: [MatchableSource], radiusArcseconds: Double) -> [[Int]] {
        let byName = sources.enumerated().map { index, source in
            CatalogueSource(
                name: String(index), ra: source.ra, dec: source.dec, flux: source.flux, frequency: source.frequency,
                spectralIndex: 0)
        }
        let zones = SkyZones(byName)
        var taken = Set<Int>()
        var groups: [[Int]] = []
        for index in sources.indices.sorted(by: { sources[$0].flux > sources[$1].flux }) where !taken.contains(index) {
            let near = zones.cone(ra: sources[index].ra, dec: sources[index].dec, radius: radiusArcseconds / 3600)
                .compactMap { Int(zones.sources[$0.index].name) }.filter { !taken.contains($0) }
            taken.formUnion(near)
            if near.count > 1 { groups.append(near.sorted { sources[$0].flux > sources[$1].flux }) }
        }
        return groups
    }

    private static func match(
        _ index: Int, _ source: MatchableSource, _ reference: CatalogueSource, separation: Double
    ) -> Match {
        let offset = offsetsArcseconds(ra1: reference.ra, dec1: reference.dec, ra2: source.ra, dec2: source.dec)
        let ratioOfFrequencies = reference.frequency > 0 ? source.frequency / reference.frequency : 1
        var spectralIndex: Double?
        if abs(log(ratioOfFrequencies)) > log(1.1), source.flux > 0, reference.flux > 0 {
            spectralIndex = log(source.flux / reference.flux) / log(ratioOfFrequencies)
        }
        return Match(
            source: index, reference: reference, separationArcseconds: separation, eastArcseconds: offset.east,
            northArcseconds: offset.north, fluxRatio: source.flux / reference.flux(at: source.frequency),
            spectralIndex: spectralIndex)
    }
}
