#if canImport(Glibc)
    import Glibc
#endif

/// One source of a radio catalogue. Fluxes are intrinsic: before any primary beam.
public struct CatalogueSource: Sendable, Hashable {
    public var name: String
    /// ICRS degrees.
    public var ra: Double
    public var dec: Double
    /// Jy at `frequency`.
    public var flux: Double
    /// Hz.
    public var frequency: Double
    /// α in S ∝ ν^α.
    public var spectralIndex: Double

    public init(name: String, ra: Double, dec: Double, flux: Double, frequency: Double, spectralIndex: Double) {
        self.name = name
        self.ra = ra
        self.dec = dec
        self.flux = flux
        self.frequency = frequency
        self.spectralIndex = spectralIndex
    }

    /// - Parameter frequency: Hz; where the catalogue gives no frequency the flux is taken as it is.
    public func flux(at frequency: Double) -> Double {
        self.frequency > 0 && frequency > 0 ? flux * pow(frequency / self.frequency, spectralIndex) : flux
    }
}
