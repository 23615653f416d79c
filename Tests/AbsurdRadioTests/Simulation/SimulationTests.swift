import Absurd
import Foundation
import Testing

@testable import AbsurdRadio

@Suite struct SimulationTests {
    private static func simulate(
        _ options: SimulationOptions, in directory: TemporaryDirectory, _ name: String = "obs", threads: Int = 2
    ) throws -> Simulation.Summary {
        try Simulation(options).write(to: directory.file(name), threads: threads)
    }

    private static func read(_ path: String) throws -> (reader: UVH5Reader, visibilities: [SIMD2<Float>]) {
        let reader = try UVH5Reader(path: path)
        let rows = reader.metadata.rowCount
        var values = [SIMD2<Float>](repeating: .zero, count: rows * reader.valuesPerRow)
        try values.withUnsafeMutableBufferPointer { try reader.read(blts: 0..<rows, visibilities: $0) }
        return (reader, values)
    }

    private static func contents(_ directory: String) throws -> [String: Data] {
        var contents: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: directory) {
            contents[name] = FileManager.default.contents(atPath: directory + "/" + name)
        }
        return contents
    }

    @Test func equalOptionsMakeEqualFilesWhateverTheThreads() throws {
        let directory = TemporaryDirectory()
        let options = SimulationOptions(size: .tiny, seed: 7, interferenceFraction: 0.05)
        _ = try Self.simulate(options, in: directory, "one", threads: 1)
        _ = try Self.simulate(options, in: directory, "two", threads: 4)
        let one = try Self.contents(directory.file("one"))
        #expect(one.count == 7)
        #expect(try one == Self.contents(directory.file("two")))

        var other = options
        other.seed = 8
        _ = try Self.simulate(other, in: directory, "other")
        let changed = try Self.contents(directory.file("other"))
        #expect(Set(changed.keys) == Set(one.keys))
        #expect(changed.allSatisfy { one[$0.key] != $0.value })
    }

    @Test func aTinyObservationHasTheTelescopesLayout() throws {
        let directory = TemporaryDirectory()
        let summary = try Self.simulate(SimulationOptions(size: .tiny), in: directory)
        #expect(summary.files.count == 4 && summary.bytes < 2_000_000)
        var frequencies: [Double] = []
        for (subBand, path) in summary.files.enumerated() {
            #expect(path.hasSuffix("_sb0\(subBand).hdf5"))
            let header = try UVH5Reader(path: path).metadata
            #expect(header.channelsDescend && header.antennaNumbers.count == 117)
            #expect(header.antennasWithData.count == 16 && header.integrations?.count == 4)
            #expect(header.integrations?.first?.count == 136)
            #expect(header.polarizations == [-5, -6])
            frequencies += header.frequenciesHz
        }
        // Sub-band 0 is the highest, and the band has no gap.
        let steps = zip(frequencies, frequencies.dropFirst()).map { $0 - $1 }
        #expect(steps.allSatisfy { abs($0 - 11_718_750.0 / 8) < 1e-3 })
        #expect(abs(frequencies[0] - 1498.0322e6) < 1e3)
    }

    @Test func thePeerReadsItWithoutAWarningAndPhasesItToTheCalibrator() throws {
        let directory = TemporaryDirectory()
        let options = SimulationOptions(
            size: .tiny, hasNoise: false, hasGains: false, hasBeam: false, sourceCount: 0)
        let summary = try Self.simulate(options, in: directory)
        let calibrator = ObservationPlan.calibrator
        for (subBand, path) in summary.files.enumerated() where subBand % 2 == 0 {
            let answer = try Peer.run("uvh5_peer.py", [path, "\(calibrator.ra)", "\(calibrator.dec)"]).json()
            #expect(answer["warnings"]?.items == [])
            #expect(try #require(answer["phase_rms"]?.double) < 1e-3)
            #expect(try #require(answer["offset_arcsec"]?.double) < 0.05)
            let flux = calibrator.flux(at: try UVH5Reader(path: path).metadata.frequenciesHz[4])
            #expect(abs(try #require(answer["amplitude"]?.double) / flux - 1) < 0.01)
            #expect(answer["autos_are_real"]?.flag == true)
            #expect(answer["rows"]?.int == 544 && answer["baselines"]?.int == 136 && answer["times"]?.int == 4)
        }
    }

    @Test func thePeerHasNoComplaintAboutANoisyObservationWithInterference() throws {
        let directory = TemporaryDirectory()
        let summary = try Self.simulate(
            SimulationOptions(size: .tiny, seed: 3, interferenceFraction: 0.1), in: directory)
        let answer = try Peer.run("uvh5_peer.py", [summary.files[1], "202.7845", "30.5092"]).json()
        #expect(answer["warnings"]?.items == [])
        #expect(answer["autos_are_real"]?.flag == true)
    }

    @Test func theGainsWrittenAsTruthAreThoseInTheData() throws {
        let directory = TemporaryDirectory()
        var options = SimulationOptions(size: .tiny, seed: 5, hasNoise: false)
        let observed = try Self.read(Self.simulate(options, in: directory, "with").files[2])
        options.hasGains = false
        let perfect = try Self.read(Self.simulate(options, in: directory, "without").files[2])
        let truth = try JSONValue(
            parsing: try #require(
                FileManager.default.contents(atPath: directory.file("with/truth/gains.json"))))
        let header = observed.reader.metadata
        let antennas = try #require(truth["antennas"]?.items)
        let reference = try #require(truth["delay_reference_frequency_hz"]?.double)
        let frequencies = try #require(truth["frequencies_hz"]?.items).compactMap(\.double)
        let times = try #require(truth["times_jd_utc"]?.items).compactMap(\.double)

        func complex(_ value: JSONValue) throws -> SIMD2<Double> {
            let parts = try #require(value.items).compactMap(\.double)
            return SIMD2(parts[0], parts[1])
        }
        func product(_ a: SIMD2<Double>, _ b: SIMD2<Double>) -> SIMD2<Double> {
            SIMD2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x)
        }
        func gain(_ number: Int, _ polarization: String, row: Int, channel: Int) throws -> SIMD2<Double> {
            let antenna = try #require(antennas.first { $0["number"]?.int == Int64(number) })
            let chain = try #require(antenna["polarisations"]?[polarization])
            let time = try #require(times.firstIndex(of: header.timesJD[row]))
            let place = try #require(frequencies.firstIndex(of: header.frequenciesHz[channel]))
            let turn = 2 * .pi * (try #require(chain["delay_s"]?.double)) * (frequencies[place] - reference)
            let overTime = try complex(try #require(chain["gain"]?.items)[time])
            let overBand = try complex(try #require(chain["bandpass"]?.items)[place])
            return product(product(overTime, overBand), SIMD2(cos(turn), sin(turn)))
        }
        for row in stride(from: 1, to: header.rowCount, by: 37) {
            for (polarization, name) in ["XX", "YY"].enumerated() {
                let channel = row % 8
                let index = row * observed.reader.valuesPerRow + channel * 2 + polarization
                let first = try gain(header.antenna1[row], name, row: row, channel: channel)
                let second = try gain(header.antenna2[row], name, row: row, channel: channel)
                // A Measurement Set holds the conjugate of what a UVH5 file does.
                let sky = perfect.visibilities[index]
                let expected = product(
                    product(first, SIMD2(second.x, -second.y)), SIMD2(Double(sky.x), -Double(sky.y)))
                let got = observed.visibilities[index]
                #expect(abs(expected.x - Double(got.x)) < 1e-4 && abs(-expected.y - Double(got.y)) < 1e-4)
            }
        }
    }

    @Test func theNoiseHasTheRmsThatTheTruthSays() throws {
        let directory = TemporaryDirectory()
        var options = SimulationOptions(size: .tiny, seed: 9, hasGains: false)
        let noisy = try Self.read(Self.simulate(options, in: directory, "noisy").files[0])
        options.hasNoise = false
        let clean = try Self.read(Self.simulate(options, in: directory, "clean").files[0])
        let sigma = try ObservationPlan(options).noiseJy
        var squares = SIMD2<Double>.zero
        var sums = SIMD2<Double>.zero
        var count = 0.0
        let header = noisy.reader.metadata
        for row in 0..<header.rowCount where header.antenna1[row] != header.antenna2[row] {
            for index in row * noisy.reader.valuesPerRow..<(row + 1) * noisy.reader.valuesPerRow {
                let difference = SIMD2<Double>(noisy.visibilities[index] - clean.visibilities[index])
                squares += difference * difference
                sums += difference
                count += 1
            }
        }
        // 7680 differences: one standard deviation of the rms is 0.8 %.
        #expect(abs(sqrt(squares.x / count) / sigma - 1) < 0.04 && abs(sqrt(squares.y / count) / sigma - 1) < 0.04)
        #expect(abs(sums.x / count) < 5 * sigma / sqrt(count) && abs(sums.y / count) < 5 * sigma / sqrt(count))
    }

    @Test func interferenceHitsTheCellsThatTheTruthNamesAndNoOthers() throws {
        let directory = TemporaryDirectory()
        var options = SimulationOptions(
            size: .tiny, seed: 2, interferenceFraction: 0.1, hasNoise: false, hasGains: false)
        let hit = try Self.simulate(options, in: directory, "hit").files.map(Self.read)
        let cells = try JSONValue(
            parsing: try #require(
                FileManager.default.contents(atPath: directory.file("hit/truth/observation.json"))))[
                "interference_cells"]
        let named = Set(try #require(cells?.items).compactMap { $0.items?.compactMap(\.int) })
        options.interferenceFraction = 0
        let clean = try Self.simulate(options, in: directory, "clean").files.map(Self.read)
        var found: Set<[Int64]> = []
        for (subBand, pair) in zip(hit, clean).enumerated() {
            let perRow = pair.0.reader.valuesPerRow
            for index in pair.0.visibilities.indices where pair.0.visibilities[index] != pair.1.visibilities[index] {
                found.insert([Int64(index / perRow / 136), Int64(subBand * 8 + index % perRow / 2)])
            }
        }
        #expect(!named.isEmpty && named == found)
    }

    @Test func sourcesLieApartAndWithinTheBeam() throws {
        for seed in 1...20 {
            let plan = try ObservationPlan(SimulationOptions(size: .full, seed: UInt64(seed)))
            let sources = SimulatedSky(plan).sources
            #expect(sources.count == 41 && sources[0].name == "3C286")
            for (index, source) in sources.enumerated() {
                let place = SimulatedSky.direction(source)
                #expect(place.separation(from: plan.fieldCentre) < 1.51 * .pi / 180)
                #expect(index == 0 || (0.1...1.5).contains(source.flux))
                for other in sources[..<index] {
                    #expect(place.separation(from: SimulatedSky.direction(other)) > 0.0999 * .pi / 180)
                }
            }
        }
    }

    @Test func anotherStartPutsACalibratorOnTheMeridianThere() throws {
        let start = try #require(CalendarTime.julianDate("2026-01-31T23:59:50"))
        let plan = try ObservationPlan(SimulationOptions(size: .tiny, start: start))
        #expect(plan.fileName(subBand: 0) == "2026-01-31T23:59:50_sb00.hdf5")
        #expect(plan.fileName(subBand: 2) == "2026-01-31T23:59:51_sb02.hdf5")
        let calibrator = SimulatedSky(plan).sources[0]
        #expect(calibrator.name == "SIMCAL" && calibrator.flux == 14.9)
        #expect(SimulatedSky.direction(calibrator).separation(from: plan.fieldCentre) < 0.06 * .pi / 180)
        let late = try #require(CalendarTime.julianDate("2031-01-01T00:00:00"))
        #expect(throws: Refusal.self) { try ObservationPlan(SimulationOptions(start: late)) }
    }

    @Test func missingAndTruncatedSubBandsAreJustThat() throws {
        let directory = TemporaryDirectory()
        let options = SimulationOptions(size: .tiny, missing: [1], truncated: [2])
        let summary = try Self.simulate(options, in: directory)
        #expect(summary.files.map { $0.suffix(9) } == ["sb00.hdf5", "sb02.hdf5", "sb03.hdf5"])
        #expect(throws: Refusal.self) { try UVH5Reader(path: summary.files[1]) }
        #expect(try UVH5Reader(path: summary.files[2]).metadata.channelCount == 8)
        #expect(throws: Refusal.self) { try Simulation(SimulationOptions(size: .tiny, missing: [4])) }
    }

    @Test func anotherObservationsDirectoryIsLeftAlone() throws {
        let directory = TemporaryDirectory()
        _ = try Self.simulate(SimulationOptions(size: .tiny), in: directory)
        let before = try Self.contents(directory.file("obs"))
        let start = CalendarTime.julianDate("2026-01-31T00:00:00")
        let refusal = #expect(throws: Refusal.self) {
            try Self.simulate(SimulationOptions(size: .tiny, start: start), in: directory)
        }
        #expect(refusal?.why.contains("another observation") == true && refusal?.exit == .cannotCreate)
        #expect(try before == Self.contents(directory.file("obs")))
    }
}
