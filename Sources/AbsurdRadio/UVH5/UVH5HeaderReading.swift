import Absurd
import CERFA
import CRadio

/// Reads Header/* in the layouts seen: the telescope's (scalar or 2-D frequencies, no LST, phase_type drift) and
/// pyuvdata's of today (phase_center_catalog).
struct UVH5HeaderReading {
    let file: HDF5File

    func metadata() throws -> UVH5Metadata {
        guard file.exists("Header"), file.isGroup("Header") else {
            throw file.refusal("an HDF5 file, but not UVH5: it has no group Header")
        }
        var header = UVH5Metadata()
        header.telescopeName = try text("telescope_name") ?? ""
        header.instrument = try text("instrument") ?? ""
        header.objectName = try text("object_name") ?? ""
        header.history = try text("history") ?? ""
        header.latitudeDegrees = try scalar("latitude")
        header.longitudeDegrees = try scalar("longitude")
        header.altitudeMetres = try scalar("altitude")
        header.extraKeywords = try keywords()
        try readAntennas(into: &header)
        try readRows(into: &header)
        try readSpectrum(into: &header)
        try readPhaseCentres(into: &header)
        return header
    }

    // MARK: Parts

    private func readAntennas(into header: inout UVH5Metadata) throws {
        header.antennaNumbers = try dataset("antenna_numbers").integers()
        let count = header.antennaNumbers.count
        header.antennaNames = try dataset("antenna_names").strings()
        let positions = try dataset("antenna_positions")
        guard count > 0, positions.shape == [count, 3], header.antennaNames.count == count else {
            throw file.refusal("antenna_numbers, antenna_names and antenna_positions differ in length")
        }
        guard Set(header.antennaNumbers).count == count else { throw file.refusal("antenna_numbers has one twice") }
        header.antennaPositions = Self.triples(try positions.doubles())
        guard header.antennaPositions.allSatisfy({ $0.x.isFinite && $0.y.isFinite && $0.z.isFinite }) else {
            throw file.refusal("antenna_positions has a value that is no number")
        }
        if file.exists("Header/antenna_diameters") {
            let diameters = try dataset("antenna_diameters").doubles()
            header.antennaDiametersMetres =
                diameters.count == 1 ? Array(repeating: diameters[0], count: count) : diameters
            guard header.antennaDiametersMetres.count == count else {
                throw file.refusal("antenna_diameters has \(diameters.count) values for \(count) antennas")
            }
        }
    }

    private func readRows(into header: inout UVH5Metadata) throws {
        let rows = Int(try scalar("Nblts"))
        guard rows > 0 else { throw file.refusal("Nblts is \(rows): the file has no data yet") }
        func column(_ name: String) throws -> [Double] {
            let values = try dataset(name).doubles()
            guard values.count == rows else {
                throw file.refusal("\(name) has \(values.count) values, Nblts is \(rows)")
            }
            return values
        }
        header.timesJD = try column("time_array")
        header.integrationSeconds = try column("integration_time")
        if file.exists("Header/lst_array") { header.lstRadians = try column("lst_array") }
        header.antenna1 = try column("ant_1_array").map { Int($0) }
        header.antenna2 = try column("ant_2_array").map { Int($0) }
        let uvw = try dataset("uvw_array")
        guard uvw.shape == [rows, 3] else { throw file.refusal("uvw_array has the shape \(uvw.shape)") }
        header.uvwMetres = Self.triples(try uvw.doubles())
        header.uvwIsDouble = radio_h5_dataset_element_bytes(uvw.handle) == 8

        let known = Set(header.antennaNumbers)
        guard known.isSuperset(of: header.antenna1), known.isSuperset(of: header.antenna2) else {
            throw file.refusal("ant_1_array or ant_2_array names an antenna that antenna_numbers has not")
        }
        // 1900 to 2100: anything else is a time in another unit or an unwritten row.
        guard header.timesJD.allSatisfy({ (2_415_020.5..<2_488_070).contains($0) }) else {
            throw file.refusal("time_array has a value that is no Julian date")
        }
        guard header.integrationSeconds.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw file.refusal("integration_time has a value that is not positive")
        }
    }

    private func readSpectrum(into header: inout UVH5Metadata) throws {
        let channels = Int(try scalar("Nfreqs"))
        header.frequenciesHz = try dataset("freq_array").doubles()
        guard channels > 0, header.frequenciesHz.count == channels else {
            throw file.refusal("freq_array has \(header.frequenciesHz.count) values, Nfreqs is \(channels)")
        }
        guard header.frequenciesHz.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw file.refusal("freq_array has a value that is not positive")
        }
        let widths = try dataset("channel_width").doubles().map(abs)
        guard widths.count == 1 || widths.count == channels, widths.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw file.refusal("channel_width has \(widths.count) values for \(channels) channels, or one is 0")
        }
        header.channelWidthsHz = widths.count == 1 ? Array(repeating: widths[0], count: channels) : widths
        header.polarizations = try dataset("polarization_array").integers()
        guard (1...4).contains(header.polarizations.count) else {
            throw file.refusal("polarization_array has \(header.polarizations.count) values")
        }
    }

    private func readPhaseCentres(into header: inout UVH5Metadata) throws {
        if file.exists("Header/phase_center_catalog"), file.isGroup("Header/phase_center_catalog") {
            return try readCatalogue(into: &header)
        }
        switch try text("phase_type") ?? "drift" {
        case "phased":
            header.phaseCentres = [
                .sidereal(
                    rightAscension: try scalar("phase_center_ra"), declination: try scalar("phase_center_dec"),
                    frame: try text("phase_center_frame") ?? "icrs")
            ]
        default:
            let hourAngle = header.extraKeywords["ha_phase_center"]?.double ?? 0
            if file.exists("Header/phase_center_app_dec"),
                let declination = try dataset("phase_center_app_dec").doubles().first
            {
                header.phaseCentres = [.hourAngle(hourAngle, declination: declination)]
            } else if let declination = header.extraKeywords["phase_center_dec"]?.double {
                header.phaseCentres = [.hourAngle(hourAngle, declination: declination)]
            } else {
                header.phaseCentres = [.zenith]
            }
        }
    }

    private func readCatalogue(into header: inout UVH5Metadata) throws {
        let entries = try file.members(of: "Header/phase_center_catalog")
        guard !entries.isEmpty else { throw file.refusal("phase_center_catalog is empty") }
        let latitude = header.latitudeDegrees * .pi / 180
        header.phaseCentres = try entries.map { entry in
            let base = "phase_center_catalog/\(entry)"
            switch try text("\(base)/cat_type") {
            case "unprojected": return .zenith
            case "driftscan":
                var hourAngle = 0.0
                var declination = 0.0
                eraAe2hd(
                    try scalar("\(base)/cat_lon"), try scalar("\(base)/cat_lat"), latitude, &hourAngle, &declination)
                return .hourAngle(hourAngle, declination: declination)
            case "sidereal":
                return .sidereal(
                    rightAscension: try scalar("\(base)/cat_lon"), declination: try scalar("\(base)/cat_lat"),
                    frame: try text("\(base)/cat_frame") ?? "icrs")
            case let other:
                throw file.refusal("\(base) is of type \(other ?? "none"), which is not supported")
            }
        }
        guard entries.count > 1 else { return }
        let index = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1, $0) })
        header.phaseCentreOfRow = try dataset("phase_center_id_array").integers().map { id in
            guard let found = index[String(id)] else {
                throw file.refusal("phase_center_id_array names \(id), which phase_center_catalog has not")
            }
            return found
        }
        guard header.phaseCentreOfRow.count == header.rowCount else {
            throw file.refusal("phase_center_id_array and time_array differ in length")
        }
    }

    private func keywords() throws -> [String: UVH5Keyword] {
        guard file.exists("Header/extra_keywords"), file.isGroup("Header/extra_keywords") else { return [:] }
        var keywords: [String: UVH5Keyword] = [:]
        for name in try file.members(of: "Header/extra_keywords") {
            let value = try dataset("extra_keywords/\(name)")
            // Arrays and objects are nobody's promise: only single values are kept.
            guard value.count == 1 || value.isNull else { continue }
            switch value.content {
            case _ where value.isNull: keywords[name] = .empty
            case RADIO_H5_IS_INTEGER: keywords[name] = .integer(try value.integers()[0])
            case RADIO_H5_IS_FLOAT: keywords[name] = .number(try value.doubles()[0])
            case RADIO_H5_IS_BOOL: keywords[name] = .flag(try value.booleans()[0])
            case RADIO_H5_IS_STRING: keywords[name] = .text(try value.strings()[0])
            default: continue
            }
        }
        return keywords
    }

    // MARK: Values

    private func dataset(_ name: String) throws -> HDF5Dataset { try file.dataset("Header/\(name)") }

    private func scalar(_ name: String) throws -> Double {
        let values = try dataset(name).doubles()
        guard values.count == 1, values[0].isFinite else { throw file.refusal("\(name) is not one number") }
        return values[0]
    }

    private func text(_ name: String) throws -> String? {
        guard file.exists("Header/\(name)") else { return nil }
        return try dataset(name).strings().first
    }

    private static func triples(_ values: [Double]) -> [SIMD3<Double>] {
        stride(from: 0, to: values.count, by: 3).map { SIMD3(values[$0], values[$0 + 1], values[$0 + 2]) }
    }
}
