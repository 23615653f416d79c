import Absurd
import CERFA

/// The phase centres of a Measurement Set to be, and which of them each integration has.
struct FieldChoice: Sendable {
    struct Field: Sendable, Hashable {
        var name: String
        var direction: SkyDirection
        /// Julian date, UTC.
        var julianDate: Double
    }

    var fields: [Field]
    /// The file's own phase centres, which stay.
    private let kept: [UVH5PhaseCentre: Int]

    /// - Throws: `Refusal` for phase centres in a frame that is not supported.
    init(_ reference: Subband, mode: ConversionOptions.PhaseCentre) throws {
        let integrations = reference.rows.integrations
        let dates = integrations.map(\.julianDate)
        let middle = dates.min()! / 2 + dates.max()! / 2
        var fixed: [Field] = []
        var sidereal: [UVH5PhaseCentre: Int] = [:]
        for integration in integrations {
            guard sidereal[integration.centre] == nil,
                let direction = try Self.icrs(integration.centre, reference.candidate.path)
            else { continue }
            sidereal[integration.centre] = fixed.count
            let name = reference.object.isEmpty ? "field" : reference.object
            fixed.append(
                Field(
                    name: fixed.isEmpty ? name : "\(name)_\(fixed.count)", direction: direction, julianDate: middle))
        }
        let allFixed = integrations.allSatisfy { sidereal[$0.centre] != nil }
        kept = allFixed ? sidereal : [:]
        if allFixed {
            fields = fixed
            return
        }
        switch mode {
        case .common:
            let pointing = integrations.first { Self.isPointing($0.centre) }!.centre
            fields = [
                Field(
                    name: "meridian", direction: Self.direction(pointing, at: middle, reference.site),
                    julianDate: middle)
            ]
        case .perIntegration:
            fields = integrations.sorted { $0.julianDate < $1.julianDate }.enumerated().map { index, integration in
                Field(
                    name: "meridian_t\(index)",
                    direction: Self.direction(integration.centre, at: integration.julianDate, reference.site),
                    julianDate: integration.julianDate)
            }
        }
    }

    /// The field of an integration of any sub-band of the group.
    func index(of integration: SubbandRows.Integration) -> Int {
        if let index = kept[integration.centre] { return index }
        guard fields.count > 1 else { return 0 }
        return fields.indices.min {
            abs(fields[$0].julianDate - integration.julianDate) < abs(fields[$1].julianDate - integration.julianDate)
        }!
    }

    /// Whether phases that refer to this centre of the file stay as they are.
    func keeps(_ centre: UVH5PhaseCentre) -> Bool { kept[centre] != nil }

    private static func isPointing(_ centre: UVH5PhaseCentre) -> Bool {
        if case .sidereal = centre { false } else { true }
    }

    /// nil: not fixed to the sky.
    private static func icrs(_ centre: UVH5PhaseCentre, _ path: String) throws -> SkyDirection? {
        guard case .sidereal(let rightAscension, let declination, let frame) = centre else { return nil }
        switch frame.lowercased() {
        case "icrs": return SkyDirection(rightAscension: rightAscension, declination: declination)
        case "fk5":
            var (ra, dec, pmRA, pmDec, parallax, velocity) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
            eraFk52h(rightAscension, declination, 0, 0, 0, 0, &ra, &dec, &pmRA, &pmDec, &parallax, &velocity)
            return SkyDirection(rightAscension: ra, declination: dec)
        default:
            throw Refusal(
                path, why: "its phase centre is in the frame \(frame)", remedy: "phase it to icrs or fk5",
                exit: .badData)
        }
    }

    private static func direction(_ centre: UVH5PhaseCentre, at julianDate: Double, _ site: Site) -> SkyDirection {
        let frame = ObservingFrame(julianDate: julianDate, site: site)
        switch centre {
        case .zenith: return frame.icrs(frame.apparent(hourAngle: 0, declination: site.latitudeRadians))
        case .hourAngle(let hourAngle, let declination):
            return frame.icrs(frame.apparent(hourAngle: hourAngle, declination: declination))
        case .sidereal(let rightAscension, let declination, _):
            return SkyDirection(rightAscension: rightAscension, declination: declination)
        }
    }
}
