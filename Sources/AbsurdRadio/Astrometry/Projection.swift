import Glibc

/// Projects antenna positions to u, v, w towards one direction at one instant, in double precision.
///
/// The same geometry as pyuvdata's `calc_uvw`: a baseline's uvw is that of antenna 2 minus that of antenna 1 (a
/// Measurement Set holds the opposite).
public struct Projection: Sendable, Hashable {
    /// Rows of the rotation from ITRF to (u, v, w).
    public let u: SIMD3<Double>
    public let v: SIMD3<Double>
    public let w: SIMD3<Double>

    /// - Parameters:
    ///   - apparent: the phase centre's apparent place.
    ///   - frameAngle: `ObservingFrame.framePositionAngle`, or 0 for a v axis towards apparent north.
    public init(apparent: SkyDirection, frameAngle: Double, lst: Double, longitudeRadians: Double) {
        // Hour angle seen from Greenwich: ITRF's x axis lies on its meridian.
        let hourAngle = lst - apparent.rightAscension - longitudeRadians
        let (sh, ch) = (sin(hourAngle), cos(hourAngle))
        let (sd, cd) = (sin(apparent.declination), cos(apparent.declination))
        let (sp, cp) = (sin(frameAngle), cos(frameAngle))
        let east = SIMD3(sh, ch, 0)
        let north = SIMD3(-sd * ch, sd * sh, cd)
        w = SIMD3(cd * ch, -cd * sh, sd)
        u = cp * east - sp * north
        v = sp * east + cp * north
    }

    /// Towards an ICRS direction, v towards ICRS north.
    public init(icrs: SkyDirection, frame: ObservingFrame) {
        let apparent = frame.apparent(icrs)
        self.init(
            apparent: apparent, frameAngle: frame.framePositionAngle(at: apparent), lst: frame.lst,
            longitudeRadians: frame.site.longitudeRadians)
    }

    /// Towards a phase centre of a file. uvw of an hour-angle centre have v towards apparent north.
    public init(centre: UVH5PhaseCentre, frame: ObservingFrame) {
        switch centre {
        case .zenith:
            self.init(
                apparent: frame.apparent(hourAngle: 0, declination: frame.site.latitudeRadians), frameAngle: 0,
                lst: frame.lst, longitudeRadians: frame.site.longitudeRadians)
        case .hourAngle(let hourAngle, let declination):
            self.init(
                apparent: frame.apparent(hourAngle: hourAngle, declination: declination), frameAngle: 0,
                lst: frame.lst, longitudeRadians: frame.site.longitudeRadians)
        case .sidereal(let rightAscension, let declination, _):
            self.init(icrs: SkyDirection(rightAscension: rightAscension, declination: declination), frame: frame)
        }
    }

    /// (u, v, w) metres of an antenna position relative to the array centre (ITRF metres).
    public func callAsFunction(_ position: SIMD3<Double>) -> SIMD3<Double> {
        SIMD3((u * position).sum(), (v * position).sum(), (w * position).sum())
    }

    /// Metres by which w grows when the phase centre moves from `self` to `other`, for one antenna position.
    ///
    /// A baseline's visibility in UVH5's sign convention is multiplied by exp(−2πi ν/c (Δ₂ − Δ₁)), in a Measurement
    /// Set's by exp(+2πi ν/c (Δ₂ − Δ₁)), Δ being this value of its antennas 1 and 2.
    public func phaseShiftMetres(to other: Projection, _ position: SIMD3<Double>) -> Double {
        ((other.w - w) * position).sum()
    }
}

/// Metres per second.
public let speedOfLight = 299_792_458.0
