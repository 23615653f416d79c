import Glibc

/// Stations of an array: names, and positions as ITRF (ECEF) metres relative to the array centre.
public struct StationLayout: Sendable, Hashable {
    public struct Station: Sendable, Hashable {
        public var name: String
        /// Index of the station in the whole array; the telescope's files number antennas by it, names are one more.
        public var number: Int
        public var east: Double
        public var north: Double
        public var up: Double
    }

    public var site: Site
    public var stations: [Station]

    /// Owens Valley as the telescope's files name it (OVRO_MMA).
    public static let site = Site(latitudeDegrees: 37.2334, longitudeDegrees: -118.283, altitudeMetres: 1188)

    /// The 117 stations: a T of 51 stations east-west, 5.75 m apart, and 51 northwards, 8.65 m apart (the published
    /// spacings), with 15 outriggers, names 103 to 117, on a spiral around it. The outriggers' places are invented;
    /// the longest baseline is the telescope's 2707 m.
    public static let telescope: StationLayout = {
        var stations: [Station] = []
        func add(_ east: Double, _ north: Double) {
            // The valley's floor falls to the south-west, with bumps that keep the array from being a plane.
            let up = 0.004 * east + 0.003 * north + 0.25 * sin(east * 0.05) * cos(north * 0.04)
            stations.append(
                Station(name: "\(stations.count + 1)", number: stations.count, east: east, north: north, up: up))
        }
        let stem = -36.4
        for step in 0..<51 { add(stem + 5.75 * Double(step - 25), 0) }
        for step in 1...51 { add(stem, 8.65 * Double(step)) }
        for arm in 0..<15 {
            let radius = spiralInnerMetres * pow(spiralOuterMetres / spiralInnerMetres, Double(arm) / 14)
            let angle = (20 + 137.508 * Double(arm)) * .pi / 180
            add(stem + radius * cos(angle), 60 + radius * sin(angle))
        }
        return StationLayout(site: site, stations: stations)
    }()

    private static let spiralInnerMetres = 365.4
    private static let spiralOuterMetres = 1526.0

    /// `count` stations that keep the array's shape: a quarter of them outriggers (all 15 from 60 on), the others
    /// spread unevenly over both arms, since even gaps would repeat every source a degree away.
    public func thinned(to count: Int) -> StationLayout {
        guard count < stations.count else { return self }
        let outriggers = min(15, max(1, count / 4))
        let west = (count - outriggers + 1) / 2
        let picked =
            Self.pick(west, of: Array(stations[0..<51]))
            + Self.pick(count - outriggers - west, of: Array(stations[51..<102]))
            + (0..<outriggers).map { stations[102 + $0 * 15 / outriggers] }
        return StationLayout(site: site, stations: picked)
    }

    private static func pick(_ count: Int, of stations: [Station]) -> [Station] {
        let step = Double(stations.count) / Double(max(count, 1))
        var next = 0
        return (0..<count).map { index in
            // The golden ratio's multiples never repeat a gap for long.
            let golden = Double(index) * 0.618_034
            let wanted = Int((Double(index) + 0.5 * (golden - golden.rounded(.down))) * step)
            let chosen = min(max(wanted, next), stations.count - (count - index))
            next = chosen + 1
            return stations[chosen]
        }
    }

    /// ITRF metres relative to the array centre.
    public func position(of station: Station) -> SIMD3<Double> {
        let (sinLat, cosLat) = (sin(site.latitudeRadians), cos(site.latitudeRadians))
        let (sinLon, cosLon) = (sin(site.longitudeRadians), cos(site.longitudeRadians))
        let outward = -sinLat * station.north + cosLat * station.up
        return SIMD3(
            -sinLon * station.east + cosLon * outward, cosLon * station.east + sinLon * outward,
            cosLat * station.north + sinLat * station.up)
    }

    public var positions: [SIMD3<Double>] { stations.map(position) }
}
