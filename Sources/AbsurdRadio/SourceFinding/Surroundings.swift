#if canImport(Glibc)
    import Glibc
#endif

/// What the pixels around a detection say of it. A background's mesh is many beams wide: beside a bright source, where
/// side lobes stand that CLEAN has left, its noise is too small, and the side lobes would be sources.
struct Surroundings {
    /// Robust scatter of the ring's pixels, Jy/beam.
    var noise: Double
    /// How deep the deepest hollow in the ring is, Jy/beam: side lobes go down as they go up, sources do not.
    var depth: Double

    /// A ring's noise is taken where it is this much larger than the mesh's: less is chance.
    static let noiseExcess = 1.25
    /// Pure noise has hollows of up to 3 sigma in a ring: this keeps its sources of 5 sigma.
    static let depthFactor = 1.5

    private static let innerBeams = 1.5
    private static let outerBeams = 6.0
    private static let pixelsMin = 100

    /// - Parameter beamPixels: width of the beam, or of the source where that is broader.
    /// - Returns: nil where too few pixels have values.
    init?(_ image: FITSImage, x: Double, y: Double, beamPixels: Double) {
        let outer = Self.outerBeams * beamPixels
        let range = (inner: pow(Self.innerBeams * beamPixels, 2), outer: outer * outer)
        var values: [Double] = []
        let columns = max(0, Int(x - outer))...min(image.width - 1, Int(x + outer))
        for row in max(0, Int(y - outer))...min(image.height - 1, Int(y + outer)) {
            for column in columns {
                let distance = pow(Double(column) - x, 2) + pow(Double(row) - y, 2)
                let value = Double(image[column, row])
                if distance > range.inner, distance < range.outer, value.isFinite { values.append(value) }
            }
        }
        guard values.count >= Self.pixelsMin, let middle = RobustStatistics.median(values),
            let deviation = RobustStatistics.medianDeviation(values), let lowest = values.min()
        else { return nil }
        noise = 1.4826 * deviation
        depth = middle - lowest
    }

    /// The detection with the noise that is around it; nil for what does not stand out of it.
    func judge(_ source: DetectedSource, threshold: Double) -> DetectedSource? {
        var judged = source
        if noise > Self.noiseExcess * source.rms {
            let growth = noise / source.rms
            judged.rms = noise
            judged.peakError *= growth
            judged.integratedError *= growth
            judged.eastErrorArcseconds *= growth
            judged.northErrorArcseconds *= growth
        }
        guard judged.signalToNoise >= threshold, judged.peak >= Self.depthFactor * depth else { return nil }
        return judged
    }
}
