#if canImport(Glibc)
    import Glibc
#endif

/// One-sigma errors of a Gaussian fit in noise that the beam correlates (Condon 1997, PASP 109, 166, section 3).
struct CondonErrors {
    var peak: Double
    var integrated: Double
    /// Along the fitted major and minor axis, radians.
    var alongMajor: Double
    var alongMinor: Double

    /// - Parameters:
    ///   - rms: noise of the image at the source, same unit as the peak.
    ///   - isShapeFree: false for a fit of the beam's own shape, where peak and integrated flux are one.
    init(peak value: Double, shape: RestoringBeam, beam: RestoringBeam, rms: Double, isShapeFree: Bool) {
        let ratioMajor = 1 + pow(beam.major / shape.major, 2)
        let ratioMinor = 1 + pow(beam.minor / shape.minor, 2)
        let area = shape.major * shape.minor / (4 * beam.major * beam.minor)
        let snr = abs(value) / rms
        func signalToNoise(_ major: Double, _ minor: Double) -> Double {
            (area * pow(ratioMajor, major) * pow(ratioMinor, minor)).squareRoot() * snr
        }
        let amplitude = 2.0.squareRoot() / signalToNoise(1.5, 1.5)
        let onMajor = 2.0.squareRoot() / signalToNoise(2.5, 0.5)
        let onMinor = 2.0.squareRoot() / signalToNoise(0.5, 2.5)
        peak = abs(value) * amplitude
        alongMajor = shape.major / widthPerSigma * onMajor
        alongMinor = shape.minor / widthPerSigma * onMinor
        let beamRatio = beam.major * beam.minor / (shape.major * shape.minor)
        let flux = abs(value) / beamRatio
        integrated =
            isShapeFree
            ? flux * (amplitude * amplitude + beamRatio * (onMajor * onMajor + onMinor * onMinor)).squareRoot() : peak
    }

    /// Errors east and north of a shape at a position angle.
    func onSky(positionAngle: Double) -> (east: Double, north: Double) {
        let (sine, cosine) = (sin(positionAngle), cos(positionAngle))
        return (
            hypot(alongMajor * sine, alongMinor * cosine), hypot(alongMajor * cosine, alongMinor * sine)
        )
    }
}
