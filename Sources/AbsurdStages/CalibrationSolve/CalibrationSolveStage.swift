import Absurd
import AbsurdPipeline
import AbsurdRadio

/// Solves the gains of a Measurement Set against a sky model and writes them as CASA tables.
public struct CalibrationSolveStage: Stage {
    public static let declaration = CalibrationSolveDeclaration.declaration

    public init() {}

    public func run(_ parameters: StageParameters, in context: any StageContext) throws -> StageResult {
        let path = parameters.text("ms_path")!
        let solve = try Self.settings(parameters, threads: context.cpuCount)
        let skipped = try flagInterference(parameters, path: path, context)
        let set = try MeasurementSet(opening: path, writable: true)
        let sky = try SkyModelChoice.choose(parameters, set: set)
        context.log("sky model: \(sky.origin), \(sky.sources.count) sources")
        let beam = PrimaryBeam()
        let model = SkyModel(sources: sky.sources) { beam.gain(offsetRadians: $0, frequencyHz: $1) }
        let outcome = try solve.run(set, model: model) { context.progress(0.1 + 0.8 * $0, $1) }
        let names = set.antennas.map(\.name)
        let basis = [.rr, .ll].contains(set.dataDescriptions[0].correlations[0]) ? "circular" : "linear"
        // The tables copy its subtables from disk.
        try set.close()
        context.progress(0.9, "writing tables")
        var caltables: [String: JSONValue] = [:]
        let tables = outcome.solution.tables(antennaNames: names)
        for table in tables {
            let name = "calibration.\(table.kind.letter)"
            try table.write(
                to: context.writingPath(name), measurementSet: path, polarizationBasis: basis,
                history: "task \(context.taskID) attempt \(context.attempt): \(table.kind.rawValue), \(sky.origin)")
            caltables[table.kind.letter] = .string(context.finalPath(name))
        }
        if let directory = parameters.text("registry") {
            let frequencies = set.windows.flatMap(\.frequencies)
            try SolutionRegistry(directory: directory).add(
                SolutionRegistry.Entry(
                    task: "\(context.taskID)-\(context.attempt)", start: set.timeRange.0, end: set.timeRange.1,
                    band: (frequencies.min() ?? 0)...(frequencies.max() ?? 0),
                    caltables: caltables.compactMapValues(\.text)))
        }
        var report = SolutionReport(outcome, antennaNames: names, skyOrigin: sky.origin)
        if let truth = parameters.text("truth") {
            report.errors = try GainTruth(reading: truth).errors(of: tables)
        }
        var plots: [String: JSONValue] = [:]
        if parameters.flag("plots") {
            for (name, chart) in report.charts() {
                try TextFile.write(chart.text, to: context.writingPath("\(name).svg"))
                plots[name] = .string(context.finalPath("\(name).svg"))
            }
        }
        return StageResult(
            outputs: [
                "caltables": .object(caltables), "calibration_quality": report.quality,
                "calibration_plots": .object(plots),
            ],
            message: report.summary,
            warnings: [skipped].compactMap(\.self) + sky.warnings + report.warnings(wanted: solve.referenceNames))
    }

    /// - Returns: why nothing was flagged, where that must be said.
    private func flagInterference(
        _ parameters: StageParameters, path: String, _ context: any StageContext
    ) throws -> String? {
        let set = try MeasurementSet(opening: path)
        let channels = set.windows.map(\.frequencies.count).min() ?? 0
        try set.close()
        context.progress(0, "flagging interference")
        return try InterferenceFlagging(parameters, threads: context.cpuCount)
            .run(on: path, channels: channels, in: context)
    }

    static func settings(_ parameters: StageParameters, threads: Int) throws -> MeasurementSetSolve {
        var solve = MeasurementSetSolve()
        solve.solver.threads = threads
        solve.solver.solvesDelay = parameters.flag("solve_delay")
        solve.solver.takesPhaseFirst = parameters.flag("prebandpass_phase")
        let interval = parameters.text("gain_solint") ?? "int"
        guard let solutionInterval = SolutionInterval(interval) else {
            throw Refusal(
                "config.gain_solint", why: "\"\(interval)\" is not an interval",
                remedy: "use \"int\", \"inf\" or a time such as \"60s\"", exit: .badData)
        }
        solve.solver.gainInterval = solutionInterval
        solve.solver.gainMode = parameters.text("gain_mode") == "p" ? .phase : .amplitudeAndPhase
        solve.solver.combinesWindows = parameters.text("gain_combine") != "none"
        solve.solver.minimumSNR = Float(parameters.double("minsnr") ?? 3)
        solve.channelBin = parameters.flag("fast_mode") ? parameters.int("fast_mode_channels") ?? 4 : 1
        let (low, high) = (parameters.double("uv_min") ?? 0, parameters.double("uv_max") ?? 1e9)
        guard low < high else {
            throw Refusal(
                "config.uv_min", why: "it is not below uv_max", remedy: "widen the uv range", exit: .badData)
        }
        solve.uvRange = low...high
        solve.pointing = parameters.text("pointing").flatMap(MeasurementSetSolve.Pointing.init) ?? .meridian
        solve.minimumModelFlux = parameters.double("model_flux_min") ?? 1e-3
        solve.maximumFlaggedFraction = parameters.double("flagged_fraction_max") ?? 0.25
        solve.referenceNames = (parameters.text("refant") ?? "").split(separator: ",").map {
            $0.filter { !$0.isWhitespace }
        }
        return solve
    }
}
