import Glibc

/// Where the antennas of a sub-band stand, seen from its phase centres: everything in double precision.
struct SubbandGeometry: Sendable {
    /// uvw of each antenna, metres, `[integration][antenna]`; pyuvdata's sign.
    let uvw: [SIMD3<Double>]
    /// Metres by which each antenna's w grows with the new phase centre, `[integration][antenna]`; empty when every
    /// phase centre stays what it is.
    let shifts: [Double]
    let antennaCount: Int
    /// Whether the file's own uvw are those of the Measurement Set.
    let keepsUVW: Bool

    init(_ subband: Subband, fields: FieldChoice) {
        let positions = subband.antennaPositions
        antennaCount = positions.count
        keepsUVW = !subband.uvw.isEmpty && subband.rows.integrations.allSatisfy { fields.keeps($0.centre) }
        var uvw: [SIMD3<Double>] = []
        var shifts: [Double] = []
        var largest = 0.0
        for integration in subband.rows.integrations {
            let frame = ObservingFrame(julianDate: integration.julianDate, site: subband.site)
            let field = fields.fields[fields.index(of: integration)]
            let new = Projection(icrs: field.direction, frame: frame)
            // Before: the file's own phase centre, or none at all, which is a w of 0.
            let old = fields.keeps(integration.centre) ? .stays : Self.oldProjection(integration.centre, frame)
            for position in positions {
                uvw.append(new(position))
                let shift: Double
                switch old {
                case .stays: shift = 0
                case .none: shift = (new.w * position).sum()
                case .towards(let projection): shift = projection.phaseShiftMetres(to: new, position)
                }
                shifts.append(shift)
                largest = max(largest, abs(shift))
            }
        }
        self.uvw = uvw
        // A tenth of a micrometre is 3e-6 radians at 1.4 GHz: the same phase centre, computed twice.
        self.shifts = largest > 1e-7 ? shifts : []
    }

    private enum Old {
        case stays, none
        case towards(Projection)
    }

    private static func oldProjection(_ centre: UVH5PhaseCentre, _ frame: ObservingFrame) -> Old {
        switch centre {
        case .zenith: .none
        case .hourAngle, .sidereal: .towards(Projection(centre: centre, frame: frame))
        }
    }

    /// exp(2πi Δ ν/c) of one integration, `[antenna][channel]`, (real, imaginary), appended to `phasors`.
    func appendPhasors(integration: Int, frequencies: [Double], to phasors: inout [SIMD2<Float>]) {
        for antenna in 0..<antennaCount {
            let turns = shifts[integration * antennaCount + antenna] / speedOfLight
            for frequency in frequencies {
                // Whole turns taken off first: the sine of a large angle is less exact.
                let phase = turns * frequency
                let angle = 2 * Double.pi * (phase - phase.rounded())
                phasors.append(SIMD2(Float(cos(angle)), Float(sin(angle))))
            }
        }
    }
}
