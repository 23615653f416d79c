import Absurd
import Glibc
import Testing

@testable import AbsurdRadio

@Suite struct UVH5Tests {
    private static func metadata(rowsPerTime: Int = 3, times: Int = 100, channels: Int = 16) -> UVH5Metadata {
        var header = UVH5Metadata()
        header.telescopeName = "OVRO_MMA"
        header.latitudeDegrees = 37.2334
        header.longitudeDegrees = -118.283
        header.altitudeMetres = 1188
        header.antennaNumbers = [0, 1, 7]
        header.antennaNames = ["1", "2", "103"]
        header.antennaPositions = [SIMD3(0, 0, 0), SIMD3(5.75, 0.125, -3), SIMD3(900.5, -70, 11)]
        header.antennaDiametersMetres = [4.65, 4.65, 4.65]
        for time in 0..<times {
            for row in 0..<rowsPerTime {
                header.antenna1.append([0, 0, 1][row])
                header.antenna2.append([1, 7, 7][row])
                header.timesJD.append(2_460_000.5 + Double(time) * 1e-4)
                header.integrationSeconds.append(12.884902)
                header.lstRadians.append(1 + Double(time) * 1e-3)
                header.uvwMetres.append(SIMD3(Double(row), Double(time), 0.5))
            }
        }
        header.frequenciesHz = (0..<channels).map { 1.4e9 - 244_140.625 * Double($0) }
        header.channelWidthsHz = Array(repeating: 244_140.625, count: channels)
        header.polarizations = [-5, -6]
        header.phaseCentres = [.hourAngle(0, declination: 0.5)]
        header.extraKeywords = [
            "phase_center_dec": .number(0.5), "ha_phase_center": .number(0), "fs_table": .text("table.npz"),
            "blocks": .integer(3), "calibrated": .flag(false),
        ]
        return header
    }

    private struct Content {
        var visibilities: [SIMD2<Float>]
        var flags: [UInt8]
        var samples: [Float]

        init(count: Int) {
            visibilities = (0..<count).map { SIMD2(Float($0), -0.5 * Float($0 % 977)) }
            flags = (0..<count).map { $0 % 13 == 0 ? 1 : 0 }
            samples = (0..<count).map { Float($0 % 5) }
        }
    }

    @discardableResult
    private static func write(
        _ path: String, _ header: UVH5Metadata, _ layout: UVH5Layout, pieces: [Range<Int>]? = nil
    ) throws -> Content {
        let perRow = header.channelCount * header.polarizationCount
        let content = Content(count: header.rowCount * perRow)
        let writer = try UVH5Writer(path: path, metadata: header, layout: layout)
        for piece in pieces ?? [0..<header.rowCount] {
            let values = piece.lowerBound * perRow..<piece.upperBound * perRow
            try content.visibilities[values].withUnsafeBufferPointer { visibilities in
                try content.flags[values].withUnsafeBufferPointer { flags in
                    try content.samples[values].withUnsafeBufferPointer { samples in
                        try writer.write(blts: piece, visibilities: visibilities, flags: flags, samples: samples)
                    }
                }
            }
        }
        try writer.finish()
        return content
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        var bytes = [UInt8](repeating: 0, count: ftell(file))
        rewind(file)
        try #require(fread(&bytes, 1, bytes.count, file) == bytes.count)
        return bytes
    }

    @Test func aFinishedFileIsReadWhileAChildStillHoldsItsWritersLock() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("a.hdf5")
        try Self.write(path, Self.metadata(times: 2), .current)
        let held = open(path, O_RDWR | O_CLOEXEC)
        defer { close(held) }
        try #require(flock(held, LOCK_EX | LOCK_NB) == 0)
        #expect(try UVH5Reader(path: path).metadata.rowCount == 6)
    }

    @Test(arguments: [UVH5Layout.telescope(catalogue: false), .telescope(catalogue: true), .current])
    func whatIsWrittenIsReadBackInEveryLayout(_ layout: UVH5Layout) throws {
        let directory = TemporaryDirectory()
        let header = Self.metadata()
        let content = try Self.write(directory.file("a.hdf5"), header, layout)
        let reader = try UVH5Reader(path: directory.file("a.hdf5"))

        var expected = reader.metadata
        if case .hourAngle(let hourAngle, let declination)? = expected.phaseCentres.first {
            #expect(abs(hourAngle) < 1e-12 && abs(declination - 0.5) < 1e-12)
        } else {
            Issue.record("the phase centre is \(expected.phaseCentres)")
        }
        expected.phaseCentres = header.phaseCentres
        #expect(expected == header)

        // A range that starts and ends inside chunks.
        let rows = 101..<297
        var visibilities = [SIMD2<Float>](repeating: .zero, count: rows.count * reader.valuesPerRow)
        var flags = [UInt8](repeating: 9, count: visibilities.count)
        var samples = [Float](repeating: -1, count: visibilities.count)
        try visibilities.withUnsafeMutableBufferPointer { v in
            try flags.withUnsafeMutableBufferPointer { f in
                try samples.withUnsafeMutableBufferPointer { s in
                    try reader.read(blts: rows, visibilities: v, flags: f, samples: s)
                }
            }
        }
        let values = rows.lowerBound * reader.valuesPerRow..<rows.upperBound * reader.valuesPerRow
        #expect(visibilities == Array(content.visibilities[values]))
        #expect(flags == Array(content.flags[values]))
        #expect(samples == Array(content.samples[values]))
    }

    @Test func theFileIsTheSameWhetherWrittenAtOnceOrInPieces() throws {
        let directory = TemporaryDirectory()
        let header = Self.metadata()
        try Self.write(directory.file("whole.hdf5"), header, .telescope(catalogue: true))
        try Self.write(directory.file("again.hdf5"), header, .telescope(catalogue: true))
        #expect(try Self.bytes(directory.file("whole.hdf5")) == Self.bytes(directory.file("again.hdf5")))

        let content = try Self.write(directory.file("odd.hdf5"), header, .current, pieces: [0..<7, 7..<256, 256..<300])
        let reader = try UVH5Reader(path: directory.file("odd.hdf5"))
        var visibilities = [SIMD2<Float>](repeating: .zero, count: content.visibilities.count)
        try visibilities.withUnsafeMutableBufferPointer { try reader.read(blts: 0..<300, visibilities: $0) }
        #expect(visibilities == content.visibilities)
    }

    @Test func chunksAreThoseOfTheTelescopesWriter() {
        let layout = UVH5Layout.telescope(catalogue: false)
        #expect(layout.chunk(channels: 48, polarizations: 2, elementBytes: 8) == [128, 1, 12, 1])
        #expect(layout.chunk(channels: 48, polarizations: 2, elementBytes: 1) == [256, 1, 24, 1])
    }

    @Test func integrationsAreRunsOfEqualTimes() {
        let header = Self.metadata(times: 4)
        #expect(header.integrations == [0..<3, 3..<6, 6..<9, 9..<12])
        var unsorted = header
        unsorted.timesJD.swapAt(0, 11)
        #expect(unsorted.integrations == nil)
    }

    @Test func aTruncatedFileIsRefusedWithItsNameAndTheReason() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("2025-10-01T00:00:00_sb03.hdf5")
        try Self.write(path, Self.metadata(), .telescope(catalogue: false))
        let size = try Self.bytes(path).count
        for length in [size - 1, size / 2, 3000] {
            #expect(truncate(path, length) == 0)
            let refusal = #expect(throws: Refusal.self) { try UVH5Reader(path: path) }
            #expect(refusal?.what == path && refusal?.exit == .badData)
            #expect(refusal?.why.contains("truncated") == true, "\(String(describing: refusal))")
        }
        #expect(truncate(path, 0) == 0)
        #expect(throws: Refusal.self) { try UVH5Reader(path: path) }
    }

    @Test func whatIsNoUVH5IsRefusedWithWhatIsWrong() throws {
        let directory = TemporaryDirectory()
        let missing = #expect(throws: Refusal.self) { try UVH5Reader(path: directory.file("none.hdf5")) }
        #expect(missing?.why.contains("No such file") == true)

        let text = directory.file("text.hdf5")
        let file = try #require(fopen(text, "w"))
        fputs(String(repeating: "not an observation\n", count: 100), file)
        fclose(file)
        #expect(#expect(throws: Refusal.self) { try UVH5Reader(path: text) }?.why == "not an HDF5 file")

        let other = directory.file("other.hdf5")
        try HDF5File(creating: other).createGroup("Something")
        #expect(#expect(throws: Refusal.self) { try UVH5Reader(path: other) }?.why.contains("no group Header") == true)
    }

    @Test func aHeaderThatContradictsItsDataIsRefused() throws {
        let directory = TemporaryDirectory()
        var header = Self.metadata()
        header.antenna2[5] = 99
        try Self.write(directory.file("antenna.hdf5"), header, .current)
        let antenna = #expect(throws: Refusal.self) { try UVH5Reader(path: directory.file("antenna.hdf5")) }
        #expect(antenna?.why.contains("antenna_numbers has not") == true)

        header = Self.metadata()
        header.timesJD[200] = 0
        try Self.write(directory.file("time.hdf5"), header, .current)
        let time = #expect(throws: Refusal.self) { try UVH5Reader(path: directory.file("time.hdf5")) }
        #expect(time?.why.contains("no Julian date") == true)
    }
}
