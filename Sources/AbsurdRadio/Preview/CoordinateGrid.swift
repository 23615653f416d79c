#if canImport(Glibc)
    import Glibc
#endif

/// The lines of right ascension and declination across an image: where they run, in image pixels, and what they say.
struct CoordinateGrid {
    struct Line {
        var points: [(x: Double, y: Double)]
        var label: String
        /// Right ascension lines are labelled at the bottom, declination lines at the left.
        var isMeridian: Bool
    }

    var lines: [Line] = []

    /// - Parameter lineCount: about how many lines to draw each way.
    init(_ coordinates: ImageCoordinates, width: Int, height: Int, lineCount: Double = 6) {
        let edge = CoordinateGrid.edge(width, height).map { coordinates.world(x: $0.x, y: $0.y) }
            .filter { $0.ra.isFinite && $0.dec.isFinite }
        let centre = coordinates.world(x: Double(width - 1) / 2, y: Double(height - 1) / 2)
        guard edge.count > 3, centre.ra.isFinite else { return }
        let offsets = edge.map { wrapped($0.ra - centre.ra) }
        let (west, east) = (offsets.min()!, offsets.max()!)
        let (south, north) = (edge.map(\.dec).min()!, max(edge.map(\.dec).max()!, centre.dec))
        guard east > west, north > south, east - west < 180 else { return }
        let samples = 80
        // A little beyond the edge, so that a line reaches it and finds the place of its label.
        let margin = (north - south) / 20
        let (bottom, top) = (max(-90, south - margin), min(90, north + margin))
        let raStep = CoordinateGrid.step((east - west) / lineCount, CoordinateGrid.raSteps)
        let decStep = CoordinateGrid.step((north - south) / lineCount, CoordinateGrid.decSteps)
        for number in stride(
            from: ((centre.ra + west) / raStep).rounded(.up), through: (centre.ra + east) / raStep, by: 1)
        {
            let ra = number * raStep
            let points = (0...samples).map { sample in
                coordinates.pixel(ra: ra, dec: bottom + (top - bottom) * Double(sample) / Double(samples))
            }
            lines.append(Line(points: points, label: CoordinateGrid.raLabel(ra, step: raStep), isMeridian: true))
        }
        for number in stride(from: (south / decStep).rounded(.up), through: north / decStep, by: 1) {
            let dec = number * decStep
            let points = (0...samples).map { sample in
                coordinates.pixel(
                    ra: centre.ra + (west + (east - west) * Double(sample) / Double(samples)) * 1.05, dec: dec)
            }
            // From east (left) to west, so that the first crossing of the left edge comes first.
            lines.append(
                Line(points: points.reversed(), label: CoordinateGrid.decLabel(dec, step: decStep), isMeridian: false))
        }
    }

    private static func edge(_ width: Int, _ height: Int) -> [(x: Double, y: Double)] {
        (0...20).flatMap { step -> [(x: Double, y: Double)] in
            let (x, y) = (Double(width - 1) * Double(step) / 20, Double(height - 1) * Double(step) / 20)
            return [(x, 0), (x, Double(height - 1)), (0, y), (Double(width - 1), y)]
        }
    }

    /// Degrees: seconds, minutes and hours of time times 15, and minutes and degrees of arc.
    private static let raSteps = [1, 2, 5, 10, 15, 30, 60, 120, 240, 300, 600, 1200, 1800, 3600, 7200, 10800].map {
        Double($0) / 240
    }
    private static let decSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 18000, 36000]
        .map { Double($0) / 3600 }

    private static func step(_ wanted: Double, _ steps: [Double]) -> Double {
        steps.min { abs(log($0 / wanted)) < abs(log($1 / wanted)) }!
    }

    static func raLabel(_ degrees: Double, step: Double) -> String {
        var seconds = Int((degrees * 240).rounded()) % 86400
        if seconds < 0 { seconds += 86400 }
        let label = "\(twoDigits(seconds / 3600))h\(twoDigits(seconds / 60 % 60))m"
        return step < 0.2499 ? label + "\(twoDigits(seconds % 60))s" : label
    }

    static func decLabel(_ degrees: Double, step: Double) -> String {
        let seconds = Int((abs(degrees) * 3600).rounded())
        let label =
            "\(degrees < 0 && seconds > 0 ? "-" : "+")\(twoDigits(seconds / 3600))°\(twoDigits(seconds / 60 % 60))′"
        return step < 0.0166 ? label + "\(twoDigits(seconds % 60))″" : label
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
