import Absurd
import Foundation
import Testing

@testable import AbsurdRadio

/// Our Measurement Set against pyuvdata's of the same files, column by column.
@Suite struct ConversionPeerTests {
    let directory = TemporaryDirectory()

    func convert(_ files: [String], to name: String) throws -> String {
        let candidates = files.map { file -> SubbandCandidate in
            let name = SubbandName(fileName: String(file.split(separator: "/").last!))
            return SubbandCandidate(path: file, time: name?.time ?? 0, index: name?.index, stamp: name?.stamp ?? "x")
        }
        var options = ConversionOptions()
        options.expectedSubbands = files.count
        options.workers = 2
        let selection = try SubbandSelection(
            try candidates.map { try Subband($0, bytes: 0) }, unreadable: [], options: options, name: name)
        _ = try GroupConversion(selection, options: options).write(to: directory.file(name)) { _ in }
        return directory.file(name)
    }

    func compare(_ set: String, _ files: [String]) throws -> JSONValue {
        let scratch = directory.file("peer")
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        return try Peer.run("convert_vs_pyuvdata.py", [set, scratch] + files).json()
    }

    func expectAgreement(_ answer: JSONValue, windows: Int, data: Double) {
        #expect(answer["windows"]?.int == Int64(windows))
        for name in ["equal_keys", "flags_equal", "ascending"] { #expect(answer[name]?.flag == true, "\(name)") }
        let worst = answer["worst"]!
        let limits: [String: Double] = [
            "data": data, "uvw_m": 1e-4, "time_s": 1e-4, "interval_s": 0, "weight_spectrum": 0, "weight": 0,
            "sigma": 1e-7, "frequency_hz": 1e-3, "width_hz": 1e-6, "position_m": 1e-6,
        ]
        for (name, limit) in limits {
            #expect((worst[name]?.double ?? .infinity) <= limit, "\(name) differs by \(worst[name]?.jsonText ?? "?")")
        }
        #expect(answer["mounts"] == ["alt-az"])
    }

    @Test func `A group is converted as pyuvdata converts and phases it`() throws {
        _ = try Simulation(SimulationOptions(size: .tiny, seed: 3)).write(to: directory.file("obs"), threads: 2)
        let files = try FileManager.default.contentsOfDirectory(atPath: directory.file("obs"))
            .filter { $0.hasSuffix(".hdf5") }.sorted().map { directory.file("obs/\($0)") }
        let answer = try compare(try convert(files, to: "obs.ms"), files)
        // Visibilities near zero lose digits when they are turned in single precision, on both sides.
        expectAgreement(answer, windows: 4, data: 2e-5)
        #expect(answer["read_back"]?["Nspws"] == 4 && answer["read_back"]?["telescope"] == "OVRO_MMA")
    }

    @Test func `A phased file of another telescope, its antennas in both orders, keeps every value`() throws {
        _ = try Simulation(SimulationOptions(size: .tiny, seed: 4)).write(to: directory.file("obs"), threads: 2)
        let file =
            directory.file("obs") + "/"
            + (try FileManager.default.contentsOfDirectory(atPath: directory.file("obs"))
                .first { $0.hasSuffix(".hdf5") }!)
        let phased = directory.file("phased.uvh5")
        let made = try Peer.run("phased_uvh5.py", [file, phased])
        #expect(made.status == 0, "\(made.errors)")
        let answer = try compare(try convert([phased], to: "phased.ms"), [phased])
        // pyuvdata phases to where the file is phased already: a rotation by nothing, in its last digits.
        expectAgreement(answer, windows: 1, data: 1e-9)
    }
}
