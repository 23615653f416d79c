import Absurd
import AbsurdPipeline
import AbsurdRadio
import Glibc

/// Runs WSClean as a child, or the native backend here, and turns what it leaves into the stage's products.
public struct ImagingStage: Stage {
    public static let declaration = ImagingDeclaration.declaration

    public init() {}

    public func run(_ parameters: StageParameters, in context: any StageContext) throws -> StageResult {
        let extra = try WSCleanOption.arguments(
            parameters.value("wsclean_options") ?? .object([:]), task: Self.declaration.name)
        try checkThresholds(parameters)
        context.progress(0, "reading the measurement set")
        let input = try ImagingInput(
            reading: parameters.text("ms_path")!, dataColumn: parameters.text("data_column") ?? "auto")
        let plan = try ImagingPlan(
            longestBaseline: min(input.longestBaseline, parameters.double("uv_max") ?? .infinity),
            parameters: parameters, task: Self.declaration.name)
        var command = command(parameters, input, plan, extra, context)
        if parameters.text("backend") == "native" {
            let report = try NativeImaging(command: command, input: input, plan: plan, context: context).run()
            context.progress(0.97, "writing the products")
            let products = ImagingProducts(command: command, input: input, parameters: parameters, context: context)
            return try products.finish(report, plan: plan)
        }
        let version = try WSCleanVersion.installed(program: "wsclean")
        let scratch = try scratchDirectory(for: input, context)
        command.temporaryDirectory = scratch
        defer { rmdir(scratch) }
        context.log(
            "imaging \(plan.side) x \(plan.side) pixels of \(plan.cellArcseconds) arcsec, \(input.dataColumn), "
                + "reordering in \(scratch)")
        let output = try clean(command, version, context)
        context.progress(0.97, "writing the products")
        let products = ImagingProducts(command: command, input: input, parameters: parameters, context: context)
        let report = ImagerReport(
            name: "WSClean", version: version.description, majorIterations: output.majorIterations,
            iterations: output.iterations, isThresholdReached: output.isThresholdReached)
        return try products.finish(report, plan: plan)
    }

    /// WSClean refuses this only after it has reordered the data, and a retry can't mend it.
    private func checkThresholds(_ parameters: StageParameters) throws {
        guard let mask = parameters.double("auto_mask"), let threshold = parameters.double("auto_threshold"),
            threshold >= mask
        else { return }
        throw Refusal(
            "task \(Self.declaration.name)", why: "config.auto_threshold \(threshold) is not below auto_mask \(mask)",
            remedy: "CLEAN goes from the mask's level down to the threshold's: give a lower threshold", exit: .badData)
    }

    private func command(
        _ parameters: StageParameters, _ input: ImagingInput, _ plan: ImagingPlan, _ extra: [String],
        _ context: any StageContext
    ) -> WSCleanCommand {
        let available = Double(max(context.memoryBytes, 1 << 28)) / 1e9
        var command = WSCleanCommand(
            measurementSet: input.path, prefix: context.writingPath("absurd"), temporaryDirectory: "",
            imageSide: plan.side, cellArcseconds: plan.cellArcseconds, iterations: plan.iterations,
            dataColumn: input.dataColumn, threads: min(parameters.int("threads") ?? .max, context.cpuCount),
            memoryGigabytes: (min(parameters.double("memory_gb") ?? .infinity, available) * 100).rounded() / 100)
        command.channels = min(plan.channels, input.channelCount)
        command.gain = parameters.double("gain") ?? command.gain
        command.majorGain = parameters.double("mgain") ?? command.majorGain
        command.autoMask = parameters.double("auto_mask") ?? command.autoMask
        command.autoThreshold = parameters.double("auto_threshold") ?? command.autoThreshold
        command.weighting = parameters.text("weighting") ?? command.weighting
        command.robust = parameters.double("robust") ?? command.robust
        command.gridder = parameters.text("gridder").flatMap(WSCleanCommand.Gridder.init) ?? command.gridder
        command.uvMin = parameters.double("uv_min") ?? 0
        command.uvMax = parameters.double("uv_max")
        command.extraWords = extra
        return command
    }

    /// A directory of its own for the reordered visibilities: on the scratch file system when they fit twice.
    private func scratchDirectory(for input: ImagingInput, _ context: any StageContext) throws -> String {
        // Complex value, weight and model of one polarisation, and some meta data.
        let needed = UInt64(input.visibilityCount) * 24 + 1 << 20
        if let fast = context.scratchDirectory, freeBytes(fast) > 2 * needed, makeDirectory(fast + "/reordered") {
            return fast + "/reordered"
        }
        let here = context.writingPath("reordered")
        guard freeBytes(context.writingPath("")) > needed else {
            throw Refusal(
                "task imaging", why: "no room for \(needed >> 20) MiB of reordered visibilities",
                remedy: "free space under the work directory", exit: .tryAgain)
        }
        guard makeDirectory(here) else {
            throw Refusal(
                here, why: "can't be made: \(String(cString: strerror(errno)))",
                remedy: "check the disk and its permissions", exit: .cannotCreate)
        }
        return here
    }

    private func makeDirectory(_ path: String) -> Bool { mkdir(path, 0o755) == 0 || errno == EEXIST }

    private func freeBytes(_ path: String) -> UInt64 {
        var space = statvfs()
        return statvfs(path, &space) == 0 ? UInt64(space.f_bavail) * UInt64(space.f_frsize) : 0
    }

    private func clean(
        _ command: WSCleanCommand, _ version: WSCleanVersion, _ context: any StageContext
    ) throws -> WSCleanOutput {
        var child = ChildProcess(command.arguments(for: version))
        context.log(child.arguments.joined(separator: " "))
        // WSClean stops when a BLAS of several threads would fight with its own.
        child.environment = ["OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "\(command.threads)"]
        var output = WSCleanOutput(autoThreshold: command.autoThreshold)
        let ending = try child.run { line in
            context.log(line)
            if output.take(line) { context.progress(output.fraction, output.message) }
        }
        switch ending {
        case .exited(0):
            return output
        case .exited(let code):
            // WSClean passes on CFITSIO's words for a full disk, which do not say so.
            let directory = context.writingPath("")
            if freeBytes(directory) < Limits.freeDiskBytesMin {
                throw WSCleanFailure("the disk of \(directory) is full; make room on it (wsclean ended with \(code))")
            }
            throw WSCleanFailure("wsclean ended with \(code): \(output.lastError ?? "no reason given")")
        case .killed(let signal):
            let hint = signal == SIGKILL ? ", as the kernel does when memory is short" : ""
            throw WSCleanFailure("wsclean was killed by signal \(signal)\(hint) while \(output.message)")
        case .timedOut:
            throw WSCleanFailure("wsclean ran out of time while \(output.message)")
        }
    }
}

/// WSClean did not end well; another attempt may.
struct WSCleanFailure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}
