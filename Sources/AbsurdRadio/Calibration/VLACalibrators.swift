#if canImport(Glibc)
    import Glibc
#endif

/// Calibrators that need no catalogue file, by name or by place.
public struct VLACalibrator: Sendable, Hashable {
    public var name: String
    public var aliases: [String]
    /// ICRS degrees.
    public var ra: Double
    public var dec: Double
    /// log₁₀ S[Jy] = Σ aᵢ (log₁₀ ν[GHz])ⁱ
    public var coefficients: [Double]

    public static let all: [VLACalibrator] = VLACalibratorList.csv.split(separator: "\n").dropFirst().compactMap {
        line in
        let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let numbers = fields.dropFirst(2).compactMap(Double.init)
        guard fields.count >= 5, numbers.count == fields.count - 2 else { return nil }
        return VLACalibrator(
            name: fields[0], aliases: fields[1].split(separator: " ").map(String.init), ra: numbers[0],
            dec: numbers[1], coefficients: Array(numbers.dropFirst(2)))
    }

    /// Names are compared without case and blanks: "3c286", "3C 286" and "J1331+3030" are one.
    public static func named(_ name: String) -> VLACalibrator? {
        let wanted = plain(name)
        return all.first { plain($0.name) == wanted || $0.aliases.contains { plain($0) == wanted } }
    }

    /// The calibrator nearest to a place, within `radius`; all degrees.
    public static func near(ra: Double, dec: Double, radius: Double) -> VLACalibrator? {
        let degree = Double.pi / 180
        return all.map { calibrator in
            let distance = SkyModel.separation(
                (calibrator.ra * degree, calibrator.dec * degree), (ra * degree, dec * degree))
            return (calibrator, distance / degree)
        }
        .filter { $0.1 <= radius }.min { $0.1 < $1.1 }?.0
    }

    private static func plain(_ name: String) -> String { name.filter { !$0.isWhitespace }.lowercased() }

    /// Jy.
    public func flux(at frequency: Double) -> Double {
        let x = log10(frequency / 1e9)
        return pow(10, coefficients.reversed().reduce(0) { $0 * x + $1 })
    }

    /// As a source of a sky model: the flux and the slope at `frequency`.
    public func source(at frequency: Double) -> CatalogueSource {
        let step = 1.01
        let slope = log(flux(at: frequency * step) / flux(at: frequency / step)) / (2 * log(step))
        return CatalogueSource(
            name: name, ra: ra, dec: dec, flux: flux(at: frequency), frequency: frequency, spectralIndex: slope)
    }
}
