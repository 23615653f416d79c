import Absurd

#if canImport(Glibc)
    import Glibc
#endif

/// Positions sorted into declination zones and by right ascension within a zone, after Gray et al. 2006
/// (MSR-TR-2006-52): a cone touches few zones and, by bisection, few sources in each.
public struct SkyZones: Sendable {
    /// Degrees of declination per zone.
    public let zoneHeight: Double
    /// Sorted by (zone, ra).
    public let sources: [CatalogueSource]
    /// `starts[z]..<starts[z + 1]` are the sources of zone z, counted from `firstZone`.
    private let starts: [Int]
    private let firstZone: Int

    public init(_ unsorted: [CatalogueSource], zoneHeight: Double = 0.05) {
        self.zoneHeight = zoneHeight
        func zone(_ source: CatalogueSource) -> Int { Int((source.dec / zoneHeight).rounded(.down)) }
        let sorted = unsorted.sorted { (zone($0), $0.ra, $0.dec) < (zone($1), $1.ra, $1.dec) }
        let firstZone = sorted.first.map(zone) ?? 0
        let zoneCount = sorted.last.map { zone($0) - firstZone + 1 } ?? 0
        var starts = [Int](repeating: 0, count: zoneCount + 1)
        for source in sorted { starts[zone(source) - firstZone + 1] += 1 }
        for index in 0..<zoneCount { starts[index + 1] += starts[index] }
        (self.sources, self.firstZone, self.starts) = (sorted, firstZone, starts)
    }

    /// The sources within `radius` degrees of a direction (ICRS degrees): indices into `sources` and separations.
    public func cone(ra: Double, dec: Double, radius: Double) -> [(index: Int, separation: Double)] {
        var result: [(index: Int, separation: Double)] = []
        guard starts.count > 1, radius >= 0 else { return result }
        let low = max(0, Int(((dec - radius) / zoneHeight).rounded(.down)) - firstZone)
        let high = min(starts.count - 2, Int(((dec + radius) / zoneHeight).rounded(.down)) - firstZone)
        guard low <= high else { return result }
        let halfWidth = Self.raHalfWidth(dec: dec, radius: radius)
        for zone in low...high {
            for range in raRanges(zone: zone, ra: ra, halfWidth: halfWidth) {
                for index in range {
                    let source = sources[index]
                    let separation = separationDegrees(ra1: ra, dec1: dec, ra2: source.ra, dec2: source.dec)
                    if separation <= radius { result.append((index, separation)) }
                }
            }
        }
        return result
    }

    /// The nearest source within `radius` degrees, or nil.
    public func nearest(ra: Double, dec: Double, radius: Double) -> (index: Int, separation: Double)? {
        cone(ra: ra, dec: dec, radius: radius).min { $0.separation < $1.separation }
    }

    /// Half the range of right ascension that a cone spans: all of it where the cone holds a pole.
    private static func raHalfWidth(dec: Double, radius: Double) -> Double {
        guard abs(dec) + radius < 90 else { return 180 }
        let radians = Double.pi / 180
        return asin(min(1, sin(radius * radians) / cos(dec * radians))) / radians * (1 + 1e-12) + 1e-12
    }

    private func raRanges(zone: Int, ra: Double, halfWidth: Double) -> [Range<Int>] {
        let all = starts[zone]..<starts[zone + 1]
        guard halfWidth < 180 else { return [all] }
        let centre = ra - 360 * (ra / 360).rounded(.down)
        var ranges = [between(all, centre - halfWidth, centre + halfWidth)]
        if centre - halfWidth < 0 { ranges.append(between(all, centre - halfWidth + 360, 360)) }
        if centre + halfWidth > 360 { ranges.append(between(all, 0, centre + halfWidth - 360)) }
        return ranges
    }

    private func between(_ range: Range<Int>, _ low: Double, _ high: Double) -> Range<Int> {
        let start = partition(range) { $0 >= low }
        return start..<max(start, partition(range) { $0 > high })
    }

    private func partition(_ range: Range<Int>, _ isBeyond: (Double) -> Bool) -> Int {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = (low + high) / 2
            if isBeyond(sources[middle].ra) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
