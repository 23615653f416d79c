import Absurd
import AbsurdPipeline
import AbsurdRadio
import Glibc

/// `convert-uvh5-to-ms`: sub-bands in, one Measurement Set for each observation out.
public struct ConvertStage: Stage {
    public static let declaration = ConvertSchema.declaration

    public init() {}

    public func run(_ parameters: StageParameters, in context: any StageContext) throws -> StageResult {
        let options = try Self.options(parameters, cpuCount: context.cpuCount)
        let input = parameters.text("input_path")!
        let files = try InputFiles(
            path: input, start: try Self.time(parameters, "start_time"), end: try Self.time(parameters, "end_time"),
            tolerance: parameters.double("group_tolerance_sec")!)

        var paths: [JSONValue] = []
        var messages: [String] = []
        var warnings: [String] = []
        var refusals: [Refusal] = []
        for (index, group) in files.groups.enumerated() {
            let share = 1.0 / Double(files.groups.count)
            let unreadable = index == 0 ? files.unreadable : []
            do {
                let (path, report) = try Self.convert(
                    group, unreadable: unreadable, options, parameters, context
                ) { fraction, message in
                    context.progress(share * (Double(index) + fraction), message)
                }
                paths.append(.string(path))
                let flagged = (report.flaggedFraction * 1000).rounded() / 10
                messages.append(
                    "\(group.stamp): \(report.rows) rows, \(report.windows) spectral windows, "
                        + "\(report.fields) field(s), \(flagged) % flagged")
                warnings += report.warnings
            } catch let refusal as Refusal where refusal.exit == .badData {
                refusals.append(refusal)
            }
        }
        guard let first = paths.first else { throw refusals[0] }
        return StageResult(
            outputs: ["ms_path": first, "ms_paths": .array(paths)], message: messages.joined(separator: "; "),
            warnings: warnings + refusals.map(\.description))
    }

    private static func options(_ parameters: StageParameters, cpuCount: Int) throws -> ConversionOptions {
        var options = ConversionOptions()
        options.phaseCentre = parameters.text("phase_center") == "per-integration" ? .perIntegration : .common
        options.expectedSubbands = parameters.int("expected_subbands")!
        options.minimumSubbands = parameters.int("minimum_subbands")!
        options.flagsMissing = parameters.text("missing_subbands") == "flag"
        let asked = parameters.int("max_workers")!
        options.workers = asked == 0 ? cpuCount : min(asked, cpuCount)
        return options
    }

    private static func time(_ parameters: StageParameters, _ name: String) throws -> Double? {
        guard let text = parameters.text(name) else { return nil }
        guard let time = CivilTime.modifiedJulianSeconds(text) else {
            throw Refusal(
                "task convert-uvh5-to-ms", why: "inputs.\(name) is \"\(text)\", no time",
                remedy: "write YYYY-MM-DDTHH:MM:SS, UTC", exit: .badData)
        }
        return time
    }

    /// - Returns: where readers will find the Measurement Set, and what was done.
    private static func convert(
        _ group: ObservationGroup, unreadable: [String], _ options: ConversionOptions, _ parameters: StageParameters,
        _ context: any StageContext, progress: @Sendable (Double, String) -> Void
    ) throws -> (String, ConversionReport) {
        progress(0, "\(group.stamp): reading \(group.candidates.count) headers")
        var subbands: [Subband] = []
        var refused = unreadable
        for candidate in group.candidates {
            do {
                var subband = try Subband(candidate, bytes: InputFiles.bytes(of: candidate.path))
                // One copy of what the sub-bands have in common.
                if let first = subbands.first, first.rows == subband.rows { subband.rows = first.rows }
                subbands.append(subband)
            } catch let refusal as Refusal {
                refused.append("left out: \(refusal)")
            }
        }
        let selection = try SubbandSelection(subbands, unreadable: refused, options: options, name: group.stamp)
        let conversion = try GroupConversion(selection, options: options)
        let name = "\(group.stamp).ms"
        let path = context.writingPath(name)
        try requireSpace(conversion.outputBytes, for: path)
        let scratch = parameters.flag("stage_to_tmpfs") ? context.scratchDirectory : nil
        let staging = Staging(
            finalPath: path, scratch: scratch, inputBytes: selection.subbands.reduce(0) { $0 + $1.bytes })
        let report = try staging.write { path in
            try conversion.write(to: path) { fraction in
                let percent = Int(fraction * 100)
                progress(fraction, "\(group.stamp): \(percent) % of \(conversion.rowCount) rows")
            }
        }
        for warning in report.warnings { context.log("warning: \(warning)") }
        return (context.finalPath(name), report)
    }

    /// Refuses before an hour of work where there clearly is no room.
    private static func requireSpace(_ bytes: Int, for path: String) throws {
        let directory = path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
        guard let free = Staging.freeBytes(directory), free < bytes else { return }
        throw Refusal(
            "Measurement Set \(path)", why: "it needs \(bytes >> 20) MiB and \(free >> 20) MiB are free",
            remedy: "free space and retry", exit: .cannotCreate)
    }
}
