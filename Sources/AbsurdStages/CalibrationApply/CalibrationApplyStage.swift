import Absurd
import AbsurdPipeline
import AbsurdRadio

/// Applies calibration tables to a Measurement Set in place.
public struct CalibrationApplyStage: Stage {
    public static let declaration = CalibrationApplyDeclaration.declaration

    public init() {}

    public func run(_ parameters: StageParameters, in context: any StageContext) throws -> StageResult {
        let path = parameters.text("ms_path")!
        let set = try MeasurementSet(opening: path, writable: true)
        let paths = try Self.chosenTables(parameters, set: set)
        let tables = try paths.map { try CalibrationTable(reading: $0) }
        var correction = MeasurementSetCorrection()
        correction.threads = context.cpuCount
        correction.calibratesWeights = parameters.flag("calwt")
        let outcome = try correction.run(set, tables: tables) { context.progress($0, $1) }
        try set.addHistory(
            application: "absurd calibration-apply",
            message: "task \(context.taskID) attempt \(context.attempt): CORRECTED_DATA = DATA / gains of "
                + paths.joined(separator: ", ") + (correction.calibratesWeights ? "; weights scaled" : ""),
            time: set.timeRange.1)
        try set.close()
        var warnings: [String] = []
        if outcome.uncoveredWindows > 0 {
            warnings.append("\(outcome.uncoveredWindows) spectral windows have no solution and were flagged")
        }
        let fraction = Double(outcome.newlyFlagged) / Double(max(1, outcome.samples))
        return StageResult(
            outputs: [
                "ms_path": .string(path),
                "calibration_applied": [
                    "tables": .array(paths.map(JSONValue.string)), "rows": .integer(Int64(outcome.rows)),
                    "newly_flagged_fraction": .number(fraction),
                ],
            ],
            message: "\(outcome.rows) rows corrected by \(tables.map(\.kind.letter).joined(separator: ", "))",
            warnings: warnings)
    }

    /// The tables given, else the nearest in time that the registry has.
    private static func chosenTables(_ parameters: StageParameters, set: MeasurementSet) throws -> [String] {
        guard parameters.value("caltables")?.isNull ?? true, let directory = parameters.text("registry") else {
            return try tablePaths(parameters.value("caltables") ?? .null)
        }
        let frequencies = set.windows.flatMap(\.frequencies)
        let entry = try SolutionRegistry(directory: directory).nearest(
            to: (set.timeRange.0 + set.timeRange.1) / 2,
            band: (frequencies.min() ?? 0)...(frequencies.max() ?? 0),
            reach: (parameters.double("registry_reach") ?? 12) * 3600)
        return try tablePaths(.object(entry.caltables.mapValues(JSONValue.string)))
    }

    /// - Throws: `Refusal` (bad data) unless `value` is an object or a list of paths.
    static func tablePaths(_ value: JSONValue) throws -> [String] {
        let items: [JSONValue]
        switch value {
        case .object(let members):
            // K, then B, then G, then others by name: products commute, but results should not depend on chance.
            let order = ["K", "B", "G"]
            items = members.sorted {
                (order.firstIndex(of: $0.key) ?? 3, $0.key) < (order.firstIndex(of: $1.key) ?? 3, $1.key)
            }.map(\.value)
        case .array(let list): items = list
        case .string: items = [value]
        default: items = []
        }
        let paths = items.compactMap(\.text).filter { !$0.isEmpty }
        guard !paths.isEmpty, paths.count == items.count else {
            throw Refusal(
                "caltables", why: "it names no tables, or something in it is not a path",
                remedy: #"pass {"K": path, "B": path, "G": path}"#, exit: .badData)
        }
        return paths
    }
}
