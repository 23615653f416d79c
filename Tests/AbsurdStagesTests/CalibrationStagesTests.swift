import Absurd
import AbsurdPipeline
import AbsurdRadio
import Foundation
import Testing

@testable import AbsurdStages

/// The stages on the tiny simulated observation, whose sky and gains are known.
@Suite("Calibration stages")
struct CalibrationStagesTests {
    private let context = RecordingContext()

    /// - Returns: the observation's directory and its Measurement Set.
    private func observe(_ options: SimulationOptions) throws -> (directory: String, set: String) {
        let directory = context.directory + "/observation"
        _ = try Simulation(options).write(to: directory, threads: 2)
        let result = try context.run(
            ConvertStage.self,
            ["inputs": ["input_path": .string(directory)], "config": ["expected_subbands": 4]])
        return (directory, try #require(result.outputs["ms_path"]?.text))
    }

    private func solve(
        _ set: String, _ config: [String: JSONValue] = [:], in other: RecordingContext? = nil
    ) throws -> StageResult {
        try (other ?? context).run(
            CalibrationSolveStage.self,
            ["inputs": ["ms_path": .string(set)], "config": .object(config)])
    }

    @Test("Against the full sky the gains come out within 3 degrees and 3 percent of the truth, and apply")
    func solveAndApply() throws {
        let (directory, set) = try observe(SimulationOptions(size: .tiny, seed: 5))
        let result = try solve(
            set,
            [
                "catalogue": .string(directory + "/truth/sources.csv"),
                "truth": .string(directory + "/truth/gains.json"),
            ])
        let quality = try #require(result.outputs["calibration_quality"])
        let errors = try #require(quality["errors"])
        #expect(try #require(errors["phase_rms_deg"]?.double) < 3)
        #expect(try #require(errors["amplitude_rms"]?.double) < 0.03)
        #expect(quality["refant"] == "103")
        #expect(quality["flagged_fraction"]?.double == 0)
        #expect(quality["antennas"]?.members?.count == 16)
        for path in try #require(result.outputs["calibration_plots"]?.members).values {
            #expect(try String(contentsOfFile: path.text ?? "", encoding: .utf8).hasPrefix("<svg"))
        }
        let tables = try #require(result.outputs["caltables"])
        #expect(tables.members?.keys.sorted() == ["B", "G", "K"])
        let applied = try context.run(
            CalibrationApplyStage.self, ["inputs": ["ms_path": .string(set), "caltables": tables]])
        #expect(applied.outputs["ms_path"]?.text == set)
        // What is corrected is the sky: the calibrator's 14.9 Jy through the beam and the others' interference.
        let opened = try MeasurementSet(opening: set)
        let corrected = try opened.column("CORRECTED_DATA").visibilities(0..<opened.rowCount)
        let first = try opened.column("ANTENNA1").integers(0..<opened.rowCount)
        let second = try opened.column("ANTENNA2").integers(0..<opened.rowCount)
        try opened.close()
        let perRow = corrected.count / first.count
        let sizes = first.indices.filter { first[$0] != second[$0] }.flatMap { row in
            corrected[row * perRow..<(row + 1) * perRow].map { ($0 * $0).sum().squareRoot() }
        }
        let median = sizes.sorted()[sizes.count / 2]
        #expect(abs(median - 14.8) < 0.7)
    }

    @Test("The calibrator alone, by name, is enough where it outshines the field, and less exact than the full sky")
    func calibratorOnly() throws {
        let (directory, set) = try observe(SimulationOptions(size: .tiny, seed: 5))
        func errors(_ config: [String: JSONValue]) throws -> Double {
            let all = config.merging(["truth": .string(directory + "/truth/gains.json")]) { given, _ in given }
            let result = try solve(set, all, in: RecordingContext())
            return try #require(result.outputs["calibration_quality"]?["errors"]?["phase_rms_deg"]?.double)
        }
        let alone = try errors(["calibrator": "3C286"])
        let full = try errors(["catalogue": .string(directory + "/truth/sources.csv")])
        #expect(alone < 5)
        #expect(full < alone)
    }

    @Test("Without catalogue and calibrator a known calibrator in the field is taken, and that is said")
    func calibratorInField() throws {
        let (_, set) = try observe(SimulationOptions(size: .tiny, seed: 5))
        let result = try solve(set, ["refant": "1, 103"])
        #expect(result.warnings.contains { $0.contains("solved against 3C286 alone") })
        #expect(result.outputs["calibration_quality"]?["refant"] == "1")
        #expect(result.warnings.contains { $0.contains("too few for AOFlagger") })
    }

    @Test("Bad options are refused in one line that names them")
    func badOptions() throws {
        let (directory, set) = try observe(SimulationOptions(size: .tiny, seed: 5))
        let wrong: [([String: JSONValue], String)] = [
            (["gain_solint": "soon"], "gain_solint"), (["calibrator": "3C999"], "3C999"),
            (["uv_min": 10, "uv_max": 5], "uv_min"), (["catalogue": "/nowhere.csv"], "/nowhere.csv"),
            (["calibrator": "3C48"], "none of its 1 sources"), (["minsnr": -1], "minsnr"),
            (["catalogue": .string(directory + "/truth/sources.csv"), "uv_min": 1e8], "no antenna has a solution"),
        ]
        for (config, word) in wrong {
            let error = #expect(throws: Refusal.self) { try solve(set, config) }
            #expect(error?.description.contains(word) == true, "\(config): \(String(describing: error))")
        }
        #expect(throws: Refusal.self) { try solve(directory + "/missing.ms") }
        #expect(throws: Refusal.self) {
            try context.run(CalibrationApplyStage.self, ["inputs": ["ms_path": .string(set), "caltables": [1]]])
        }
    }

    @Test("The registry gives the solution nearest in time whose tables are there, within its reach")
    func registry() throws {
        let registry = SolutionRegistry(directory: context.directory + "/registry")
        #expect(throws: Refusal.self) { try registry.nearest(to: 0, band: 1...2, reach: 1e9) }
        func add(_ task: String, _ start: Double, band: ClosedRange<Double> = 1.3e9...1.5e9, exists: Bool = true) throws
        {
            let table = context.directory + "/" + task
            if exists { try FileManager.default.createDirectory(atPath: table, withIntermediateDirectories: true) }
            try registry.add(
                SolutionRegistry.Entry(task: task, start: start, end: start + 300, band: band, caltables: ["B": table]))
        }
        try add("early", 1000)
        try add("late", 9000)
        try add("unpublished", 5000, exists: false)
        try add("otherband", 5000, band: 2e9...3e9)
        try TextFile.write("{", to: context.directory + "/registry/half.solution.json")
        func nearest(_ time: Double, reach: Double = 3600) throws -> String {
            try registry.nearest(to: time, band: 1.31e9...1.49e9, reach: reach).task
        }
        #expect(try nearest(4000) == "early")
        #expect(try nearest(6000) == "late")
        let error = #expect(throws: Refusal.self) { try nearest(6000, reach: 60) }
        #expect(error?.why.contains("minutes away") == true)
    }

    @Test("Without tables, apply takes what solve entered in the registry")
    func applyFromRegistry() throws {
        let (directory, set) = try observe(SimulationOptions(size: .tiny, seed: 5))
        let registry: JSONValue = .string(context.directory + "/registry")
        _ = try solve(
            set, ["catalogue": .string(directory + "/truth/sources.csv"), "registry": registry, "plots": false])
        let result = try context.run(
            CalibrationApplyStage.self,
            ["inputs": ["ms_path": .string(set)], "config": ["registry": registry, "calwt": true]])
        #expect(result.outputs["calibration_applied"]?["tables"]?.items?.count == 3)
        #expect(throws: Refusal.self) {
            try context.run(CalibrationApplyStage.self, ["inputs": ["ms_path": .string(set)]])
        }
    }

    @Test("Interference is flagged before solving when asked for, and its failure is the task's")
    func interference() throws {
        let (directory, set) = try observe(SimulationOptions(size: .tiny, seed: 5))
        var flagging = InterferenceFlagging(
            try StageParameters(
                ["inputs": ["ms_path": .string(set)], "config": ["flag_rfi": "on"]],
                schema: CalibrationSolveStage.declaration.schema, task: "calibration-solve"), threads: 1)
        #expect(try flagging.run(on: set, channels: 8, in: context) == nil)
        #expect(context.logged.contains { $0.contains("AOFlagger") })
        flagging.program = "no-such-aoflagger"
        #expect(throws: Refusal.self) { try flagging.run(on: set, channels: 8, in: context) }
        flagging.mode = .auto
        #expect(try flagging.run(on: set, channels: 16, in: context)?.contains("not installed") == true)
        flagging.program = "aoflagger"
        flagging.mode = .on
        let error = #expect(throws: Refusal.self) {
            try flagging.run(on: directory + "/missing.ms", channels: 16, in: context)
        }
        #expect(error?.what == "aoflagger")
    }
}
