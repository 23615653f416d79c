import Glibc

/// The point sources of a simulated field: a bright calibrator near its centre and fainter ones around it.
struct SimulatedSky: Sendable {
    /// The calibrator first. Fluxes are intrinsic.
    let sources: [CatalogueSource]

    private static let radiusDegrees = 1.5
    private static let fluxJy = 0.1...1.5
    /// Several times the array's widest beam, so that no two sources blend.
    private static let separationDegrees = 0.1
    private static let calibratorReachDegrees = 0.5

    init(_ plan: ObservationPlan) {
        var generator = SeededGenerator(seed: plan.options.seed, purpose: .sky)
        let centre = plan.fieldCentre
        let count = plan.options.sourceCount ?? plan.options.shape.sources
        var sources = [Self.calibrator(near: centre)]
        while sources.count < count + 1 {
            // Even over the disc, from its centre out along a great circle.
            let radius = Self.radiusDegrees * sqrt(generator.uniform())
            let place = Self.offset(centre, degrees: radius, angle: 2 * .pi * generator.uniform())
            let flux =
                Self.fluxJy.lowerBound * pow(Self.fluxJy.upperBound / Self.fluxJy.lowerBound, generator.uniform())
            let slope = generator.uniform(-1.1 ... -0.4)
            let isApart = sources.allSatisfy {
                Self.direction($0).separation(from: place) > Self.separationDegrees * .pi / 180
            }
            guard isApart else { continue }
            let number = sources.count
            sources.append(
                CatalogueSource(
                    name: "SIM\(number < 10 ? "0" : "")\(number)",
                    ra: Self.rounded(place.rightAscension * 180 / .pi, 1e6),
                    dec: Self.rounded(place.declination * 180 / .pi, 1e6), flux: Self.rounded(flux, 1e4),
                    frequency: ObservationPlan.referenceFrequencyHz, spectralIndex: Self.rounded(slope, 1e3)))
        }
        self.sources = sources
    }

    /// 3C286 where it is in the field, else its double at a place near the centre.
    private static func calibrator(near centre: SkyDirection) -> CatalogueSource {
        var source = ObservationPlan.calibrator
        if direction(source).separation(from: centre) < calibratorReachDegrees * .pi / 180 { return source }
        let place = offset(centre, degrees: 0.05, angle: 1)
        source.name = "SIMCAL"
        source.ra = rounded(place.rightAscension * 180 / .pi, 1e6)
        source.dec = rounded(place.declination * 180 / .pi, 1e6)
        return source
    }

    static func direction(_ source: CatalogueSource) -> SkyDirection {
        SkyDirection(rightAscension: source.ra * .pi / 180, declination: source.dec * .pi / 180)
    }

    private static func offset(_ centre: SkyDirection, degrees: Double, angle: Double) -> SkyDirection {
        let distance = degrees * .pi / 180
        let sine = sin(centre.declination) * cos(distance) + cos(centre.declination) * sin(distance) * cos(angle)
        let east = atan2(
            sin(angle) * sin(distance) * cos(centre.declination), cos(distance) - sin(centre.declination) * sine)
        let turn = (centre.rightAscension + east) / (2 * .pi)
        return SkyDirection(rightAscension: (turn - turn.rounded(.down)) * 2 * .pi, declination: asin(sine))
    }

    private static func rounded(_ value: Double, _ steps: Double) -> Double { (value * steps).rounded() / steps }
}
