import Absurd
import AbsurdPipeline
import AbsurdRadio

/// The imaging stage's own backend: w-gridder, CLEAN, beam fit and restoring in this process.
///
/// It leaves the files that WSClean would leave, under the same names, for `ImagingProducts` to finish.
struct NativeImaging {
    /// Relative to the dirty image (L2): 3e-7 of the peak in a field that a calibrator dominates.
    static let accuracy = 1e-5
    static let software = "Absurd"

    var command: WSCleanCommand
    var input: ImagingInput
    var plan: ImagingPlan
    var context: any StageContext

    func run() throws -> ImagerReport {
        guard command.extraWords.isEmpty else {
            throw Refusal(
                "task imaging", why: "config.wsclean_options mean nothing to the native backend",
                remedy: "leave them out or set config.backend to wsclean", exit: .badData)
        }
        let geometry = WGridder.Geometry(
            side: plan.side, cell: plan.cellArcseconds / 3600 * .pi / 180, accuracy: Self.accuracy,
            threads: max(1, command.threads))
        let visibilities = try load(geometry)
        context.progress(0.08, "weighing and sorting \(visibilities.goodCount) visibilities")
        let gridder = try WGridder(
            visibilities, geometry: geometry, weighting: weighting,
            uvRange: command.uvMin...(command.uvMax ?? .infinity))
        context.log(
            "imaging \(plan.side) x \(plan.side) pixels of \(plan.cellArcseconds) arcsec, \(input.dataColumn), "
                + "\(visibilities.goodCount) visibilities: \(gridder.summary)")
        let result = try CottonSchwab(settings).run(gridder) { fraction, message in
            context.progress(fraction, message)
        }
        try write(result, visibilities)
        return ImagerReport(
            name: Self.software, version: "w-gridder \(Self.accuracy)", majorIterations: result.majorIterations,
            iterations: result.iterations, isThresholdReached: result.isThresholdReached)
    }

    private func load(_ geometry: WGridder.Geometry) throws -> ImagingVisibilities {
        let set = try MeasurementSet(opening: input.path)
        defer { try? set.close() }
        let channels = set.windows.first?.frequencies.count ?? 0
        let needed = Self.bytes(rows: set.rowCount, channels: channels, geometry: geometry)
        guard Double(needed) <= command.memoryGigabytes * 1e9 else {
            throw Refusal(
                "task imaging",
                why: "the native backend needs \(needed >> 20) MiB for \(input.path), "
                    + "more than the \(command.memoryGigabytes) GB it may use",
                remedy: "give more memory, a larger config.cell, or set config.backend to wsclean", exit: .badData)
        }
        return try ImagingVisibilities(reading: set, dataColumn: input.dataColumn, threads: geometry.threads)
    }

    /// Visibilities, what the gridder knows of rows and runs of channels, its planes, and ten images.
    static func bytes(rows: Int, channels: Int, geometry: WGridder.Geometry) -> Int {
        let runs = rows * channels / 8 * 16 + rows * 64
        return ImagingVisibilities.bytes(rows: rows, channels: channels) + runs + geometry.bytes
            + geometry.side * geometry.side * 40
    }

    private var weighting: WGridder.Weighting {
        switch command.weighting {
        case "natural": .natural
        case "uniform": .uniform
        default: .briggs(command.robust)
        }
    }

    private var settings: CottonSchwab.Settings {
        var settings = CottonSchwab.Settings()
        settings.iterations = command.iterations
        settings.gain = command.gain
        settings.majorGain = command.majorGain
        settings.maskSigma = command.autoMask
        settings.thresholdSigma = command.autoThreshold
        return settings
    }

    private func write(_ result: CottonSchwab.Result, _ visibilities: ImagingVisibilities) throws {
        let isClean = command.iterations > 0
        let kinds: [(String, [Float], String)] =
            isClean
            ? [
                ("image", result.image, "Jy/beam"), ("residual", result.residual, "Jy/beam"),
                ("model", result.model, "Jy/pixel"), ("psf", result.pointSpread, "Jy/beam"),
            ] : [("dirty", result.dirty, "Jy/beam"), ("psf", result.pointSpread, "Jy/beam")]
        for (kind, pixels, unit) in kinds {
            let header = FITSHeader(
                of: visibilities, side: plan.side, cell: plan.cellArcseconds / 3600 * .pi / 180,
                beam: kind == "model" ? nil : result.beam, unit: unit, software: Self.software)
            try FITSImage(width: plan.side, height: plan.side, pixels: pixels, header: header)
                .write(to: command.product(kind))
        }
    }
}

/// What an imager says of its run, whichever it was.
struct ImagerReport: Sendable, Hashable {
    var name: String
    var version: String
    var majorIterations: Int
    var iterations: Int
    var isThresholdReached: Bool
}
