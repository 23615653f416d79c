import Absurd
import AbsurdPipeline
import Foundation
import Testing

@testable import AbsurdRadio
@testable import AbsurdStages

/// The conversion of a tiny observation (4 sub-bands of 8 channels, 16 antennas, 4 integrations) through its stage.
@Suite struct ConvertStageTests {
    let context: RecordingContext
    init() { context = RecordingContext() }

    init(context: RecordingContext) { self.context = context }

    let rowsPerSubband = 4 * 16 * 17 / 2

    func simulate(_ options: SimulationOptions = SimulationOptions(size: .tiny), as name: String = "obs") throws
        -> String
    {
        let directory = context.directory + "/" + name
        _ = try Simulation(options).write(to: directory, threads: 2)
        return directory
    }

    func convert(_ input: String, _ config: [String: JSONValue] = [:], _ inputs: [String: JSONValue] = [:]) throws
        -> StageResult
    {
        try context.run(
            ConvertStage.self,
            [
                "inputs": .object(inputs.merging(["input_path": .string(input)]) { given, _ in given }),
                "config": .object(config.merging(["expected_subbands": 4]) { given, _ in given }),
            ])
    }

    func refusal(_ input: String, _ config: [String: JSONValue] = [:], _ inputs: [String: JSONValue] = [:]) -> Refusal?
    {
        #expect(throws: Refusal.self) { _ = try convert(input, config, inputs) }
    }

    func open(_ result: StageResult) throws -> MeasurementSet {
        try MeasurementSet(opening: try #require(result.outputs["ms_path"]?.text))
    }

    /// The names of the sub-bands' files, from sb00 on.
    func files(_ directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".hdf5") }
            .sorted { $0.suffix(7) < $1.suffix(7) }.map { directory + "/" + $0 }
    }

    @Test func `A group becomes one set with one field and windows of ascending frequency`() throws {
        let result = try convert(try simulate())
        #expect(result.warnings.isEmpty)
        #expect(result.outputs["ms_paths"] == .array([result.outputs["ms_path"]!]))
        let set = try open(result)
        #expect(set.rowCount == 4 * rowsPerSubband)
        #expect(set.fields.count == 1)
        let frequencies = set.windows.flatMap(\.frequencies)
        #expect(frequencies.count == 32 && frequencies == frequencies.sorted())
        #expect(set.dataDescriptions.allSatisfy { $0.correlations == [.xx, .yy] })
        let descriptions = try set.column("DATA_DESC_ID").integers(0..<set.rowCount)
        #expect(descriptions == (0..<4).flatMap { Array(repeating: Int32($0), count: rowsPerSubband) })
        #expect(context.progressed.last?.0 == 1)
        #expect(zip(context.progressed, context.progressed.dropFirst()).allSatisfy { $0.0 <= $1.0 + 0.5 })
    }

    @Test func `Fields for each integration leave the phases as they came`() throws {
        let input = try simulate()
        let set = try open(try convert(input, ["phase_center": "per-integration"]))
        #expect(set.fields.count == 4)
        let times = try set.column("TIME").doubles(0..<rowsPerSubband)
        let fields = try set.column("FIELD_ID").integers(0..<rowsPerSubband)
        let distinct = Array(Set(times)).sorted()
        // The meridian moves over the sky with the Earth; 25 years of precession change the rate by a thousandth.
        for (index, field) in set.fields.enumerated().dropFirst() {
            let turned = (distinct[index] - distinct[0]) * 7.2921159e-5
            #expect(abs(field.rightAscension - set.fields[0].rightAscension - turned) < 0.002 * turned)
        }
        #expect(zip(times, fields).allSatisfy { distinct[Int($1)] == $0 })

        let reader = try UVH5Reader(path: try files(input)[3])
        var file = [SIMD2<Float>](repeating: .zero, count: rowsPerSubband * reader.valuesPerRow)
        try file.withUnsafeMutableBufferPointer { try reader.read(blts: 0..<rowsPerSubband, visibilities: $0) }
        let data = try set.column("DATA").visibilities(0..<rowsPerSubband)
        let channels = reader.metadata.channelCount
        for row in 0..<rowsPerSubband {
            for channel in 0..<channels {
                let source = file[(row * channels + channels - 1 - channel) * 2]
                #expect(data[(row * channels + channel) * 2] == SIMD2(source.x, -source.y))
            }
        }
    }

    @Test func `Missing and truncated sub-bands are said, and the rest is converted`() throws {
        let input = try simulate(SimulationOptions(size: .tiny, missing: [1], truncated: [2]))
        let result = try convert(input)
        #expect(result.warnings.contains { $0.contains("sb02.hdf5") })
        #expect(result.warnings.contains { $0.contains("2 of 4 sub-bands missing (sb01, sb02)") })
        #expect(try open(result).windows.count == 2)
        let refused = refusal(input, ["minimum_subbands": 3])
        #expect(refused?.description.contains("2 of 4") == true && refused?.exit == .badData)
    }

    @Test func `A missing sub-band can become a flagged window in its place`() throws {
        let whole = try open(try convert(try simulate(as: "whole")))
        let context = RecordingContext()
        let other = ConvertStageTests(context: context)
        let set = try other.open(
            try other.convert(
                try other.simulate(SimulationOptions(size: .tiny, missing: [1])), ["missing_subbands": "flag"]))
        for (window, expected) in zip(set.windows, whole.windows) {
            #expect(zip(window.frequencies, expected.frequencies).allSatisfy { abs($0 - $1) < 1 })
        }
        let flags = try set.column("FLAG")
        let isFlagged = try (0..<4).map { window in
            try flags.flags(window * rowsPerSubband..<(window + 1) * rowsPerSubband).allSatisfy { $0 == 1 }
        }
        #expect(isFlagged == [false, false, true, false])
    }

    @Test func `A sub-band that came twice is used once`() throws {
        let input = try simulate()
        let first = try files(input)[0]
        let copy = first.replacing("_sb00", with: "_sb00_again")
        try FileManager.default.copyItem(atPath: first, toPath: copy)
        let result = try convert(input)
        #expect(result.warnings.count == 1 && result.warnings[0].contains("holds the same frequencies"))
        #expect(try open(result).windows.count == 4)
    }

    @Test func `One file is an observation of its own`() throws {
        let input = try files(try simulate())[2]
        let set = try open(try convert(input, ["expected_subbands": 1]))
        #expect(set.windows.count == 1 && set.rowCount == rowsPerSubband)
    }

    @Test func `Wrong paths and times are refused with what was looked for`() throws {
        #expect(refusal("/no/such/place")?.description.contains("/no/such/place") == true)
        try FileManager.default.createDirectory(
            atPath: context.directory + "/empty", withIntermediateDirectories: true)
        #expect(refusal(context.directory + "/empty")?.description.contains("holds no .hdf5") == true)
        let input = try simulate()
        let late = refusal(input, [:], ["start_time": "2030-01-01T00:00:00"])
        #expect(late?.description.contains("no observation begins") == true)
        #expect(refusal(input, [:], ["start_time": "yesterday"])?.description.contains("yesterday") == true)
        try "not HDF5".write(toFile: context.directory + "/empty/x.hdf5", atomically: true, encoding: .utf8)
        #expect(refusal(context.directory + "/empty")?.description.contains("x.hdf5") == true)
    }

    @Test func `Of several observations those in the time asked for are converted, each to its own set`() throws {
        let input = try simulate(SimulationOptions(size: .tiny, start: 2_460_840.75))
        for file in try files(try simulate(SimulationOptions(size: .tiny, start: 2_460_840.80), as: "later")) {
            try FileManager.default.moveItem(atPath: file, toPath: file.replacing("/later/", with: "/obs/"))
        }
        let both = try convert(input)
        #expect(both.outputs["ms_paths"]?.items?.count == 2)
        let context = RecordingContext()
        let one = try ConvertStageTests(context: context).convert(input, [:], ["start_time": "2025-06-14T06:30:00"])
        #expect(one.outputs["ms_paths"]?.items?.count == 1)
        #expect(one.outputs["ms_path"]?.text?.contains("T07:1") == true)
    }

    /// Rewrites a sub-band's visibilities and flags.
    func edit(_ path: String, _ body: (inout [SIMD2<Float>], inout [UInt8]) -> Void) throws {
        let reader = try UVH5Reader(path: path)
        let rows = 0..<reader.metadata.rowCount
        var visibilities = [SIMD2<Float>](repeating: .zero, count: rows.count * reader.valuesPerRow)
        var flags = [UInt8](repeating: 0, count: visibilities.count)
        var samples = [Float](repeating: 0, count: visibilities.count)
        try visibilities.withUnsafeMutableBufferPointer { visibilities in
            try flags.withUnsafeMutableBufferPointer { flags in
                try samples.withUnsafeMutableBufferPointer { samples in
                    try reader.read(blts: rows, visibilities: visibilities, flags: flags, samples: samples)
                }
            }
        }
        body(&visibilities, &flags)
        let writer = try UVH5Writer(
            path: path + ".new", metadata: reader.metadata, layout: .telescope(catalogue: true))
        try visibilities.withUnsafeBufferPointer { visibilities in
            try flags.withUnsafeBufferPointer { flags in
                try samples.withUnsafeBufferPointer { samples in
                    try writer.write(blts: rows, visibilities: visibilities, flags: flags, samples: samples)
                }
            }
        }
        try writer.finish()
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: path + ".new", toPath: path)
    }

    @Test func `Visibilities that are no numbers are flagged, zeroed and counted`() throws {
        let input = try simulate()
        try edit(try files(input)[3]) { visibilities, _ in
            visibilities[5] = SIMD2(.nan, 1)
            visibilities[77] = SIMD2(1, .infinity)
        }
        let result = try convert(input)
        #expect(result.warnings.contains { $0.hasPrefix("2 visibilities are no numbers") })
        let set = try open(result)
        let data = try set.column("DATA").visibilities(0..<set.rowCount)
        let flags = try set.column("FLAG").flags(0..<set.rowCount)
        #expect(data.allSatisfy { $0.x.isFinite && $0.y.isFinite })
        let flagged = flags.indices.filter { flags[$0] == 1 }
        #expect(flagged.count == 2 && flagged.allSatisfy { data[$0] == .zero })
    }

    @Test func `A file's flags arrive where they were, and all of them flagged is a failure`() throws {
        let input = try simulate()
        try edit(try files(input)[3]) { _, flags in flags[16 * 3 + 2 * 7 + 1] = 1 }
        let set = try open(try convert(input))
        let flags = try set.column("FLAG").flags(0..<set.rowCount)
        // Row 3, the last channel of the file, the second polarisation: here the first channel.
        #expect(flags.indices.filter { flags[$0] == 1 } == [16 * 3 + 1])

        let dead = ConvertStageTests(context: RecordingContext())
        let allFlagged = try dead.simulate()
        for file in try dead.files(allFlagged) {
            try dead.edit(file) { _, flags in for index in flags.indices { flags[index] = 1 } }
        }
        #expect(dead.refusal(allFlagged)?.description.contains("every visibility is flagged") == true)
    }

    @Test func `Staged on tmpfs it is the same set, and nothing stays there`() throws {
        let input = try simulate()
        let direct = try open(try convert(input))
        let staged = ConvertStageTests(context: RecordingContext())
        let set = try staged.open(try staged.convert(input, ["stage_to_tmpfs": true]))
        for name in ["DATA", "WEIGHT_SPECTRUM", "UVW", "WEIGHT"] {
            let (one, two) = (try direct.column(name), try set.column(name))
            var (left, right) = (
                [UInt8](repeating: 0, count: one.rowBytes * direct.rowCount),
                [UInt8](repeating: 1, count: two.rowBytes * set.rowCount)
            )
            try left.withUnsafeMutableBytes { try one.read(rows: 0..<direct.rowCount, into: $0) }
            try right.withUnsafeMutableBytes { try two.read(rows: 0..<set.rowCount, into: $0) }
            #expect(left == right, "\(name)")
        }
        let scratch = try #require(staged.context.scratchDirectory)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch).isEmpty)
        #expect(Staging(finalPath: "/a/b.ms", scratch: scratch, inputBytes: 1 << 60).stagedPath == nil)
    }

    @Test func `A full disk is said as such and leaves nothing staged`() throws {
        let input = try simulate()
        let staging = Staging(finalPath: "/dev/full/x.ms", scratch: context.scratchDirectory, inputBytes: 1)
        let refused = #expect(throws: Refusal.self) {
            try staging.write { path in try FileManager.default.copyItem(atPath: input, toPath: path) }
        }
        #expect(refused?.exit == .cannotCreate)
        #expect(try FileManager.default.contentsOfDirectory(atPath: context.scratchDirectory!).isEmpty)
    }

    @Test func `WSClean images it without a warning, the calibrator where the truth has it`() throws {
        let input = try simulate(SimulationOptions(size: .tiny, hasNoise: false, hasGains: false))
        let set = try open(try convert(input))
        let name = context.directory + "/image"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/wsclean")
        process.arguments = [
            "-reorder", "-no-update-model-required", "-size", "512", "512", "-scale", "30asec", "-niter", "0",
            "-name", name, set.path,
        ]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let log = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(log)")
        #expect(!log.lowercased().contains("warning") && !log.lowercased().contains("invalid"), "\(log)")

        let image = try FITSImage(path: name + "-image.fits")
        let peak = try #require(image.pixels.indices.max { image.pixels[$0] < image.pixels[$1] })
        let truth = try CatalogueFile.read(input + "/truth/sources.csv").sources.max { $0.flux < $1.flux }!
        let found = try ImageCoordinates(image.header).world(
            x: Double(peak % image.width), y: Double(peak / image.width))
        let offset = hypot((found.ra - truth.ra) * cos(truth.dec * .pi / 180), found.dec - truth.dec)
        #expect(offset * 3600 < 45, "\(offset * 3600) arcsec off")
    }
}
