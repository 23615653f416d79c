import AbsurdRadio
import Foundation

/// Images with known sources: Gaussians of the beam on noise that has the beam's correlation.
struct SyntheticSky {
    struct Source {
        var ra: Double
        var dec: Double
        /// Jy.
        var flux: Double
        /// Full widths in arcseconds on top of the beam; nil is a point.
        var size: (major: Double, minor: Double, positionAngle: Double)?

        init(_ ra: Double, _ dec: Double, _ flux: Double, size: (Double, Double, Double)? = nil) {
            (self.ra, self.dec, self.flux, self.size) = (ra, dec, flux, size)
        }
    }

    /// xorshift64*: the same numbers everywhere.
    struct Random {
        var state: UInt64

        mutating func uniform() -> Double {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return Double((state &* 2_685_821_657_736_338_717) >> 11) / 9_007_199_254_740_992
        }

        mutating func normal() -> Double {
            sqrt(-2 * log(1 - uniform())) * cos(2 * .pi * uniform())
        }
    }

    static let ra = 202.78
    static let dec = 30.5
    static let cellArcseconds = 8.0
    static let beamArcseconds = (major: 42.0, minor: 34.0, positionAngle: 25.0)

    static func header(side: Int) -> FITSHeader {
        var header = FITSHeader()
        header.set("BUNIT", "Jy/beam")
        header.set("BMAJ", beamArcseconds.major / 3600)
        header.set("BMIN", beamArcseconds.minor / 3600)
        header.set("BPA", beamArcseconds.positionAngle)
        header.set("CTYPE1", "RA---SIN", "Right ascension")
        header.set("CRPIX1", Double(side / 2 + 1))
        header.set("CRVAL1", ra)
        header.set("CDELT1", -cellArcseconds / 3600)
        header.set("CUNIT1", "deg")
        header.set("CTYPE2", "DEC--SIN")
        header.set("CRPIX2", Double(side / 2 + 1))
        header.set("CRVAL2", dec)
        header.set("CDELT2", cellArcseconds / 3600)
        header.set("CUNIT2", "deg")
        header.set("CTYPE3", "FREQ")
        header.set("CRVAL3", 1.4e9)
        header.set("CRPIX3", 1.0)
        header.set("CDELT3", 1.875e8)
        header.set("CUNIT3", "Hz")
        return header
    }

    /// - Parameter rms: Jy/beam of the noise.
    static func image(side: Int = 448, sources: [Source], rms: Double, seed: UInt64 = 1) throws -> FITSImage {
        let header = header(side: side)
        let coordinates = try ImageCoordinates(header)
        var image = FITSImage(
            width: side, height: side, pixels: [Float](repeating: 0, count: side * side), header: header)
        if rms > 0 { image.pixels = noise(side: side, rms: rms, seed: seed) }
        for source in sources { add(source, to: &image, coordinates) }
        return image
    }

    private static func add(_ source: Source, to image: inout FITSImage, _ coordinates: ImageCoordinates) {
        let (x, y) = coordinates.pixel(ra: source.ra, dec: source.dec)
        var covariance = covariance(beamArcseconds.major, beamArcseconds.minor, beamArcseconds.positionAngle)
        let beamDeterminant = covariance.0 * covariance.2 - covariance.1 * covariance.1
        if let size = source.size {
            let extra = self.covariance(size.major, size.minor, size.positionAngle)
            covariance = (covariance.0 + extra.0, covariance.1 + extra.1, covariance.2 + extra.2)
        }
        let determinant = covariance.0 * covariance.2 - covariance.1 * covariance.1
        let peak = source.flux * sqrt(beamDeterminant / determinant)
        for row in max(0, Int(y) - 40)...min(image.height - 1, Int(y) + 40) {
            for column in max(0, Int(x) - 40)...min(image.width - 1, Int(x) + 40) {
                let (dx, dy) = (Double(column) - x, Double(row) - y)
                let form =
                    (covariance.2 * dx * dx - 2 * covariance.1 * dx * dy + covariance.0 * dy * dy) / determinant
                image[column, row] += Float(peak * exp(-0.5 * form))
            }
        }
    }

    /// Pixels squared; x runs west, so an angle towards east leans to the left.
    private static func covariance(_ major: Double, _ minor: Double, _ angle: Double) -> (Double, Double, Double) {
        let (along, across) = (pow(major / cellArcseconds / 2.35482, 2), pow(minor / cellArcseconds / 2.35482, 2))
        let (sine, cosine) = (-sin(angle * .pi / 180), cos(angle * .pi / 180))
        return (
            along * sine * sine + across * cosine * cosine, (along - across) * sine * cosine,
            along * cosine * cosine + across * sine * sine
        )
    }

    /// Noise of deviation 1: white noise smoothed so that its autocorrelation is a round Gaussian of the beam's area,
    /// as an image's noise has it. Made once; other seeds see it shifted and turned over.
    private static let unitNoise: [Float] = {
        var random = Random(state: 0x9E37_79B9_7F4A_7C15)
        var field = (0..<noiseSide * noiseSide).map { _ in Float(random.normal()) }
        let sigma = sqrt(beamArcseconds.major * beamArcseconds.minor) / cellArcseconds / 2.35482 / sqrt(2)
        let reach = Int(3.5 * sigma)
        let kernel = (-reach...reach).map { Float(exp(-0.5 * pow(Double($0) / sigma, 2))) }
        for step in [1, noiseSide] {
            var next = field
            for index in field.indices {
                var sum: Float = 0
                for tap in 0..<kernel.count {
                    let other = index + (tap - reach) * step + field.count
                    sum += kernel[tap] * field[other % field.count]
                }
                next[index] = sum
            }
            field = next
        }
        let deviation = sqrt(field.reduce(0) { $0 + $1 * $1 } / Float(field.count))
        return field.map { $0 / deviation }
    }()
    private static let noiseSide = 512

    private static func noise(side: Int, rms: Double, seed: UInt64) -> [Float] {
        precondition(side <= noiseSide)
        let shift = Int(seed) * 77_777
        let scale = Float(seed % 2 == 0 ? -rms : rms)
        return (0..<side * side).map { index in
            scale * unitNoise[((index / side) * noiseSide + index % side + shift) % unitNoise.count]
        }
    }

    /// Sources on a grid with a little jitter, so that none overlap; fluxes spread evenly in the logarithm.
    static func field(count: Int, faintest: Double, brightest: Double, seed: UInt64 = 7) -> [Source] {
        var random = Random(state: seed)
        let side = Int(Double(count).squareRoot().rounded(.up))
        let spacing = 0.88 / Double(side)
        return (0..<count).map { index in
            let east = (Double(index % side) - Double(side - 1) / 2) * spacing + (random.uniform() - 0.5) * 0.03
            let north = (Double(index / side) - Double(side - 1) / 2) * spacing + (random.uniform() - 0.5) * 0.03
            let flux = faintest * pow(brightest / faintest, Double(index) / Double(max(1, count - 1)))
            return Source(ra + east / cos((dec + north) * .pi / 180), dec + north, flux)
        }
    }
}
