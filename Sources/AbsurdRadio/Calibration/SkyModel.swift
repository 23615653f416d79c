#if canImport(Glibc)
    import Glibc
#endif

/// The sky that visibilities are calibrated against: point sources seen through the antennas' primary beam.
public struct SkyModel: Sendable {
    public var sources: [CatalogueSource]
    /// Power attenuation at an angle (rad) from the pointing centre and a frequency (Hz).
    public var beam: @Sendable (_ angle: Double, _ frequency: Double) -> Double

    public init(
        sources: [CatalogueSource], beam: @escaping @Sendable (_ angle: Double, _ frequency: Double) -> Double
    ) {
        self.sources = sources
        self.beam = beam
    }

    /// The model without what the beam leaves too faint to matter.
    ///
    /// - Parameters:
    ///   - pointing: ICRS, rad.
    ///   - minimumFlux: Jy, as seen through the beam.
    ///   - limit: how many sources to keep at most; the brightest are kept.
    public func trimmed(
        pointing: (ra: Double, dec: Double), frequency: Double, minimumFlux: Double, limit: Int
    ) -> SkyModel {
        let seen = sources.map { source in
            let angle = Self.separation(
                (source.ra * .pi / 180, source.dec * .pi / 180), (pointing.ra, pointing.dec))
            return (source, abs(source.flux(at: frequency) * beam(angle, frequency)))
        }
        let kept = seen.filter { $0.1 >= minimumFlux }.sorted { $0.1 > $1.1 }.prefix(limit)
        return SkyModel(sources: kept.map(\.0), beam: beam)
    }

    /// Flux of all sources through the beam, Jy.
    public func apparentFlux(pointing: (ra: Double, dec: Double), frequency: Double) -> Double {
        sources.reduce(0) { sum, source in
            let angle = Self.separation(
                (source.ra * .pi / 180, source.dec * .pi / 180), (pointing.ra, pointing.dec))
            return sum + source.flux(at: frequency) * beam(angle, frequency)
        }
    }

    /// Great-circle distance, rad, accurate for small angles too.
    public static func separation(_ a: (Double, Double), _ b: (Double, Double)) -> Double {
        let (dra, ddec) = (sin((b.0 - a.0) / 2), sin((b.1 - a.1) / 2))
        return 2 * asin(min(1, sqrt(ddec * ddec + cos(a.1) * cos(b.1) * dra * dra)))
    }

    /// Direction cosines (l east, m north, n − 1) of a direction about a phase centre; all rad.
    public static func directionCosines(
        _ direction: (ra: Double, dec: Double), about centre: (ra: Double, dec: Double)
    ) -> (l: Double, m: Double, n1: Double) {
        let dra = direction.ra - centre.ra
        let l = cos(direction.dec) * sin(dra)
        let m = sin(direction.dec) * cos(centre.dec) - cos(direction.dec) * sin(centre.dec) * cos(dra)
        // n − 1 without cancellation.
        let half = separation((direction.ra, direction.dec), (centre.ra, centre.dec)) / 2
        return (l, m, -2 * sin(half) * sin(half))
    }
}

/// Where the array looks at each time: what the model prediction needs beside the rows.
public struct ArrayGeometry: Sendable {
    /// Antenna coordinates in the uvw frame, metres, [time][antenna][3]; see `BaselineRows.antennaCoordinates`.
    public var coordinates: [Double]
    /// Phase centre of each time, ICRS rad.
    public var phaseCentres: [(ra: Double, dec: Double)]
    /// Centre of the primary beam at each time, ICRS rad.
    public var pointings: [(ra: Double, dec: Double)]

    public init(
        coordinates: [Double], phaseCentres: [(ra: Double, dec: Double)], pointings: [(ra: Double, dec: Double)]
    ) {
        self.coordinates = coordinates
        self.phaseCentres = phaseCentres
        self.pointings = pointings
    }
}
