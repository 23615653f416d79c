import Absurd
import CRadio
import Foundation
import Testing

@testable import AbsurdRadio

/// Chunks read from their places in the file against libhdf5's reading of the same rows.
@Suite struct ChunkMapTests {
    let directory = TemporaryDirectory()

    struct Rows: Equatable {
        var visibilities: [SIMD2<Float>]
        var flags: [UInt8]
        var samples: [Float]
    }

    /// `read` fills the three buffers; nil when it cannot.
    func rows(
        _ count: Int,
        _ read: (
            UnsafeMutableBufferPointer<SIMD2<Float>>, UnsafeMutableBufferPointer<UInt8>,
            UnsafeMutableBufferPointer<Float>
        ) throws -> Bool
    ) rethrows -> Rows? {
        // Filled with what no file holds: a value that is not written shows.
        var rows = Rows(
            visibilities: Array(repeating: SIMD2(-7, -7), count: count), flags: Array(repeating: 9, count: count),
            samples: Array(repeating: -7, count: count))
        let done = try rows.visibilities.withUnsafeMutableBufferPointer { visibilities in
            try rows.flags.withUnsafeMutableBufferPointer { flags in
                try rows.samples.withUnsafeMutableBufferPointer { samples in try read(visibilities, flags, samples) }
            }
        }
        return done ? rows : nil
    }

    func expectEqual(_ path: String) throws {
        let reader = try UVH5Reader(path: path)
        let chunks = try #require(reader.chunks())
        let total = reader.metadata.rowCount
        for range in [0..<1, 0..<total, 3..<total / 2, total / 3..<total, total - 1..<total] {
            let count = range.count * reader.valuesPerRow
            let slow = try rows(count) { visibilities, flags, samples in
                try reader.read(blts: range, visibilities: visibilities, flags: flags, samples: samples)
                return true
            }
            let quick = rows(count) { chunks.read(rows: range, visibilities: $0, flags: $1, samples: $2) }
            #expect(quick != nil && quick == slow, "\(range)")
        }
    }

    /// A file with numbered values and the rows of the tiny observation.
    func write(_ layout: UVH5Layout, channels: Int, polarizations: [Int]) throws -> String {
        _ = try Simulation(SimulationOptions(size: .tiny)).write(to: directory.file("obs"), threads: 1)
        let name = try FileManager.default.contentsOfDirectory(atPath: directory.file("obs"))
            .first { $0.hasSuffix(".hdf5") }!
        var metadata = try UVH5Reader(path: directory.file("obs/\(name)")).metadata
        metadata.frequenciesHz = (0..<channels).map { 1.4e9 + Double($0) * 1e5 }
        metadata.channelWidthsHz = Array(repeating: 1e5, count: channels)
        metadata.polarizations = polarizations
        let values = metadata.rowCount * channels * polarizations.count
        let path = directory.file("odd.uvh5")
        let writer = try UVH5Writer(path: path, metadata: metadata, layout: layout)
        let visibilities = (0..<values).map { SIMD2<Float>(Float($0), 0.5 - Float($0)) }
        let flags = (0..<values).map { UInt8($0 % 7 == 0 ? 1 : 0) }
        let samples = (0..<values).map { Float($0 % 11) }
        try visibilities.withUnsafeBufferPointer { visibilities in
            try flags.withUnsafeBufferPointer { flags in
                try samples.withUnsafeBufferPointer { samples in
                    try writer.write(
                        blts: 0..<metadata.rowCount, visibilities: visibilities, flags: flags, samples: samples)
                }
            }
        }
        try writer.finish()
        return path
    }

    @Test func `The telescope's layout`() throws {
        try expectEqual(try write(.telescope(catalogue: true), channels: 48, polarizations: [-5, -6]))
    }

    @Test func `Today's layout, with axes that no chunk divides`() throws {
        try expectEqual(try write(.current, channels: 37, polarizations: [-5, -6, -7]))
    }

    @Test func `One channel, one polarisation`() throws {
        try expectEqual(try write(.telescope(catalogue: false), channels: 1, polarizations: [-5]))
    }

    @Test func `A file that is cut off is left to libhdf5, which says what is wrong`() throws {
        let path = try write(.telescope(catalogue: true), channels: 48, polarizations: [-5, -6])
        let reader = try UVH5Reader(path: path)
        let chunks = try #require(reader.chunks())
        #expect(truncate(path, 200_000) == 0)
        let range = 0..<reader.metadata.rowCount
        let count = range.count * reader.valuesPerRow
        #expect(rows(count) { chunks.read(rows: range, visibilities: $0, flags: $1, samples: $2) } == nil)
        #expect(throws: Refusal.self) {
            _ = try rows(count) {
                try reader.read(blts: range, visibilities: $0, flags: $1, samples: $2)
                return true
            }
        }
    }
}
