import CERFA

/// A place on the Earth, WGS84.
public struct Site: Sendable, Hashable {
    public var latitudeRadians: Double
    public var longitudeRadians: Double
    public var altitudeMetres: Double

    public init(latitudeDegrees: Double, longitudeDegrees: Double, altitudeMetres: Double) {
        latitudeRadians = latitudeDegrees * .pi / 180
        longitudeRadians = longitudeDegrees * .pi / 180
        self.altitudeMetres = altitudeMetres
    }

    public init(_ metadata: UVH5Metadata) {
        self.init(
            latitudeDegrees: metadata.latitudeDegrees, longitudeDegrees: metadata.longitudeDegrees,
            altitudeMetres: metadata.altitudeMetres)
    }

    /// From ITRF (ECEF) metres.
    public init(position: SIMD3<Double>) {
        var xyz = (position.x, position.y, position.z)
        (latitudeRadians, longitudeRadians, altitudeMetres) = (0, 0, 0)
        withUnsafeMutablePointer(to: &xyz) { pointer in
            pointer.withMemoryRebound(to: Double.self, capacity: 3) { place in
                _ = eraGc2gd(1, place, &longitudeRadians, &latitudeRadians, &altitudeMetres)
            }
        }
    }

    /// ITRF (ECEF) metres.
    public var position: SIMD3<Double> {
        var xyz = (0.0, 0.0, 0.0)
        withUnsafeMutablePointer(to: &xyz) { pointer in
            pointer.withMemoryRebound(to: Double.self, capacity: 3) { out in
                _ = eraGd2gc(1, longitudeRadians, latitudeRadians, altitudeMetres, out)
            }
        }
        return SIMD3(xyz.0, xyz.1, xyz.2)
    }
}

/// A direction, radians. Which frame it is in stands where it is used: ICRS or apparent.
public struct SkyDirection: Sendable, Hashable {
    public var rightAscension: Double
    public var declination: Double

    public init(rightAscension: Double, declination: Double) {
        self.rightAscension = rightAscension
        self.declination = declination
    }

    /// The angle between two directions of one frame, radians.
    public func separation(from other: SkyDirection) -> Double {
        eraSeps(rightAscension, declination, other.rightAscension, other.declination)
    }
}

/// One instant at one site: converts between ICRS and the apparent sky, as pyuvdata 3.2 does with ERFA.
///
/// Apparent means topocentric, of date, equinox-based (hour angle = LST − right ascension), with annual and diurnal
/// aberration, light deflection, precession-nutation IAU 2006/2000A and polar motion, without refraction.
/// Agreement with pyuvdata: better than 1 milliarcsecond.
public struct ObservingFrame: @unchecked Sendable {
    public let site: Site
    /// UTC.
    public let julianDate: Double
    /// Apparent local sidereal time, 0 ..< 2π.
    public let lst: Double
    public let orientation: EarthOrientation

    // Plain numbers, written once in init: safe to share although C structs are not known to be Sendable.
    private let star: eraASTROM
    private let equationOfOrigins: Double

    /// - Parameter julianDate: UTC, within ERFA's calendar (after 1960).
    public init(julianDate: Double, site: Site) {
        self.site = site
        self.julianDate = julianDate
        // Whole and fraction apart keep microseconds that one double of 2.4 million days has not.
        let day = (julianDate - 0.5).rounded(.down) + 0.5
        let fraction = julianDate - day
        orientation = EarthOrientation(mjd: day - 2_400_000.5 + fraction)

        var star = eraASTROM()
        var equation = 0.0
        _ = eraApco13(
            day, fraction, orientation.ut1MinusUTCSeconds, site.longitudeRadians, site.latitudeRadians,
            site.altitudeMetres, orientation.polarXRadians, orientation.polarYRadians, 0, 0, 0, 0, &star, &equation)
        self.star = star
        equationOfOrigins = equation

        var (tai, tt, ut1) = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
        _ = eraUtctai(day, fraction, &tai.0, &tai.1)
        _ = eraTaitt(tai.0, tai.1, &tt.0, &tt.1)
        _ = eraUtcut1(day, fraction, orientation.ut1MinusUTCSeconds, &ut1.0, &ut1.1)
        lst = eraAnp(eraGst06a(ut1.0, ut1.1, tt.0, tt.1) + eraSp00(tt.0, tt.1) + site.longitudeRadians)
    }

    /// Apparent place of an ICRS direction (no proper motion, no parallax).
    public func apparent(_ icrs: SkyDirection) -> SkyDirection {
        var star = star
        var (ri, di) = (0.0, 0.0)
        eraAtciq(icrs.rightAscension, icrs.declination, 0, 0, 0, 0, &star, &ri, &di)
        var (azimuth, zenithDistance, hourAngle, declination, rightAscension) = (0.0, 0.0, 0.0, 0.0, 0.0)
        eraAtioq(ri, di, &star, &azimuth, &zenithDistance, &hourAngle, &declination, &rightAscension)
        return SkyDirection(rightAscension: eraAnp(rightAscension - equationOfOrigins), declination: declination)
    }

    /// ICRS direction of an apparent place.
    public func icrs(_ apparent: SkyDirection) -> SkyDirection {
        var star = star
        var (ri, di) = (0.0, 0.0)
        eraAtoiq("R", apparent.rightAscension + equationOfOrigins, apparent.declination, &star, &ri, &di)
        var result = SkyDirection(rightAscension: 0, declination: 0)
        eraAticq(ri, di, &star, &result.rightAscension, &result.declination)
        return result
    }

    /// The apparent place at a fixed hour angle, as a meridian-stopped telescope points.
    public func apparent(hourAngle: Double, declination: Double) -> SkyDirection {
        SkyDirection(rightAscension: eraAnp(lst - hourAngle), declination: declination)
    }

    /// The angle between ICRS north and apparent north at an apparent place, as pyuvdata's `calc_frame_pos_angle`:
    /// over an arc of one degree through it. uvw rotated by it have v towards ICRS north.
    public func framePositionAngle(at apparent: SkyDirection) -> Double {
        let arc = Double.pi / 360
        func offset(_ change: Double) -> SkyDirection {
            let declination = apparent.declination + change
            // Over the pole and down on the other side.
            if declination > .pi / 2 {
                return SkyDirection(
                    rightAscension: eraAnp(apparent.rightAscension + .pi), declination: .pi - declination)
            }
            if declination < -.pi / 2 {
                return SkyDirection(
                    rightAscension: eraAnp(apparent.rightAscension + .pi), declination: -.pi - declination)
            }
            return SkyDirection(rightAscension: apparent.rightAscension, declination: declination)
        }
        let south = icrs(offset(-arc))
        let north = icrs(offset(arc))
        return -eraPas(south.rightAscension, south.declination, north.rightAscension, north.declination)
    }
}
