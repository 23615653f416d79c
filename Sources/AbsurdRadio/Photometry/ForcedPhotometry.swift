import Absurd

#if canImport(Glibc)
    import Glibc
#endif

/// The flux at a position given from outside: the pixels under the beam weighted by the beam
/// (Condon 1997, PASP 109, 166: the least-squares amplitude of a point source, S = Σ d k / Σ k²).
///
/// The image is read once; each source costs the pixels of its beam and of its annulus.
public struct ForcedPhotometry {
    /// Pixels; the noise is that of the ring between them.
    public var annulusInner: Double = 12
    public var annulusOuter: Double = 20
    public var clipSigma: Double = 3

    private let image: FITSImage
    private let coordinates: ImageCoordinates
    private let beam: RestoringBeam

    public struct Measurement: Sendable, Hashable {
        /// Pixels from 0.
        public var x: Double
        public var y: Double
        /// Jy, for a point source; as the image has it.
        public var flux: Double
        /// Jy/beam: clipped deviation of the annulus.
        public var rms: Double
        /// Clipped mean of the annulus, Jy/beam; not subtracted.
        public var background: Double
        /// The pixel that holds the position.
        public var peak: Double

        public var signalToNoise: Double { flux / rms }

        /// One sigma of `flux`: noise with the beam's own correlation, weighted by the beam, scatters by sqrt(4/3) rms.
        public var fluxError: Double { rms * 1.1547005383792517 }
    }

    /// - Throws: `Refusal` when the image has no coordinates, no beam or no values.
    public init(_ image: FITSImage, name: String = "image") throws {
        try image.requireFinitePixels(name)
        guard let beam = image.beam else {
            throw Refusal(
                name, why: "its header has no beam (BMAJ, BMIN)", remedy: "give a restored image", exit: .badData)
        }
        self.image = image
        self.beam = beam
        coordinates = try ImageCoordinates(image.header, name: name)
    }

    /// - Parameters: ICRS degrees.
    /// - Returns: nil outside the image, or where the pixels of the beam or of the annulus have no values.
    public func measure(ra: Double, dec: Double) -> Measurement? {
        let (x, y) = coordinates.pixel(ra: ra, dec: dec)
        guard x.isFinite, y.isFinite, x > -0.5, y > -0.5, x < Double(image.width) - 0.5, y < Double(image.height) - 0.5
        else { return nil }
        let peak = image[Int(x.rounded()), Int(y.rounded())]
        guard let flux = weightedFlux(x, y), let ring = RobustStatistics.clipped(annulus(x, y), sigma: clipSigma),
            ring.deviation > 0, peak.isFinite
        else { return nil }
        return Measurement(
            x: x, y: y, flux: flux, rms: ring.deviation, background: ring.mean, peak: Double(peak))
    }

    private func weightedFlux(_ x: Double, _ y: Double) -> Double? {
        let covariance = beam.pixelCovariance(coordinates, x: x, y: y)
        let precision = covariance.inverse
        let reach = 3.0
        var (weighted, norm, missing) = (0.0, 0.0, 0)
        forEachPixel(x, y, reach * covariance.xx.squareRoot(), reach * covariance.yy.squareRoot()) {
            column, row, value in
            let distance = precision.form(Double(column) - x, Double(row) - y)
            guard distance <= reach * reach else { return }
            guard value.isFinite else {
                missing += 1
                return
            }
            let kernel = exp(-0.5 * distance)
            weighted += Double(value) * kernel
            norm += kernel * kernel
        }
        return norm > 0 && missing == 0 ? weighted / norm : nil
    }

    private func annulus(_ x: Double, _ y: Double) -> [Float] {
        var values: [Float] = []
        forEachPixel(x, y, annulusOuter, annulusOuter) { column, row, value in
            let distance = hypot(Double(column) - x, Double(row) - y)
            if distance >= annulusInner, distance <= annulusOuter, value.isFinite { values.append(value) }
        }
        return values
    }

    private func forEachPixel(
        _ x: Double, _ y: Double, _ halfWidth: Double, _ halfHeight: Double, _ body: (Int, Int, Float) -> Void
    ) {
        let left = max(0, Int((x - halfWidth).rounded(.up)))
        let right = min(image.width - 1, Int((x + halfWidth).rounded(.down)))
        let bottom = max(0, Int((y - halfHeight).rounded(.up)))
        let top = min(image.height - 1, Int((y + halfHeight).rounded(.down)))
        guard left <= right, bottom <= top else { return }
        for row in bottom...top { for column in left...right { body(column, row, image[column, row]) } }
    }
}
