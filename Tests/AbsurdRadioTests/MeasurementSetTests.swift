import Absurd
import CRadio
import Foundation
import Testing

@testable import AbsurdRadio

/// A directory of its own for one test, removed with it.
final class ScratchDirectory: Sendable {
    let path: String

    init() {
        path = FileManager.default.temporaryDirectory.path + "/absurd-test-" + UUID().uuidString
        try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct MeasurementSetTests {
    let scratch = ScratchDirectory()

    /// Three antennas, `windows` windows of `channels` channels, two polarisations, `rows` rows.
    func plan(rows: Int, channels: Int = 5, windows: Int = 2) -> MeasurementSetPlan {
        let antennas = (0..<3).map { index in
            MeasurementSet.Antenna(
                name: "pad\(index)", station: "DSA-\(index)",
                position: SIMD3(-2_409_150.0 + Double(index), -4_478_573.0, 3_838_617.0), dishDiameter: 4.65)
        }
        let spectral = (0..<windows).map { window in
            MeasurementSet.Window(
                name: "", frequencies: (0..<channels).map { 1.3e9 + Double(window * channels + $0) * 1e6 },
                widths: Array(repeating: 1e6, count: channels))
        }
        return MeasurementSetPlan(
            path: scratch.path + "/test.ms", rowCount: rows, telescope: "OVRO_MMA", observer: "test", project: "test",
            arrayPosition: SIMD3(-2_409_150, -4_478_573, 3_838_617), timeRange: (5.1e9, 5.1e9 + 300),
            antennas: antennas, windows: spectral, correlations: [.xx, .yy],
            fields: [MeasurementSet.Field(name: "meridian", rightAscension: 1.25, declination: 0.5)],
            fieldTimes: [5.1e9], application: "absurd", history: "made by a test")
    }

    @Test func `What was put into a new set is there when it is opened again`() throws {
        let plan = plan(rows: 6)
        try plan.create { columns in
            try columns.writeRuns("TIME", first: 0, [10.0, 10, 10])
            try columns.writeRuns("TIME", first: 3, [10.0, 20, 20])
            try columns.writeRuns("DATA_DESC_ID", first: 0, [0, 0, 0, 1, 1, 1] as [Int32])
            try columns.write("ANTENNA2", first: 0, [0, 1, 2, 0, 1, 2] as [Int32])
        }
        let set = try MeasurementSet(opening: plan.path)
        #expect(set.rowCount == 6)
        #expect(set.antennas == plan.antennas)
        #expect(set.windows.map(\.frequencies) == plan.windows.map(\.frequencies))
        #expect(set.windows.map(\.widths) == plan.windows.map(\.widths))
        #expect(set.fields.map(\.name) == ["meridian"])
        #expect(abs(set.fields[0].rightAscension - 1.25) < 1e-12 && abs(set.fields[0].declination - 0.5) < 1e-12)
        #expect(set.dataDescriptions.map(\.window) == [0, 1])
        #expect(set.dataDescriptions[1].correlations == [.xx, .yy])
        #expect(set.telescope == "OVRO_MMA")
        #expect(try set.column("TIME").doubles(0..<6) == [10, 10, 10, 10, 20, 20])
        #expect(try set.column("DATA_DESC_ID").integers(2..<5) == [0, 1, 1])
        #expect(try set.column("ANTENNA2").integers(0..<6) == [0, 1, 2, 0, 1, 2])
        #expect(try set.column("FLAG").flags(0..<6).allSatisfy { $0 == 0 })
    }

    @Test(arguments: [1, 5, 48]) func `The flat files and casacore agree about every value`(channels: Int) throws {
        let rows = 1000
        let plan = plan(rows: rows, channels: channels)
        try plan.create { _ in }
        let set = try MeasurementSet(opening: plan.path, writable: true)
        let cells = rows * channels * 2
        let data: [SIMD2<Float>] = (0..<cells).map { SIMD2<Float>(Float($0), -Float($0)) }
        let flags: [UInt8] = (0..<cells).map { (index: Int) -> UInt8 in (index / 3 + index * index / 7) % 2 == 0 ? 0 : 1
        }
        for (name, isFlat) in [("DATA", true), ("FLAG", true), ("UVW", true), ("WEIGHT", true), ("TIME", false)] {
            #expect(try set.column(name).isFlat == isFlat, "\(name)")
        }
        try set.column("DATA").write(data, rows: 0..<rows)
        // In ranges that begin within a byte.
        let flagColumn = try set.column("FLAG")
        for start in stride(from: 0, to: rows, by: 27) {
            let range = start..<min(rows, start + 27)
            try flagColumn.write(part(of: flags, rows: range, channels), rows: range)
        }
        #expect(try set.column("FLAG").flags(0..<rows) == flags)
        try set.close()

        let again = try MeasurementSet(opening: plan.path)
        let readData = try through(casacore: again, "DATA", of: data[0], cells)
        let readFlags = try through(casacore: again, "FLAG", of: UInt8(0), cells)
        #expect(readData == data)
        #expect(readFlags == flags)
        #expect(try again.column("FLAG").flags(13..<57) == part(of: flags, rows: 13..<57, channels))
    }

    func part(of flags: [UInt8], rows: Range<Int>, _ channels: Int) -> [UInt8] {
        let first = rows.lowerBound * channels * 2
        let end = rows.upperBound * channels * 2
        return Array(flags[first..<end])
    }

    /// A whole column by casacore's own code.
    func through<Value>(casacore set: MeasurementSet, _ name: String, of zero: Value, _ count: Int) throws -> [Value] {
        var values = [Value](repeating: zero, count: count)
        try values.withUnsafeMutableBytes { bytes in
            try set.handle.call {
                radio_ms_read($0, name, 0, Int64(set.rowCount), bytes.baseAddress, Int64(bytes.count))
            }
        }
        return values
    }

    @Test func `Corrected data is added once and holds what is written to it`() throws {
        let plan = plan(rows: 20)
        try plan.create { _ in }
        let set = try MeasurementSet(opening: plan.path, writable: true)
        #expect(try !set.hasColumn("CORRECTED_DATA"))
        try set.addVisibilityColumn("CORRECTED_DATA")
        let values: [SIMD2<Float>] = (0..<200).map { SIMD2<Float>(Float($0), 1) }
        try set.column("CORRECTED_DATA").write(values, rows: 0..<20)
        try set.addVisibilityColumn("CORRECTED_DATA")
        #expect(try set.column("CORRECTED_DATA").isFlat)
        #expect(try set.column("CORRECTED_DATA").visibilities(0..<20) == values)
        try set.addHistory(application: "absurd", message: "corrected", time: 5.1e9)
        try set.close()
        let again = try MeasurementSet(opening: plan.path)
        #expect(try through(casacore: again, "CORRECTED_DATA", of: values[0], 200) == values)
    }

    @Test func `A set of no rows is a set`() throws {
        let plan = plan(rows: 0)
        try plan.create { _ in }
        #expect(try MeasurementSet(opening: plan.path).rowCount == 0)
    }

    @Test func `Opening what is not there, and creating where something is, are refused by name`() throws {
        let missing = #expect(throws: Refusal.self) { try MeasurementSet(opening: scratch.path + "/nothing.ms") }
        #expect(missing?.description.contains("nothing.ms") == true && missing?.exit == .badData)
        let plan = plan(rows: 3)
        try plan.create { _ in }
        let second = #expect(throws: Refusal.self) { try plan.create { _ in } }
        #expect(second?.exit == .cannotCreate)
    }

    @Test func `Rows and buffers that do not fit are errors, not memory faults`() throws {
        let plan = plan(rows: 3)
        try plan.create { _ in }
        let set = try MeasurementSet(opening: plan.path)
        #expect(throws: MeasurementSetFailure.self) { try set.column("DATA").visibilities(2..<4) }
        #expect(throws: MeasurementSetFailure.self) { try set.column("TIME").integers(0..<1) }
        #expect(throws: MeasurementSetFailure.self) { try set.column("NO_SUCH_COLUMN") }
        try set.close()
        #expect(throws: MeasurementSetFailure.self) { try set.column("TIME") }
    }
}
