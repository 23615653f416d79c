import Absurd
import Foundation
import Testing

@testable import AbsurdRadio

@Suite("Calibration of a Measurement Set")
struct CalibrationTableTests {
    private static func solve() -> MeasurementSetSolve {
        var solve = MeasurementSetSolve()
        solve.solver.threads = 2
        solve.pointing = .phaseCentre
        solve.referenceNames = ["4"]
        return solve
    }

    /// Solves a set, writes its tables and gives their paths.
    private static func calibrate(
        _ observation: SyntheticObservation, in directory: TemporaryDirectory
    ) throws -> (set: String, tables: [String], outcome: MeasurementSetSolve.Outcome) {
        let path = directory.path + "/a.ms"
        try observation.writeMeasurementSet(to: path)
        let set = try MeasurementSet(opening: path, writable: true)
        let outcome = try solve().run(set, model: observation.model) { _, _ in }
        let names = set.antennas.map(\.name)
        try set.close()
        let tables = try outcome.solution.tables(antennaNames: names).map { table in
            let to = directory.path + "/cal.\(table.kind.letter)"
            try table.write(to: to, measurementSet: path, polarizationBasis: "linear", history: "test")
            return to
        }
        return (path, tables, outcome)
    }

    private static func rows(_ path: String, _ column: String) throws -> [SIMD2<Float>] {
        let set = try MeasurementSet(opening: path)
        let values = try set.column(column).visibilities(0..<set.rowCount)
        try set.close()
        return values
    }

    @Test("Solving, writing, reading and applying gives the true visibilities back")
    func roundTrip() throws {
        let directory = TemporaryDirectory()
        let observation = SyntheticObservation()
        let (path, tables, outcome) = try Self.calibrate(observation, in: directory)
        #expect(outcome.solution.referenceAntenna == 3)
        #expect(outcome.flaggedFraction == 0)
        let set = try MeasurementSet(opening: path, writable: true)
        var correction = MeasurementSetCorrection()
        correction.threads = 2
        let applied = try correction.run(set, tables: try tables.map { try CalibrationTable(reading: $0) }) { _, _ in }
        try set.close()
        #expect(applied.newlyFlagged == 0)
        let corrected = try Self.rows(path, "CORRECTED_DATA")
        let wanted = (0..<observation.windowCount).flatMap { observation.visibilities(window: $0, withGains: false) }
        let rows = observation.rows
        var worst: Float = 0
        let samples = observation.channelCount * 2
        for (index, value) in corrected.enumerated() {
            let row = index / samples % rows.count
            guard rows.antenna1[row] != rows.antenna2[row] else { continue }
            worst = max(worst, hypot(value.x - wanted[index].0, value.y - wanted[index].1))
        }
        #expect(worst < 0.01)
    }

    @Test("A table holds what was written: values, flags, times, windows and names")
    func tableHoldsAll() throws {
        let directory = TemporaryDirectory()
        var observation = SyntheticObservation()
        observation.deadAntenna = 5
        let (_, paths, outcome) = try Self.calibrate(observation, in: directory)
        let written = outcome.solution.tables(antennaNames: (1...12).map(String.init))
        #expect(written.map(\.kind) == [.delay, .bandpass, .gain])
        for (path, table) in zip(paths, written) {
            let read = try CalibrationTable(reading: path)
            #expect(read.kind == table.kind)
            #expect(read.antennaNames == table.antennaNames)
            #expect(read.referenceFrequencies == table.referenceFrequencies)
            for (a, b) in zip(read.windows, table.windows) {
                #expect(a.gains == b.gains)
                #expect(a.isFlagged == b.isFlagged)
                #expect(a.snr == b.snr)
                #expect(a.times == b.times)
                #expect(a.intervals == b.intervals)
                #expect(a.frequencies == b.frequencies)
            }
        }
    }

    @Test("Applying twice gives the same bytes, and antennas without a solution get flagged")
    func idempotent() throws {
        let directory = TemporaryDirectory()
        var observation = SyntheticObservation()
        observation.deadAntenna = 5
        let (path, paths, _) = try Self.calibrate(observation, in: directory)
        let tables = try paths.map { try CalibrationTable(reading: $0) }
        var results: [[SIMD2<Float>]] = []
        for _ in 0..<2 {
            let set = try MeasurementSet(opening: path, writable: true)
            _ = try MeasurementSetCorrection().run(set, tables: tables) { _, _ in }
            try set.close()
            results.append(try Self.rows(path, "CORRECTED_DATA"))
        }
        #expect(results[0] == results[1])
        let set = try MeasurementSet(opening: path)
        let flags = try set.column("FLAG").flags(0..<set.rowCount)
        let first = try set.column("ANTENNA1").integers(0..<set.rowCount)
        let second = try set.column("ANTENNA2").integers(0..<set.rowCount)
        try set.close()
        let samples = observation.channelCount * 2
        for row in first.indices {
            let isOut = first[row] == 5 || second[row] == 5 || first[row] == second[row]
            #expect(flags[row * samples..<(row + 1) * samples].allSatisfy { $0 == (isOut ? 1 : 0) })
        }
    }

    @Test("Weights are scaled from the data's noise, so that scaling twice is scaling once")
    func weights() throws {
        let directory = TemporaryDirectory()
        let (path, paths, _) = try Self.calibrate(SyntheticObservation(), in: directory)
        let tables = try paths.map { try CalibrationTable(reading: $0) }
        var correction = MeasurementSetCorrection()
        correction.calibratesWeights = true
        var results: [[Float]] = []
        for _ in 0..<2 {
            let set = try MeasurementSet(opening: path, writable: true)
            _ = try correction.run(set, tables: tables) { _, _ in }
            results.append(
                try set.column("WEIGHT").floats(0..<set.rowCount)
                    + set.column("WEIGHT_SPECTRUM").floats(0..<set.rowCount))
            try set.close()
        }
        #expect(results[0] == results[1])
        let row = 1  // antennas 1 and 2
        let observation = SyntheticObservation()
        func power(_ antenna: Int, _ channel: Int) -> Double {
            let g = observation.gain(
                antenna: antenna, polarization: 0, time: 0, channel: channel,
                frequency: observation.frequencies(0)[channel])
            return g.0 * g.0 + g.1 * g.1
        }
        let wanted = (0..<16).reduce(0) { $0 + power(0, $1) * power(1, $1) } / 16
        #expect(abs(Double(results[0][row * 2]) / wanted - 1) < 1e-3)
    }

    @Test("More than a quarter flagged is a refusal that says how much and why")
    func tooMuchFlagged() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/a.ms"
        try SyntheticObservation().writeMeasurementSet(to: path)
        let set = try MeasurementSet(opening: path, writable: true)
        let column = try set.column("FLAG")
        let rows = 0..<set.rowCount * 3 / 10 / 8 * 8
        try column.write([UInt8](repeating: 1, count: rows.count * column.rowElements), rows: rows)
        let error = #expect(throws: Refusal.self) {
            try Self.solve().run(set, model: SyntheticObservation().model) { _, _ in }
        }
        #expect(error?.why.contains("% of the visibilities are flagged") == true)
        try set.close()
    }

    @Test("A sky model outside the beam is refused with where the beam is")
    func outsideField() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/a.ms"
        try SyntheticObservation().writeMeasurementSet(to: path)
        let set = try MeasurementSet(opening: path, writable: true)
        var model = SyntheticObservation().model
        model.sources = model.sources.map { source in
            var moved = source
            moved.ra += 40
            return moved
        }
        let error = #expect(throws: Refusal.self) { try Self.solve().run(set, model: model) { _, _ in } }
        #expect(error?.why.contains("within the beam at ra 180.0 dec 30.0") == true)
        try set.close()
    }

    @Test("Zeros and numbers that are not finite get flagged in the set, as do autocorrelations")
    func badSamples() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/a.ms"
        try SyntheticObservation().writeMeasurementSet(to: path)
        let set = try MeasurementSet(opening: path, writable: true)
        let data = try set.column("DATA")
        var row = try data.visibilities(1..<2)
        row[0] = SIMD2(.nan, 0)
        row[3] = .zero
        try data.write(row, rows: 1..<2)
        let outcome = try Self.solve().run(set, model: SyntheticObservation().model) { _, _ in }
        #expect(outcome.badSamples == 2)
        let flags = try set.column("FLAG").flags(0..<2)
        #expect(flags[..<32].allSatisfy { $0 == 1 })  // row 0 is an autocorrelation
        #expect(flags[32...].enumerated().filter { $0.element == 1 }.map(\.offset) == [0, 3])
        try set.close()
    }

    @Test("What is not a calibration table is refused")
    func notATable() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/a.ms"
        try SyntheticObservation().writeMeasurementSet(to: path)
        for wrong in [path, directory.path + "/missing"] {
            let error = #expect(throws: Refusal.self) { try CalibrationTable(reading: wrong) }
            #expect(error?.what.contains(wrong) == true)
        }
    }

    @Test("A calibrator is found by any of its names and has Perley and Butler's flux")
    func calibrators() throws {
        let source = try #require(VLACalibrator.named("j1331+3030"))
        #expect(source.name == "3C286")
        #expect(abs(source.flux(at: 1.465e9) - 14.74) < 0.02)
        #expect(VLACalibrator.near(ra: 24.42, dec: 33.16, radius: 0.05)?.name == "3C48")
        #expect(VLACalibrator.near(ra: 24.42, dec: 35, radius: 0.05) == nil)
        #expect(VLACalibrator.all.count == 10)
    }
}
