import Absurd
import Glibc
import Testing

@testable import AbsurdRadio

@Suite struct AstrometryTests {
    private static let site = Site(latitudeDegrees: 37.2334, longitudeDegrees: -118.283, altitudeMetres: 1188)
    private static let arcsecond = Double.pi / 648_000

    /// Instants over the table, places over the sky, also past the pole's reach of the frame angle's arc.
    private static let cases: [(jd: Double, sky: SkyDirection)] = [
        (2_459_215.7123, SkyDirection(rightAscension: 3.5392, declination: 0.5325)),
        (2_460_950.3319, SkyDirection(rightAscension: 3.5392, declination: 0.5325)),
        (2_461_330.9127, SkyDirection(rightAscension: 0.01, declination: 1.2)),
        (2_460_310.5001, SkyDirection(rightAscension: 6.2, declination: -0.6)),
        (2_460_700.25, SkyDirection(rightAscension: 1.7, declination: 1.569)),
    ]

    private static let positions: [SIMD3<Double>] = [
        .zero, SIMD3(-36.4, 12.25, 80.5), SIMD3(900.125, -310.75, 1202.5), SIMD3(-1300.5, 700.25, -820.75),
    ]

    @Test func placesTimesAndProjectionsAgreeWithThePeer() throws {
        let request: JSONValue = .object([
            "site": .array([
                .number(Self.site.latitudeRadians), .number(Self.site.longitudeRadians),
                .number(Self.site.altitudeMetres),
            ]),
            "positions": .array(Self.positions.map { .array([.number($0.x), .number($0.y), .number($0.z)]) }),
            "cases": .array(
                Self.cases.map {
                    .object([
                        "jd": .number($0.jd), "ra": .number($0.sky.rightAscension), "dec": .number($0.sky.declination),
                    ])
                }),
        ])
        let answers = try #require(try Peer.run("uvw_peer.py", input: request).json().items)
        try #require(answers.count == Self.cases.count)
        for (answer, (jd, sky)) in zip(answers, Self.cases) {
            func value(_ key: String) throws -> Double { try #require(answer[key]?.double) }
            let frame = ObservingFrame(julianDate: jd, site: Self.site)
            let apparent = frame.apparent(sky)
            let peer = SkyDirection(rightAscension: try value("ra"), declination: try value("dec"))
            // 0.1 ms of UT1 is 1.5 mas of right ascension and sidereal time alike: what counts is the hour angle.
            #expect(abs(frame.lst - (try value("lst"))) < 2e-3 * Self.arcsecond, "\(jd)")
            #expect(apparent.separation(from: peer) < 2e-3 * Self.arcsecond, "\(jd)")
            // Near the pole the angle turns with right ascension.
            #expect(abs(frame.framePositionAngle(at: apparent) - (try value("angle"))) < 1e-6, "\(jd)")
            #expect(frame.icrs(apparent).separation(from: sky) < 1e-4 * Self.arcsecond, "\(jd)")

            let projection = Projection(icrs: sky, frame: frame)
            let rows = try #require(answer["uvw"]?.items)
            for (row, position) in zip(rows, Self.positions.dropFirst()) {
                let theirs = try #require(row.items).compactMap(\.double)
                let difference = projection(position) - projection(.zero) - SIMD3(theirs[0], theirs[1], theirs[2])
                #expect(sqrt((difference * difference).sum()) < 5e-4, "metres, at \(jd)")
            }
        }
    }

    @Test func theEarthOrientationHoldsItsEndsAndSaysSo() {
        let inside = EarthOrientation(mjd: 60_000)
        #expect(!inside.isHeld && abs(inside.ut1MinusUTCSeconds) < 0.9)
        let late = EarthOrientation(mjd: EarthOrientation.lastMJD + 1000)
        #expect(late.isHeld)
        #expect(late.ut1MinusUTCSeconds == EarthOrientation(mjd: EarthOrientation.lastMJD).ut1MinusUTCSeconds)
        #expect(EarthOrientation(mjd: EarthOrientation.firstMJD - 1).isHeld)
    }

    @Test func thePhaseOfASourceVanishesWhenPhasedToIt() {
        let frame = ObservingFrame(julianDate: 2_460_950.3319, site: Self.site)
        let source = SkyDirection(rightAscension: 3.55, declination: 0.53)
        let meridian = Projection(centre: .hourAngle(0, declination: 0.54), frame: frame)
        let phased = Projection(icrs: source, frame: frame)
        for position in Self.positions {
            // w towards the source less w towards the meridian: what the geometry alone gives.
            let geometry = phased(position).z - meridian(position).z
            #expect(abs(meridian.phaseShiftMetres(to: phased, position) - geometry) < 1e-9)
        }
        // The three axes are one rotation of ITRF.
        #expect(abs((phased.u * phased.v).sum()) < 1e-14 && abs((phased.w * phased.w).sum() - 1) < 1e-14)
    }

    @Test func theBeamIsOneOnItsAxisHalfAtHalfPowerAndZeroInItsFirstNull() {
        let beam = PrimaryBeam()
        let wavelength = speedOfLight / 1.4e9
        #expect(beam.gain(offsetRadians: 0, frequencyHz: 1.4e9) == 1)
        #expect(abs(beam.gain(offsetRadians: asin(0.51450 * wavelength / 4.65), frequencyHz: 1.4e9) - 0.5) < 1e-4)
        #expect(beam.gain(offsetRadians: asin(1.219670 * wavelength / 4.65), frequencyHz: 1.4e9) < 1e-10)
        // The series near the axis joins the function.
        let step = 1e-4 / (.pi * 4.65 / wavelength)
        let jump =
            beam.gain(offsetRadians: step * 0.999, frequencyHz: 1.4e9)
            - beam.gain(
                offsetRadians: step * 1.001, frequencyHz: 1.4e9)
        #expect(abs(jump) < 1e-10)
    }
}

@Suite struct StationLayoutTests {
    private static func baselines(_ array: StationLayout) -> [Double] {
        let positions = array.positions
        return positions.indices.flatMap { first in
            positions.indices.filter { $0 > first }.map { second in
                let difference = positions[second] - positions[first]
                return sqrt((difference * difference).sum())
            }
        }
    }

    @Test func theTelescopeHas117StationsWithThePublishedBaselines() throws {
        let array = StationLayout.telescope
        #expect(array.stations.count == 117)
        #expect(array.stations.map(\.name) == (1...117).map(String.init))
        let lengths = Self.baselines(array)
        #expect(abs(try #require(lengths.min()) - 5.75) < 0.05)
        #expect(abs(try #require(lengths.max()) - 2707) < 2)
    }

    @Test(arguments: [16, 48, 64, 96, 116])
    func aThinnedArrayKeepsItsShape(_ count: Int) throws {
        let array = StationLayout.telescope.thinned(to: count)
        #expect(array.stations.count == count)
        #expect(Set(array.stations.map(\.number)).count == count)
        #expect(array.stations.map(\.number) == array.stations.map(\.number).sorted())
        #expect(array.stations.contains { $0.name == "103" })
        #expect(try #require(Self.baselines(array).max()) > 900)
    }
}
