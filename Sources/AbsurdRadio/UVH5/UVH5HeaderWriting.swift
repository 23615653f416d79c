import Absurd
import CERFA
import CRadio

/// Writes Header/* of a UVH5 file.
struct UVH5HeaderWriting {
    let file: HDF5File
    let layout: UVH5Layout

    func write(_ header: UVH5Metadata) throws {
        try file.createGroup("Header")
        try writeTelescope(header)
        try writeCounts(header)
        try writeRows(header)
        try writeSpectrum(header)
        try writePhaseCentres(header)
        try writeKeywords(header)
    }

    private func writeTelescope(_ header: UVH5Metadata) throws {
        try number("latitude", header.latitudeDegrees)
        try number("longitude", header.longitudeDegrees)
        try number("altitude", header.altitudeMetres)
        try file.write("Header/telescope_name", header.telescopeName)
        try file.write("Header/instrument", header.instrument)
        try file.write("Header/object_name", header.objectName)
        try file.write("Header/history", header.history)
        let count = header.antennaNumbers.count
        try file.write("Header/antenna_names", header.antennaNames)
        try integers("antenna_numbers", header.antennaNumbers)
        try file.write("Header/antenna_positions", RADIO_H5_F64, shape: [count, 3], flat(header.antennaPositions))
        if !header.antennaDiametersMetres.isEmpty {
            try doubles("antenna_diameters", header.antennaDiametersMetres)
        }
    }

    private func writeCounts(_ header: UVH5Metadata) throws {
        let pairs = Set(zip(header.antenna1, header.antenna2).map { SIMD2($0, $1) })
        try integer("Nants_data", header.antennasWithData.count)
        try integer("Nants_telescope", header.antennaNumbers.count)
        try integer("Nbls", pairs.count)
        try integer("Nblts", header.rowCount)
        try integer("Ntimes", Set(header.timesJD).count)
        try integer("Nfreqs", header.channelCount)
        try integer("Npols", header.polarizationCount)
        try integer("Nspws", 1)
    }

    private func writeRows(_ header: UVH5Metadata) throws {
        try integers("ant_1_array", header.antenna1)
        try integers("ant_2_array", header.antenna2)
        try doubles("time_array", header.timesJD)
        try doubles("integration_time", header.integrationSeconds)
        if !header.lstRadians.isEmpty { try doubles("lst_array", header.lstRadians) }
        let shape = [header.rowCount, 3]
        if header.uvwIsDouble {
            try file.write("Header/uvw_array", RADIO_H5_F64, shape: shape, flat(header.uvwMetres))
        } else {
            let single = flat(header.uvwMetres).map { Float($0) }
            try file.write("Header/uvw_array", RADIO_H5_F32, shape: shape, single)
        }
    }

    private func writeSpectrum(_ header: UVH5Metadata) throws {
        let channels = header.channelCount
        try integers("spw_array", [1])
        try integers("polarization_array", header.polarizations)
        let shape = layout.hasWindowAxis ? [1, channels] : [channels]
        try file.write("Header/freq_array", RADIO_H5_F64, shape: shape, header.frequenciesHz)
        if layout.hasWindowAxis {
            try number("channel_width", header.channelWidthsHz[0])
        } else {
            try doubles("channel_width", header.channelWidthsHz)
            try file.write("Header/vis_units", "uncalib")
        }
    }

    private func writePhaseCentres(_ header: UVH5Metadata) throws {
        if layout.hasWindowAxis { try file.write("Header/phase_type", "drift") }
        guard layout.hasCatalogue else { return }
        try file.createGroup("Header/phase_center_catalog")
        for (index, centre) in header.phaseCentres.enumerated() {
            let base = "Header/phase_center_catalog/\(index)"
            try file.createGroup(base)
            try file.write("\(base)/cat_name", header.objectName.isEmpty ? "centre\(index)" : header.objectName)
            try writeCentre(centre, base, latitudeRadians: header.latitudeDegrees * .pi / 180)
        }
        let rows = header.rowCount
        try integer("Nphase", header.phaseCentres.count)
        let ids = header.phaseCentreOfRow.isEmpty ? Array(repeating: 0, count: rows) : header.phaseCentreOfRow
        try integers("phase_center_id_array", ids)
        let apparent = try ApparentCentres(header: header, path: file.path)
        try doubles("phase_center_app_ra", apparent.rightAscensions)
        try doubles("phase_center_app_dec", apparent.declinations)
        try doubles("phase_center_frame_pa", apparent.frameAngles)
    }

    private func writeCentre(_ centre: UVH5PhaseCentre, _ base: String, latitudeRadians: Double) throws {
        switch centre {
        case .zenith:
            try file.write("\(base)/cat_type", "unprojected")
            try place(base, 0, .pi / 2, frame: "altaz")
        case .hourAngle(let hourAngle, let declination):
            var azimuth = 0.0
            var elevation = 0.0
            eraHd2ae(hourAngle, declination, latitudeRadians, &azimuth, &elevation)
            try file.write("\(base)/cat_type", "driftscan")
            try place(base, azimuth, elevation, frame: "altaz")
        case .sidereal(let rightAscension, let declination, let frame):
            try file.write("\(base)/cat_type", "sidereal")
            try place(base, rightAscension, declination, frame: frame)
        }
    }

    private func place(_ base: String, _ longitude: Double, _ latitude: Double, frame: String) throws {
        try file.write("\(base)/cat_lon", RADIO_H5_F64, shape: [], [longitude])
        try file.write("\(base)/cat_lat", RADIO_H5_F64, shape: [], [latitude])
        try file.write("\(base)/cat_frame", frame)
        try file.write("\(base)/info_source", "file")
    }

    private func writeKeywords(_ header: UVH5Metadata) throws {
        guard !header.extraKeywords.isEmpty else { return }
        try file.createGroup("Header/extra_keywords")
        for (name, value) in header.extraKeywords.sorted(by: { $0.key < $1.key }) {
            let path = "Header/extra_keywords/\(name)"
            switch value {
            case .empty: continue
            case .integer(let value): try file.write(path, RADIO_H5_I64, shape: [], [Int64(value)])
            case .number(let value): try file.write(path, RADIO_H5_F64, shape: [], [value])
            case .flag(let value): try file.write(path, RADIO_H5_BOOL, shape: [], [UInt8(value ? 1 : 0)])
            case .text(let value): try file.write(path, value)
            }
        }
    }

    // MARK: Values

    private func integer(_ name: String, _ value: Int) throws {
        try file.write("Header/\(name)", RADIO_H5_I64, shape: [], [Int64(value)])
    }

    private func integers(_ name: String, _ values: [Int]) throws {
        try file.write("Header/\(name)", RADIO_H5_I64, shape: [values.count], values.map { Int64($0) })
    }

    private func number(_ name: String, _ value: Double) throws {
        try file.write("Header/\(name)", RADIO_H5_F64, shape: [], [value])
    }

    private func doubles(_ name: String, _ values: [Double]) throws {
        try file.write("Header/\(name)", RADIO_H5_F64, shape: [values.count], values)
    }

    private func flat(_ values: [SIMD3<Double>]) -> [Double] { values.flatMap { [$0.x, $0.y, $0.z] } }
}

/// Apparent place of each row's phase centre, as pyuvdata stores it beside the catalogue.
private struct ApparentCentres {
    var rightAscensions: [Double] = []
    var declinations: [Double] = []
    var frameAngles: [Double] = []

    init(header: UVH5Metadata, path: String) throws {
        for row in 0..<header.rowCount {
            guard header.lstRadians.count == header.rowCount else {
                throw Refusal(path, why: "its header has no sidereal times", remedy: "give them", exit: .badData)
            }
            switch header.phaseCentre(row: row) {
            case .zenith:
                rightAscensions.append(header.lstRadians[row])
                declinations.append(header.latitudeDegrees * .pi / 180)
            case .hourAngle(let hourAngle, let declination):
                rightAscensions.append(eraAnp(header.lstRadians[row] - hourAngle))
                declinations.append(declination)
            case .sidereal:
                throw Refusal(
                    path, why: "writing sidereal phase centres is not supported", remedy: "write hour angles",
                    exit: .badData)
            }
            frameAngles.append(0)
        }
    }
}
