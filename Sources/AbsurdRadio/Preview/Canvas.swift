#if canImport(Glibc)
    import Glibc
#endif

struct RGBColour: Sendable, Hashable {
    var red: UInt8
    var green: UInt8
    var blue: UInt8

    init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) { (self.red, self.green, self.blue) = (red, green, blue) }
}

/// A picture that is drawn on: x to the right, y down, pixel centres on whole numbers.
struct Canvas {
    private(set) var picture: RGBPicture

    init(width: Int, height: Int, background: RGBColour) {
        let row = [background.red, background.green, background.blue]
        let bytes = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
            for index in 0..<width * height * 3 { buffer.initializeElement(at: index, to: row[index % 3]) }
            count = width * height * 3
        }
        picture = RGBPicture(width: width, height: height, bytes: bytes)
    }

    /// - Parameter opacity: 0...1
    mutating func blend(_ x: Int, _ y: Int, _ colour: RGBColour, opacity: Double = 1) {
        guard (0..<picture.width).contains(x), (0..<picture.height).contains(y) else { return }
        let at = (y * picture.width + x) * 3
        for (offset, value) in [colour.red, colour.green, colour.blue].enumerated() {
            let old = Double(picture.bytes[at + offset])
            picture.bytes[at + offset] = UInt8((old + (Double(value) - old) * min(1, max(0, opacity))).rounded())
        }
    }

    mutating func fill(x: Int, y: Int, width: Int, height: Int, _ colour: RGBColour, opacity: Double = 1) {
        for row in y..<y + height { for column in x..<x + width { blend(column, row, colour, opacity: opacity) } }
    }

    mutating func frame(x: Int, y: Int, width: Int, height: Int, _ colour: RGBColour) {
        fill(x: x, y: y, width: width, height: 1, colour)
        fill(x: x, y: y + height - 1, width: width, height: 1, colour)
        fill(x: x, y: y, width: 1, height: height, colour)
        fill(x: x + width - 1, y: y, width: 1, height: height, colour)
    }

    /// A smooth line one pixel wide (after Wu): each step shares its ink between two pixels.
    mutating func line(
        from start: (x: Double, y: Double), to end: (x: Double, y: Double), _ colour: RGBColour, opacity: Double = 1,
        inside: (Int, Int) -> Bool = { _, _ in true }
    ) {
        let (dx, dy) = (end.x - start.x, end.y - start.y)
        let isSteep = abs(dy) > abs(dx)
        let steps = max(1, Int(max(abs(dx), abs(dy)).rounded(.up)))
        for step in 0..<steps {
            let along = Double(step) / Double(steps)
            let (x, y) = (start.x + dx * along, start.y + dy * along)
            let across = isSteep ? x : y
            let low = across.rounded(.down)
            for (offset, share) in [(0, 1 - (across - low)), (1, across - low)] where share > 0 {
                let column = isSteep ? Int(low) + offset : Int(x.rounded())
                let row = isSteep ? Int(y.rounded()) : Int(low) + offset
                if inside(column, row) { blend(column, row, colour, opacity: opacity * share) }
            }
        }
    }

    enum Alignment { case left, centre, right }

    /// - Parameter y: top of the letters.
    mutating func text(
        _ text: String, x: Int, y: Int, _ colour: RGBColour, scale: Int = 2, align: Alignment = .left
    ) {
        let width = Canvas.width(of: text, scale: scale)
        var left = x
        switch align {
        case .left: break
        case .centre: left -= width / 2
        case .right: left -= width
        }
        for character in text {
            for (column, bits) in BitmapFont.columns(character).enumerated() {
                for row in 0..<BitmapFont.height where bits >> row & 1 == 1 {
                    fill(x: left + column * scale, y: y + row * scale, width: scale, height: scale, colour)
                }
            }
            left += BitmapFont.advance * scale
        }
    }

    static func width(of text: String, scale: Int) -> Int {
        max(0, text.count * BitmapFont.advance - 1) * scale
    }
}

/// Matplotlib's "inferno" as a polynomial of degree six: perceptually even, readable in grey, dark where the sky is empty.
enum ColourScale {
    static let steps: [RGBColour] = (0..<256).map { step in
        let t = Double(step) / 255
        return RGBColour(channel(t, red), channel(t, green), channel(t, blue))
    }

    private static let red = [
        0.0002189403691192265, 0.1065134194856116, 11.60249308247187, -41.70399613139459, 77.162935699427,
        -71.31942824499214, 25.13112622477341,
    ]
    private static let green = [
        0.001651004631001012, 0.5639564367884091, -3.972853965665698, 17.43639888205313, -33.40235894210092,
        32.62606426397723, -12.24266895238567,
    ]
    private static let blue = [
        -0.01948089843709184, 3.932712388889277, -15.9423941062914, 44.35414519872813, -81.80730925738993,
        73.20951985803202, -23.07032500287172,
    ]

    private static func channel(_ t: Double, _ coefficients: [Double]) -> UInt8 {
        let value = coefficients.reversed().reduce(0) { $0 * t + $1 }
        return UInt8((min(1, max(0, value)) * 255).rounded())
    }
}
