import Absurd

#if canImport(Glibc)
    import Glibc
#endif

/// A picture of an image for people: asinh brightness on a perceptual scale, colour bar, coordinate grid, beam.
public struct Preview {
    /// About the longest side of the sky in the picture, pixels; a whole factor of the image's.
    public var sidePixels = 900

    public init() {}

    private static let paper = RGBColour(18, 18, 24)
    private static let ink = RGBColour(228, 228, 232)
    private static let faint = RGBColour(150, 150, 160)
    private static let margin = (left: 118, right: 170, top: 66, bottom: 62)

    /// Where the sky lies in the picture and how its pixels become brightness.
    private struct Layout {
        var scale: Double
        var width: Int
        var height: Int
        var low: Double
        var high: Double
        var knee: Double
        var imageHeight: Int

        func column(_ x: Double) -> Double { Double(margin.left) + (x + 0.5) * scale - 0.5 }
        func row(_ y: Double) -> Double { Double(margin.top) + (Double(imageHeight) - 0.5 - y) * scale - 0.5 }

        func isInside(_ column: Int, _ row: Int) -> Bool {
            (margin.left..<margin.left + width).contains(column) && (margin.top..<margin.top + height).contains(row)
        }

        func brightness(_ value: Double) -> Double {
            let span = asinh((high - low) / knee)
            return min(1, max(0, asinh((value - low) / knee) / span))
        }

        func value(_ brightness: Double) -> Double {
            low + knee * sinh(brightness * asinh((high - low) / knee))
        }
    }

    /// - Parameters:
    ///   - rms: Jy/beam; sets where the scale turns from linear to logarithmic. nil: estimated from the pixels.
    /// - Throws: `Refusal` when the image holds no values or no coordinates.
    public func draw(_ image: FITSImage, title: String, rms: Double? = nil) throws -> RGBPicture {
        try image.requireFinitePixels(title)
        let coordinates = try ImageCoordinates(image.header, name: title)
        let layout = layout(of: image, rms: rms)
        let margin = Preview.margin
        var canvas = Canvas(
            width: layout.width + margin.left + margin.right, height: layout.height + margin.top + margin.bottom,
            background: Preview.paper)
        drawSky(image, layout, &canvas)
        drawGrid(CoordinateGrid(coordinates, width: image.width, height: image.height), layout, &canvas)
        canvas.frame(
            x: margin.left - 1, y: margin.top - 1, width: layout.width + 2, height: layout.height + 2, Preview.faint)
        let unit = image.header.text("BUNIT") ?? ""
        drawColourBar(layout, unit: unit.lowercased() == "jy/beam" ? "Jy/beam" : unit, &canvas)
        drawBeam(image, coordinates, layout, &canvas)
        drawTitle(title, image, rms: rms, &canvas)
        return canvas.picture
    }

    private func layout(of image: FITSImage, rms: Double?) -> Layout {
        let longest = Double(max(image.width, image.height))
        let ratio = Double(sidePixels) / longest
        // Whole factors keep the pixels even.
        let scale = ratio >= 1 ? ratio.rounded(.down) : 1 / (1 / ratio).rounded()
        let finite = image.pixels.filter(\.isFinite)
        let noise = rms ?? RobustStatistics.clipped(finite, sigma: 3)?.deviation ?? 0
        let peak = Double(finite.max() ?? 1)
        let knee = noise > 0 ? 2 * noise : max(1e-12, abs(peak) / 100)
        return Layout(
            scale: scale, width: Int(Double(image.width) * scale), height: Int(Double(image.height) * scale),
            low: -1.5 * knee, high: max(peak, 5 * knee), knee: knee, imageHeight: image.height)
    }

    private func drawSky(_ image: FITSImage, _ layout: Layout, _ canvas: inout Canvas) {
        let block = max(1, Int((1 / layout.scale).rounded()))
        for row in 0..<layout.height {
            for column in 0..<layout.width {
                let x = Int(Double(column) / layout.scale)
                let y = image.height - 1 - Int(Double(row) / layout.scale)
                let value = brightest(image, x: x, top: y, block: block)
                let colour =
                    value.isFinite
                    ? ColourScale.steps[Int(layout.brightness(Double(value)) * 255)] : RGBColour(60, 60, 66)
                canvas.blend(Preview.margin.left + column, Preview.margin.top + row, colour)
            }
        }
    }

    /// Shrinking by the brightest pixel keeps point sources as bright as they are.
    private func brightest(_ image: FITSImage, x: Int, top: Int, block: Int) -> Float {
        var result = Float.nan
        for row in max(0, top - block + 1)...max(0, top) {
            for column in x..<min(image.width, x + block) {
                let value = image[column, row]
                if !(result >= value) && value.isFinite { result = value }
            }
        }
        return result
    }

    private func drawGrid(_ grid: CoordinateGrid, _ layout: Layout, _ canvas: inout Canvas) {
        let margin = Preview.margin
        let (bottom, left) = (margin.top + layout.height, margin.left)
        var lastLabel = (ra: -1000, dec: -1000)
        for line in grid.lines {
            let points = line.points.map { (x: layout.column($0.x), y: layout.row($0.y)) }
            for (start, end) in zip(points, points.dropFirst()) where start.x.isFinite && end.x.isFinite {
                canvas.line(from: start, to: end, Preview.ink, opacity: 0.22, inside: layout.isInside)
            }
            guard let place = crossing(points, line.isMeridian, layout) else { continue }
            if line.isMeridian {
                guard abs(Int(place) - lastLabel.ra) > 96 else { continue }
                lastLabel.ra = Int(place)
                canvas.fill(x: Int(place), y: bottom, width: 1, height: 6, Preview.faint)
                canvas.text(line.label, x: Int(place), y: bottom + 10, Preview.ink, align: .centre)
            } else {
                guard abs(Int(place) - lastLabel.dec) > 20 else { continue }
                lastLabel.dec = Int(place)
                canvas.fill(x: left - 6, y: Int(place), width: 6, height: 1, Preview.faint)
                canvas.text(line.label, x: left - 10, y: Int(place) - 7, Preview.ink, align: .right)
            }
        }
        canvas.text("RA (ICRS)", x: left + layout.width / 2, y: bottom + 36, Preview.faint, align: .centre)
        canvas.text("Dec", x: left - 10, y: margin.top - 22, Preview.faint, align: .right)
    }

    /// Where a meridian crosses the bottom edge (its column) or a parallel the left edge (its row).
    private func crossing(_ points: [(x: Double, y: Double)], _ isMeridian: Bool, _ layout: Layout) -> Double? {
        let (margin, bottom) = (Preview.margin, Double(Preview.margin.top + layout.height))
        for (start, end) in zip(points, points.dropFirst()) {
            let (from, to, edge) =
                isMeridian ? (start.y, end.y, bottom - 1) : (start.x, end.x, Double(margin.left))
            guard from.isFinite, to.isFinite, from != to, (from - edge) * (to - edge) <= 0 else { continue }
            let along = (edge - from) / (to - from)
            let place = isMeridian ? start.x + (end.x - start.x) * along : start.y + (end.y - start.y) * along
            let range =
                isMeridian
                ? Double(margin.left)...Double(margin.left + layout.width) : Double(margin.top)...bottom
            if range.contains(place) { return place }
        }
        return nil
    }

    private func drawColourBar(_ layout: Layout, unit: String, _ canvas: inout Canvas) {
        let (x, width, top) = (Preview.margin.left + layout.width + 26, 22, Preview.margin.top)
        for row in 0..<layout.height {
            let brightness = 1 - Double(row) / Double(max(1, layout.height - 1))
            canvas.fill(x: x, y: top + row, width: width, height: 1, ColourScale.steps[Int(brightness * 255)])
        }
        canvas.frame(x: x - 1, y: top - 1, width: width + 2, height: layout.height + 2, Preview.faint)
        var taken: [Int] = []
        // Below the knee the scale is linear and steps of decades say nothing.
        for value in Preview.ticks(low: layout.low, high: layout.high)
        where value == 0 || abs(value) > 0.6 * layout.knee {
            let row = top + Int((1 - layout.brightness(value)) * Double(layout.height - 1))
            guard taken.allSatisfy({ abs($0 - row) >= 22 }) else { continue }
            taken.append(row)
            canvas.fill(x: x + width, y: row, width: 6, height: 1, Preview.faint)
            canvas.text(Preview.label(value), x: x + width + 10, y: row - 7, Preview.ink)
        }
        canvas.text(unit, x: x - 1, y: top - 22, Preview.faint)
    }

    /// Zero and the steps 1, 2, 5 of each decade within a range; whole decades come first, so that they get their place.
    static func ticks(low: Double, high: Double) -> [Double] {
        let decades = (-7...4).map { pow(10, Double($0)) }
        let ordered = [0] + decades.reversed() + decades.reversed().flatMap { [5 * $0, 2 * $0] }
        return (ordered + ordered.map { -$0 }.filter { $0 != 0 }).filter { $0 >= low && $0 <= high }
    }

    /// A number of one significant digit without an exponent, down to a millionth.
    static func label(_ value: Double) -> String {
        guard value != 0 else { return "0" }
        let sign = value < 0 ? "-" : ""
        let exponent = Int(log10(abs(value) * 1.0000001).rounded(.down))
        let digit = Int((abs(value) / pow(10, Double(exponent))).rounded())
        if exponent >= 0 { return sign + "\(digit)" + String(repeating: "0", count: exponent) }
        if exponent < -5 { return sign + "\(digit)e\(exponent)" }
        return sign + "0." + String(repeating: "0", count: -exponent - 1) + "\(digit)"
    }

    private func drawBeam(
        _ image: FITSImage, _ coordinates: ImageCoordinates, _ layout: Layout, _ canvas: inout Canvas
    ) {
        guard let beam = image.beam else { return }
        let (centreX, centreY) = (Double(image.width - 1) / 2, Double(image.height - 1) / 2)
        let covariance = beam.pixelCovariance(coordinates, x: centreX, y: centreY)
        let halfWidth = covariance.xx.squareRoot() * widthPerSigma / 2 * layout.scale
        let halfHeight = covariance.yy.squareRoot() * widthPerSigma / 2 * layout.scale
        guard halfWidth < Double(layout.width) / 4, halfHeight < Double(layout.height) / 4 else { return }
        let side = Int(2 * max(halfWidth, halfHeight)) + 14
        let (left, top) = (Preview.margin.left + 10, Preview.margin.top + layout.height - 10 - side)
        canvas.fill(x: left, y: top, width: side, height: side, Preview.paper, opacity: 0.8)
        canvas.frame(x: left, y: top, width: side, height: side, Preview.faint)
        let precision = covariance.inverse
        let reach = widthPerSigma * widthPerSigma / 4
        let middle = Double(side - 1) / 2
        for row in 0..<side {
            for column in 0..<side {
                var covered = 0.0
                for sub in 0..<16 {
                    let x = Double(column) - middle + (Double(sub % 4) - 1.5) / 4
                    let y = Double(row) - middle + (Double(sub / 4) - 1.5) / 4
                    if precision.form(x / layout.scale, -y / layout.scale) <= reach { covered += 1.0 / 16 }
                }
                canvas.blend(left + column, top + row, Preview.ink, opacity: covered)
            }
        }
    }

    private func drawTitle(_ title: String, _ image: FITSImage, rms: Double?, _ canvas: inout Canvas) {
        canvas.text(title, x: Preview.margin.left, y: 10, Preview.ink)
        var facts: [String] = []
        if let frequency = image.frequency { facts.append("\(Int((frequency / 1e6).rounded())) MHz") }
        if let beam = image.beam {
            let arcseconds = 180 / Double.pi * 3600
            facts.append(
                "beam \(Int((beam.major * arcseconds).rounded()))″×\(Int((beam.minor * arcseconds).rounded()))″")
        }
        if let rms, rms > 0 { facts.append("rms \(Preview.threeDigits(rms * 1e3)) mJy/beam") }
        canvas.text(facts.joined(separator: "   "), x: Preview.margin.left + 60, y: 34, Preview.faint)
    }

    static func threeDigits(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return "\(value)" }
        let scale = pow(10, 2 - log10(abs(value)).rounded(.down))
        let rounded = (value * scale).rounded() / scale
        return rounded == rounded.rounded() && abs(rounded) < 1e9 ? "\(Int(rounded))" : "\(rounded)"
    }
}
