import Absurd
import CRadio

/// The subtables in memory: they are small and asked for often.
struct MeasurementSetDescription {
    var rowCount: Int
    var antennas: [MeasurementSet.Antenna] = []
    var windows: [MeasurementSet.Window] = []
    var fields: [MeasurementSet.Field] = []
    var dataDescriptions: [MeasurementSet.DataDescription] = []
    var telescope = ""
    var timeRange = (0.0, 0.0)
}

extension CasacoreHandle {
    func describe() throws -> MeasurementSetDescription {
        var counts = radio_ms_counts()
        try call { radio_ms_count($0, &counts) }
        var result = MeasurementSetDescription(rowCount: Int(counts.rows))
        result.antennas = try (0..<counts.antennas).map(antenna)
        result.windows = try (0..<counts.windows).map(window)
        result.fields = try (0..<counts.fields).map(field)
        result.dataDescriptions = try (0..<counts.data_descriptions).map(dataDescription)
        try call {
            var observation = radio_ms_observation()
            let code = radio_ms_get_observation($0, &observation)
            guard code == 0 else { return code }
            result.telescope = String(cString: observation.telescope_name)
            result.timeRange = (observation.time_range_s.0, observation.time_range_s.1)
            return code
        }
        return result
    }

    // Texts must be copied before the lock is let go: the next call may replace them.

    private func antenna(_ index: Int32) throws -> MeasurementSet.Antenna {
        var result: MeasurementSet.Antenna?
        try call {
            var row = radio_ms_antenna()
            let code = radio_ms_get_antenna($0, index, &row)
            guard code == 0 else { return code }
            result = MeasurementSet.Antenna(
                name: String(cString: row.name), station: String(cString: row.station),
                position: SIMD3(row.position_m.0, row.position_m.1, row.position_m.2),
                dishDiameter: row.dish_diameter_m)
            return code
        }
        return result!
    }

    private func window(_ index: Int32) throws -> MeasurementSet.Window {
        var result = MeasurementSet.Window(name: "", frequencies: [], widths: [])
        try call {
            var row = radio_ms_window()
            let code = radio_ms_get_window($0, index, &row)
            guard code == 0 else { return code }
            result.name = String(cString: row.name)
            result.frequencies = [Double](repeating: 0, count: Int(row.channel_count))
            result.widths = result.frequencies
            return radio_ms_get_channels($0, index, &result.frequencies, &result.widths)
        }
        return result
    }

    private func field(_ index: Int32) throws -> MeasurementSet.Field {
        var result: MeasurementSet.Field?
        try call {
            var row = radio_ms_field()
            let code = radio_ms_get_field($0, index, &row)
            guard code == 0 else { return code }
            result = MeasurementSet.Field(
                name: String(cString: row.name), rightAscension: row.direction_rad.0,
                declination: row.direction_rad.1)
            return code
        }
        return result!
    }

    private func dataDescription(_ index: Int32) throws -> MeasurementSet.DataDescription {
        var row = radio_ms_description()
        try call { radio_ms_get_description($0, index, &row) }
        let numbers = withUnsafeBytes(of: row.correlation_types) { Array($0.bindMemory(to: Int32.self)) }
        let correlations = try numbers.prefix(Int(row.correlation_count)).map { number in
            guard let correlation = MeasurementSet.Correlation(rawValue: number) else {
                throw MeasurementSetFailure(description: "polarisation product \(number) is not known")
            }
            return correlation
        }
        return MeasurementSet.DataDescription(window: Int(row.window), correlations: correlations)
    }
}
