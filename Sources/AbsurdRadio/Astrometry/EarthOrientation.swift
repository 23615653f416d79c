import CRadio

/// Where the Earth's axis and its rotation stand at an instant, from the table shipped in CRadio/earth_orientation.c
/// (IERS finals2000A, measured to 2026-10-23, predicted to 2027-10-29).
///
/// UT1−UTC is good to 0.1 ms (1.5 milliarcseconds) where measured. Before 2018 and after the table's end the nearest
/// value is held and `isHeld` says so: UT1−UTC then drifts by up to about 1 ms a day, 15 milliarcseconds.
public struct EarthOrientation: Sendable, Hashable {
    public var ut1MinusUTCSeconds: Double
    public var polarXRadians: Double
    public var polarYRadians: Double
    public var isHeld: Bool

    public static let firstMJD = radio_earth_orientation_first_mjd
    public static let lastMJD =
        radio_earth_orientation_first_mjd
        + radio_earth_orientation_step_days * Double(radio_earth_orientation_count - 1)

    /// - Parameter mjd: modified Julian date, UTC.
    public init(mjd: Double) {
        isHeld = !(Self.firstMJD...Self.lastMJD).contains(mjd)
        let place = (min(max(mjd, Self.firstMJD), Self.lastMJD) - Self.firstMJD) / radio_earth_orientation_step_days
        let count = Int(radio_earth_orientation_count)
        // Four points around the instant: the fortnightly tide bends UT1 by 0.1 ms between two points two days apart.
        let base = min(max(Int(place) - 1, 0), count - 4)
        let offset = place - Double(base)
        var sums = SIMD3<Double>.zero
        for node in 0..<4 {
            var weight = 1.0
            for other in 0..<4 where other != node {
                weight *= (offset - Double(other)) / Double(node - other)
            }
            let row = radio_earth_orientation_row(Int32(base + node))
            sums +=
                weight * SIMD3(Double(row.ut1_minus_utc_10us), Double(row.polar_x_100uas), Double(row.polar_y_100uas))
        }
        ut1MinusUTCSeconds = sums.x * 1e-5
        polarXRadians = sums.y * 1e-4 * Self.arcsecond
        polarYRadians = sums.z * 1e-4 * Self.arcsecond
    }

    private static let arcsecond = Double.pi / 648_000
}
