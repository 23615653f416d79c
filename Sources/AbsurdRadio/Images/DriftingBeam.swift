#if canImport(Glibc)
    import Glibc
#endif

/// The primary beam that an image of a whole observation has: that of the dishes averaged over the track of their axis
/// on the sky, which drifts while the telescope stands still, and over the band.
///
/// It travels with the image in its header (PBDIAM, PBFREQ1-2, PBRA1-2, PBDEC1-2), so that whoever measures fluxes
/// divides by the same beam.
public struct DriftingBeam: Sendable, Hashable {
    public var beam: PrimaryBeam
    /// ICRS, radians: the axis at the first and at the last instant.
    public var start: SkyDirection
    public var end: SkyDirection
    /// Hz, edges of the band.
    public var lowFrequency: Double
    public var highFrequency: Double

    public init(
        beam: PrimaryBeam, start: SkyDirection, end: SkyDirection, lowFrequency: Double, highFrequency: Double
    ) {
        (self.beam, self.start, self.end) = (beam, start, end)
        (self.lowFrequency, self.highFrequency) = (lowFrequency, highFrequency)
    }

    /// Power gain towards an ICRS direction in degrees: 0...1.
    public func gain(ra: Double, dec: Double) -> Double {
        guard ra.isFinite, dec.isFinite else { return .nan }
        let (instants, channels) = (9, 5)
        let place = SkyDirection(rightAscension: ra * .pi / 180, declination: dec * .pi / 180)
        let turn = wrapped((end.rightAscension - start.rightAscension) * 180 / .pi) * .pi / 180
        var sum = 0.0
        for instant in 0..<instants {
            // Middles of equal parts: the mean converges fastest so.
            let along = (Double(instant) + 0.5) / Double(instants)
            let axis = SkyDirection(
                rightAscension: start.rightAscension + turn * along,
                declination: start.declination + (end.declination - start.declination) * along)
            let offset = place.separation(from: axis)
            for channel in 0..<channels {
                let part = (Double(channel) + 0.5) / Double(channels)
                let frequency = lowFrequency + (highFrequency - lowFrequency) * part
                sum += offset < .pi / 2 ? beam.gain(offsetRadians: offset, frequencyHz: frequency) : 0
            }
        }
        return sum / Double(instants * channels)
    }

    /// The gain at every pixel of an image: computed on a grid and interpolated between its points.
    /// - Returns: width * height values, NaN off the projection.
    public func map(of image: FITSImage, name: String = "image", spacing: Int = 16) throws -> [Float] {
        let coordinates = try ImageCoordinates(image.header, name: name)
        let columns = (image.width - 1) / spacing + 2
        let rows = (image.height - 1) / spacing + 2
        let nodes = (0..<rows * columns).map { index in
            let place = coordinates.world(
                x: Double(index % columns * spacing), y: Double(index / columns * spacing))
            return Float(gain(ra: place.ra, dec: place.dec))
        }
        return [Float](unsafeUninitializedCapacity: image.pixels.count) { map, count in
            for y in 0..<image.height {
                let (row, up) = (y / spacing, Float(y % spacing) / Float(spacing))
                for x in 0..<image.width {
                    let (column, right) = (x / spacing, Float(x % spacing) / Float(spacing))
                    let at = row * columns + column
                    let below = nodes[at] + (nodes[at + 1] - nodes[at]) * right
                    let above = nodes[at + columns] + (nodes[at + columns + 1] - nodes[at + columns]) * right
                    map.initializeElement(at: y * image.width + x, to: below + (above - below) * up)
                }
            }
            count = image.pixels.count
        }
    }
}

extension DriftingBeam {
    public func describe(in header: inout FITSHeader) {
        let degrees = 180 / Double.pi
        header.set("PBDIAM", beam.diameterMetres, "[m] dish of the Airy primary beam")
        header.set("PBFREQ1", lowFrequency, "[Hz] band of the primary beam")
        header.set("PBFREQ2", highFrequency, "[Hz] band of the primary beam")
        header.set("PBRA1", start.rightAscension * degrees, "[deg] beam axis at the first instant")
        header.set("PBDEC1", start.declination * degrees, "[deg]")
        header.set("PBRA2", end.rightAscension * degrees, "[deg] beam axis at the last instant")
        header.set("PBDEC2", end.declination * degrees, "[deg]")
    }

    /// nil where the header does not describe a primary beam.
    public init?(_ header: FITSHeader) {
        guard let diameter = header.double("PBDIAM"), let low = header.double("PBFREQ1"),
            let high = header.double("PBFREQ2"), let ra1 = header.double("PBRA1"), let dec1 = header.double("PBDEC1"),
            let ra2 = header.double("PBRA2"), let dec2 = header.double("PBDEC2"), diameter > 0, low > 0, high >= low
        else { return nil }
        let radians = Double.pi / 180
        self.init(
            beam: PrimaryBeam(diameterMetres: diameter),
            start: SkyDirection(rightAscension: ra1 * radians, declination: dec1 * radians),
            end: SkyDirection(rightAscension: ra2 * radians, declination: dec2 * radians), lowFrequency: low,
            highFrequency: high)
    }
}

extension FITSImage {
    /// Whether the pixels were divided by the primary beam already (PBCOR).
    public var isPrimaryBeamCorrected: Bool { header.text("PBCOR") == "DIVIDED" }

    /// What a flux of this image is divided by to be intrinsic; 1 where no beam is known or it was divided out.
    public func primaryBeamGain(ra: Double, dec: Double) -> Double {
        guard !isPrimaryBeamCorrected, let beam = DriftingBeam(header) else { return 1 }
        return beam.gain(ra: ra, dec: dec)
    }

    /// The image with the primary beam divided out, blank where its gain is below `limit`.
    public func dividedByPrimaryBeam(_ beam: DriftingBeam, limit: Double) throws -> FITSImage {
        var result = self
        let map = try beam.map(of: self)
        for index in result.pixels.indices {
            result.pixels[index] = map[index] >= Float(limit) ? pixels[index] / map[index] : .nan
        }
        beam.describe(in: &result.header)
        result.header.set("PBCOR", "DIVIDED", "primary beam")
        return result
    }
}
