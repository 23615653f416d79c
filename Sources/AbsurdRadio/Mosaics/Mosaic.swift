import Absurd

#if canImport(Glibc)
    import Glibc
#endif

/// A linear mosaic (Sault, Staveley-Smith & Brouw 1996, A&AS 120, 375): every image resampled onto one grid and
/// averaged with the weights that leave the least noise, S = Σ g I / σ² ÷ Σ g² / σ², g being the primary beam's gain.
///
/// Images are added one at a time, so that memory holds one image and the sums however many there are.
public struct Mosaic {
    public let header: FITSHeader
    public let width: Int
    public let height: Int
    private var weighted: [Double]
    private var weights: [Double]
    /// Positions are computed on a grid of this many pixels and interpolated between: good to a thousandth of a pixel.
    private static let spacing = 16

    /// - Parameter header: of the output grid, SIN projection, as `Mosaic.grid` makes it.
    public init(header: FITSHeader, width: Int, height: Int) {
        (self.header, self.width, self.height) = (header, width, height)
        weighted = [Double](repeating: 0, count: width * height)
        weights = weighted
    }

    /// Adds an image whose noise is even (not divided by the primary beam) or one that was divided already.
    /// - Parameters:
    ///   - rms: noise of the image, Jy/beam.
    ///   - gainLimit: pixels where the primary beam's gain is below this take no part.
    public mutating func add(_ image: FITSImage, rms: Double, gainLimit: Double, name: String) throws {
        guard rms > 0 else {
            throw Refusal(name, why: "its noise is zero", remedy: "give a restored image", exit: .badData)
        }
        let gains = try DriftingBeam(image.header)?.map(of: image, name: name)
        let places = try places(in: image, name: name)
        let columns = (width - 1) / Self.spacing + 2
        for y in 0..<height {
            let (row, up) = (y / Self.spacing, Double(y % Self.spacing) / Double(Self.spacing))
            for x in 0..<width {
                let (column, right) = (x / Self.spacing, Double(x % Self.spacing) / Double(Self.spacing))
                let at = row * columns + column
                let below = places[at] + (places[at + 1] - places[at]) * right
                let above = places[at + columns] + (places[at + columns + 1] - places[at + columns]) * right
                let place = below + (above - below) * up
                guard let value = image.interpolated(x: place.x, y: place.y) else { continue }
                let nearest = Int(place.y.rounded()) * image.width + Int(place.x.rounded())
                let gain = gains.map { Double($0[nearest]) } ?? 1
                guard gain >= gainLimit else { continue }
                let apparent = image.isPrimaryBeamCorrected ? value * gain : value
                weighted[y * width + x] += gain * apparent / (rms * rms)
                weights[y * width + x] += gain * gain / (rms * rms)
            }
        }
    }

    /// The mean so far, intrinsic Jy/beam; blank where no image reached.
    public func image() -> FITSImage {
        FITSImage(
            width: width, height: height,
            pixels: zip(weighted, weights).map { $1 > 0 ? Float($0 / $1) : .nan }, header: header)
    }

    /// The noise expected in `image()`, Jy/beam.
    public func noise() -> FITSImage {
        FITSImage(
            width: width, height: height, pixels: weights.map { $0 > 0 ? Float(1 / $0.squareRoot()) : .nan },
            header: header)
    }

    private func places(in image: FITSImage, name: String) throws -> [SIMD2<Double>] {
        let (ours, theirs) = (try ImageCoordinates(header), try ImageCoordinates(image.header, name: name))
        let (columns, rows) = ((width - 1) / Self.spacing + 2, (height - 1) / Self.spacing + 2)
        return (0..<rows * columns).map { index in
            let place = ours.world(
                x: Double(index % columns * Self.spacing), y: Double(index / columns * Self.spacing))
            guard place.ra.isFinite else { return SIMD2(.nan, .nan) }
            let pixel = theirs.pixel(ra: place.ra, dec: place.dec)
            return SIMD2(pixel.x, pixel.y)
        }
    }
}

extension Mosaic {
    /// A grid that holds all images: centred on the mean of their centres, with the first one's pixels and beam.
    /// - Throws: `Refusal` when it would be wider than `sideMax` pixels.
    public static func grid(
        around images: [(header: FITSHeader, width: Int, height: Int)], sideMax: Int
    ) throws -> Mosaic {
        guard let first = images.first, let cell = first.header.double("CDELT2"), cell != 0 else {
            throw Refusal("mosaic", why: "there is no image with a pixel size", remedy: "give images", exit: .badData)
        }
        var centre = SIMD3<Double>()
        var corners: [SIMD2<Double>] = []
        for image in images {
            let coordinates = try ImageCoordinates(image.header)
            let (right, top) = (Double(image.width - 1), Double(image.height - 1))
            let middle = coordinates.world(x: right / 2, y: top / 2)
            centre += direction(middle.ra, middle.dec)
            for (x, y) in [(0, 0), (right, 0), (0, top), (right, top)] {
                let corner = coordinates.world(x: x, y: y)
                if corner.ra.isFinite { corners.append(SIMD2(corner.ra, corner.dec)) }
            }
        }
        let ra = atan2(centre.y, centre.x) * 180 / .pi
        let dec = atan2(centre.z, hypot(centre.x, centre.y)) * 180 / .pi
        var header = FITSHeader(
            cards: first.header.cards.filter { card in
                !["HISTORY", "COMMENT", "WSC", "PB"].contains { card.hasPrefix($0) }
            })
        for (key, value) in [("CRVAL1", ra < 0 ? ra + 360 : ra), ("CRVAL2", dec), ("CRPIX1", 1), ("CRPIX2", 1)] {
            header.set(key, value)
        }
        let coordinates = try ImageCoordinates(header)
        let pixels = corners.map { coordinates.pixel(ra: $0.x, dec: $0.y) }.filter { $0.x.isFinite }
        let (xs, ys) = (pixels.map(\.x), pixels.map(\.y))
        guard let left = xs.min(), let right = xs.max(), let bottom = ys.min(), let top = ys.max(),
            right - left < Double(sideMax), top - bottom < Double(sideMax)
        else {
            throw Refusal(
                "mosaic", why: "the images span more than \(sideMax) pixels", remedy: "give images of one field",
                exit: .badData)
        }
        header.set("CRPIX1", 1 - left.rounded(.down))
        header.set("CRPIX2", 1 - bottom.rounded(.down))
        header.set("PBCOR", "DIVIDED", "primary beam")
        return Mosaic(
            header: header, width: Int(right.rounded(.up) - left.rounded(.down)) + 1,
            height: Int(top.rounded(.up) - bottom.rounded(.down)) + 1)
    }

    private static func direction(_ ra: Double, _ dec: Double) -> SIMD3<Double> {
        let radians = Double.pi / 180
        return SIMD3(
            cos(dec * radians) * cos(ra * radians), cos(dec * radians) * sin(ra * radians), sin(dec * radians))
    }
}

extension FITSImage {
    /// The value between pixels by cubic convolution (Keys 1981, a = -1/2): a beam of four pixels keeps its peak to 1 %.
    /// - Returns: nil within two pixels of the edge or of a blank pixel.
    func interpolated(x: Double, y: Double) -> Double? {
        guard x >= 1, y >= 1, x < Double(width - 2), y < Double(height - 2) else { return nil }
        let (column, row) = (Int(x), Int(y))
        let (across, up) = (Self.cubicWeights(x - Double(column)), Self.cubicWeights(y - Double(row)))
        var sum = 0.0
        for j in 0..<4 {
            let at = (row + j - 1) * width + column - 1
            let line = SIMD4(
                Double(pixels[at]), Double(pixels[at + 1]), Double(pixels[at + 2]), Double(pixels[at + 3]))
            sum += up[j] * (line * across).sum()
        }
        return sum.isFinite ? sum : nil
    }

    private static func cubicWeights(_ t: Double) -> SIMD4<Double> {
        let (square, cube) = (t * t, t * t * t)
        return SIMD4(
            -0.5 * t + square - 0.5 * cube, 1 - 2.5 * square + 1.5 * cube, 0.5 * t + 2 * square - 1.5 * cube,
            -0.5 * square + 0.5 * cube)
    }
}
