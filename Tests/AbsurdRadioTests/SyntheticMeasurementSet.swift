import Foundation

@testable import AbsurdRadio

extension SyntheticObservation {
    /// Writes the observation as a Measurement Set whose phase centre is tracked.
    func writeMeasurementSet(to path: String) throws {
        let rows = rows
        let perWindow = rows.count
        let antennas = (0..<antennaCount).map { index -> MeasurementSet.Antenna in
            let p = position(index)
            return MeasurementSet.Antenna(
                name: "\(index + 1)", station: "S\(index + 1)",
                position: SIMD3(-2_409_150 + p[0], -4_478_590 + p[1], 3_838_620 + p[2]), dishDiameter: 4.65)
        }
        let plan = MeasurementSetPlan(
            path: path, rowCount: perWindow * windowCount, telescope: "TEST", observer: "", project: "",
            arrayPosition: SIMD3(-2_409_150, -4_478_590, 3_838_620), timeRange: (times[0] - 5, times.last! + 5),
            antennas: antennas,
            windows: (0..<windowCount).map { window in
                MeasurementSet.Window(
                    name: "SPW\(window)", frequencies: frequencies(window),
                    widths: [Double](repeating: Self.channelWidth, count: channelCount))
            },
            correlations: [.xx, .yy],
            fields: [MeasurementSet.Field(name: "F", rightAscension: centre.ra, declination: centre.dec)],
            fieldTimes: [times[0]], application: "test", history: "synthetic")
        try plan.create { columns in
            for window in 0..<windowCount {
                let first = window * perWindow
                let rowTimes = rows.timeIndex.map { times[Int($0)] }
                for name in ["TIME", "TIME_CENTROID"] { try columns.writeRuns(name, first: first, rowTimes) }
                let length = [Double](repeating: Self.integration, count: perWindow)
                for name in ["INTERVAL", "EXPOSURE"] { try columns.writeRuns(name, first: first, length) }
                try columns.writeRuns("DATA_DESC_ID", first: first, [Int32](repeating: Int32(window), count: perWindow))
                try columns.writeRuns("FIELD_ID", first: first, [Int32](repeating: 0, count: perWindow))
                try columns.writeRuns("SCAN_NUMBER", first: first, [Int32](repeating: 1, count: perWindow))
                try columns.write("ANTENNA1", first: first, rows.antenna1)
                try columns.write("ANTENNA2", first: first, rows.antenna2)
            }
        }
        let set = try MeasurementSet(opening: path, writable: true)
        let uvw = uvw(rows)
        for window in 0..<windowCount {
            let range = window * perWindow..<(window + 1) * perWindow
            try set.column("UVW").write(uvw, rows: range)
            try set.column("DATA").write(visibilities(window: window).map { SIMD2<Float>($0.0, $0.1) }, rows: range)
            for (name, value) in [("WEIGHT", Float(1)), ("SIGMA", 1)] {
                try set.column(name).write([Float](repeating: value, count: perWindow * 2), rows: range)
            }
            try set.column("WEIGHT_SPECTRUM").write(
                [Float](repeating: 1, count: perWindow * channelCount * 2), rows: range)
        }
        try set.close()
    }

    /// [row][channel][polarisation]
    func visibilities(window: Int, withGains: Bool = true) -> [(Float, Float)] {
        let (rows, frequencies) = (rows, frequencies(window))
        let uvw = uvw(rows)
        return (0..<rows.count).flatMap { row in
            visibilities(row: row, rows: rows, uvw: uvw, window: window, frequencies: frequencies, withGains: withGains)
        }
    }

    private func visibilities(
        row: Int, rows: BaselineRows, uvw: [Double], window: Int, frequencies: [Double], withGains: Bool
    ) -> [(Float, Float)] {
        let (a, b, time) = (Int(rows.antenna1[row]), Int(rows.antenna2[row]), Int(rows.timeIndex[row]))
        return (0..<channelCount).flatMap { channel -> [(Float, Float)] in
            let (x, y) = trueVisibility(uvw: uvw[row * 3..<row * 3 + 3], frequency: frequencies[channel])
            return (0..<2).map { polarization in
                if a == deadAntenna || b == deadAntenna { return (0, 0) }
                guard withGains else { return (Float(x), Float(y)) }
                func g(_ antenna: Int) -> (Double, Double) {
                    gain(
                        antenna: antenna, polarization: polarization, time: time,
                        channel: window * channelCount + channel, frequency: frequencies[channel])
                }
                let (p, q) = (g(a), g(b))
                let j = (p.0 * q.0 + p.1 * q.1, p.1 * q.0 - p.0 * q.1)
                return (Float(x * j.0 - y * j.1), Float(x * j.1 + y * j.0))
            }
        }
    }
}
