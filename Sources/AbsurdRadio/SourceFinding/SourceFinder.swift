import Absurd

#if canImport(Glibc)
    import Glibc
#endif

/// A source found in an image; fluxes as the image has them.
public struct DetectedSource: Sendable, Hashable {
    /// ICRS degrees, errors in arcseconds.
    public var ra: Double
    public var dec: Double
    public var eastErrorArcseconds: Double
    public var northErrorArcseconds: Double
    /// Pixels from 0.
    public var x: Double
    public var y: Double
    /// Jy/beam.
    public var peak: Double
    public var peakError: Double
    /// Jy.
    public var integrated: Double
    public var integratedError: Double
    /// The fitted shape, beam included; the beam itself where the source is a point.
    public var shape: RestoringBeam
    public var isResolved: Bool
    /// Noise of the image at the source, Jy/beam.
    public var rms: Double

    public var signalToNoise: Double { peak / rms }
}

/// Finds sources: SEP's background and islands, then Gaussians of the beam's shape fitted to all pixels of a
/// neighbourhood at once, and of a free shape where a source stands alone and is broader than the beam. What does not
/// stand out of its surroundings is a side lobe.
public struct SourceFinder: Sendable {
    /// A source's peak must reach this many sigma of the local noise.
    public var peakThreshold: Double = 5
    /// An island ends where the image falls below this many sigma.
    public var islandThreshold: Double = 3
    public var deblendContrast: Double = 0.005
    /// Side of the background's meshes in beams.
    public var meshBeams: Double = 16

    public init() {}

    public struct Findings: Sendable {
        /// Brightest first.
        public var sources: [DetectedSource]
        /// Median of the local noise, Jy/beam.
        public var rms: Double
        /// The background that was subtracted and the local noise.
        public var noise: SEPBackground
    }

    /// - Throws: `Refusal` when the image has no pixels with values, no coordinates or no beam.
    public func find(in image: FITSImage, name: String = "image") throws -> Findings {
        try image.requireFinitePixels(name)
        let coordinates = try ImageCoordinates(image.header, name: name)
        guard let beam = image.beam else {
            throw Refusal(
                name, why: "its header has no beam (BMAJ, BMIN)", remedy: "give a restored image", exit: .badData)
        }
        let centre = beam.pixelCovariance(coordinates, x: Double(image.width) / 2, y: Double(image.height) / 2)
        let beamPixels = pow(centre.determinant, 0.25) * widthPerSigma
        guard beamPixels.isFinite, beamPixels > 1 else {
            throw Refusal(
                name, why: "its beam is \(beamPixels) pixels wide: too coarse to fit", remedy: "use smaller cells",
                exit: .badData)
        }
        let noise = try SEPBackground(image, mesh: max(32, Int(meshBeams * beamPixels)))
        var flat = image
        for index in flat.pixels.indices { flat.pixels[index] -= noise.background[index] }
        let areaMin = max(3, Int(0.5 * 1.1331 * beamPixels * beamPixels))
        let islands = try SEPIsland.detect(
            in: flat, rms: noise.rms, threshold: islandThreshold, areaMin: min(areaMin, 12),
            deblendContrast: deblendContrast
        ).filter { $0.peak >= 0.85 * peakThreshold * Double(noise.rms[Int($0.y) * image.width + Int($0.x)]) }
        var search = Search(image: flat, rms: noise.rms, coordinates: coordinates, beam: beam, beamPixels: beamPixels)
        let sources = search.measure(islands).compactMap { source -> DetectedSource? in
            guard source.signalToNoise >= peakThreshold else { return nil }
            let width = beamPixels * max(1, source.shape.major / beam.major)
            let around = Surroundings(flat, x: source.x, y: source.y, beamPixels: width)
            return around.map { $0.judge(source, threshold: peakThreshold) } ?? source
        }
        let rms = RobustStatistics.median(
            stride(from: 0, to: noise.rms.count, by: max(1, noise.rms.count / 10000)).map { Double(noise.rms[$0]) })
        return Findings(sources: sources.sorted { $0.integrated > $1.integrated }, rms: rms ?? .nan, noise: noise)
    }
}

/// One image's fits.
private struct Search {
    let image: FITSImage
    let rms: [Float]
    let coordinates: ImageCoordinates
    let beam: RestoringBeam
    let beamPixels: Double

    /// Neighbours closer than this many beams are fitted together, at most this many at once.
    private static let groupReachBeams = 2.2
    private static let groupSizeMax = 12

    mutating func measure(_ islands: [SEPIsland]) -> [DetectedSource] {
        groups(islands).flatMap { group -> [DetectedSource] in
            let starts = group.map(start)
            if let together = GaussianFit.fit(starts, in: image, isShapeFree: false) {
                return zip(group, together).compactMap { source($0, $1, isAlone: group.count == 1) }
            }
            return zip(group, starts).compactMap { island, start in
                GaussianFit.fit([start], in: image, isShapeFree: false)?.first.flatMap {
                    source(island, $0, isAlone: true)
                }
            }
        }
    }

    private func start(_ island: SEPIsland) -> GaussianComponent {
        let covariance = beam.pixelCovariance(coordinates, x: island.x, y: island.y)
        return GaussianComponent(peak: island.peak, x: island.x, y: island.y, precision: covariance.inverse)
    }

    private func source(_ island: SEPIsland, _ point: GaussianComponent, isAlone: Bool) -> DetectedSource? {
        let column = Int(point.x.rounded())
        let row = Int(point.y.rounded())
        guard (0..<image.width).contains(column), (0..<image.height).contains(row) else { return nil }
        let noise = Double(rms[row * image.width + column])
        guard noise > 0, point.peak > 0 else { return nil }
        if isAlone, point.peak > 7 * noise, let resolved = resolved(island, point, noise: noise) { return resolved }
        return detected(point, shape: beam, noise: noise, isResolved: false)
    }

    /// The free fit, where it is significantly larger than the beam.
    private func resolved(_ island: SEPIsland, _ point: GaussianComponent, noise: Double) -> DetectedSource? {
        var start = point
        let broad = island.a * widthPerSigma / beamPixels
        if broad > 1.3 {
            let (sine, cosine) = (sin(island.theta), cos(island.theta))
            start.precision =
                SymmetricMatrix(xx: island.a * island.a, xy: 0, yy: island.b * island.b)
                .transformed(cosine, -sine, sine, cosine).inverse
        }
        guard start.precision.isPositive,
            let free = GaussianFit.fit([start], in: image, isShapeFree: true)?.first
        else { return nil }
        let j = coordinates.jacobian(x: free.x, y: free.y)
        let shape = RestoringBeam(
            skyCovariance: free.precision.inverse.transformed(j.eastX, j.eastY, j.northX, j.northY))
        let found = detected(free, shape: shape, noise: noise, isResolved: true)
        let excess = found.integrated - found.peak
        guard shape.major > 1.15 * beam.major, shape.minor > 0.85 * beam.minor, excess > 3 * found.integratedError,
            excess > 0.1 * found.peak
        else { return nil }
        return found
    }

    private func detected(
        _ component: GaussianComponent, shape: RestoringBeam, noise: Double, isResolved: Bool
    ) -> DetectedSource {
        let errors = CondonErrors(
            peak: component.peak, shape: shape, beam: beam, rms: noise, isShapeFree: isResolved)
        let onSky = errors.onSky(positionAngle: shape.positionAngle)
        let place = coordinates.world(x: component.x, y: component.y)
        let arcseconds = 180 / Double.pi * 3600
        return DetectedSource(
            ra: place.ra, dec: place.dec, eastErrorArcseconds: onSky.east * arcseconds,
            northErrorArcseconds: onSky.north * arcseconds, x: component.x, y: component.y, peak: component.peak,
            peakError: errors.peak,
            integrated: component.peak * shape.major * shape.minor / (beam.major * beam.minor),
            integratedError: errors.integrated, shape: shape, isResolved: isResolved, rms: noise)
    }

    /// Islands whose peaks lie within a few beams of each other, chained, brightest first.
    private func groups(_ islands: [SEPIsland]) -> [[SEPIsland]] {
        var rest = islands.sorted { $0.peak > $1.peak }
        var result: [[SEPIsland]] = []
        let reach = Self.groupReachBeams * beamPixels
        while let first = rest.first {
            rest.removeFirst()
            var group = [first]
            var next = 0
            while next < group.count, group.count < Self.groupSizeMax {
                let member = group[next]
                next += 1
                let near = rest.indices.filter { hypot(rest[$0].x - member.x, rest[$0].y - member.y) < reach }
                    .prefix(Self.groupSizeMax - group.count)
                group += near.map { rest[$0] }
                for index in near.reversed() { rest.remove(at: index) }
            }
            result.append(group)
        }
        return result
    }
}
