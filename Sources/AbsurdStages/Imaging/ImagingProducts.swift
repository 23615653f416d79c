import Absurd
import AbsurdPipeline
import AbsurdRadio
import Glibc

/// What the imaging stage leaves: the restored image with its provenance, the corrected one, the rest, the preview.
struct ImagingProducts {
    var command: WSCleanCommand
    var input: ImagingInput
    var parameters: StageParameters
    var context: any StageContext

    func finish(_ report: ImagerReport, plan: ImagingPlan) throws -> StageResult {
        let isClean = command.iterations > 0
        var image = try FITSImage(path: command.product(isClean ? "image" : "dirty"))
        try image.requireFinitePixels("image of \(input.path)")
        describe(&image, report)
        try image.write(to: context.writingPath("image.fits"))
        var paths: [String: JSONValue] = ["image": .string(context.finalPath("image.fits"))]
        if !parameters.flag("skip_fits_export") {
            for kind in ["residual", "model", "psf"] where rename(command.product(kind), kind) {
                paths[kind] = .string(context.finalPath(kind + ".fits"))
            }
        }
        var warnings: [String] = []
        if parameters.flag("primary_beam_correction") && !parameters.flag("skip_fits_export") {
            if let beam = input.primaryBeam {
                let limit = parameters.double("primary_beam_limit") ?? 0.1
                try image.dividedByPrimaryBeam(beam, limit: limit).write(to: context.writingPath("image.pbcor.fits"))
                paths["primary_beam_corrected"] = .string(context.finalPath("image.pbcor.fits"))
            } else {
                warnings.append("the primary beam is unknown (no dish diameter in the ANTENNA table): not corrected")
            }
        }
        removeLeftovers()
        let noise = RobustStatistics.clipped(image.pixels, sigma: 3)?.deviation ?? .nan
        let peak = Double(image.pixels.lazy.filter(\.isFinite).max() ?? .nan)
        let title = "\(image.header.text("DATE-OBS")?.prefix(19) ?? "")  Stokes \(stokes)"
        try Preview().draw(image, title: title, rms: noise).writePNG(to: context.writingPath("preview.png"))
        if isClean && !report.isThresholdReached {
            warnings.append("CLEAN stopped at its \(command.iterations) iterations, before its threshold")
        }
        let arcseconds = 180 / Double.pi * 3600
        let outputs: [String: JSONValue] = [
            "image_path": .string(context.finalPath("image.fits")),
            "image_paths": .object(paths),
            "preview_path": .string(context.finalPath("preview.png")),
            "beam": image.beam.map {
                [
                    "major_arcsec": .number($0.major * arcseconds), "minor_arcsec": .number($0.minor * arcseconds),
                    "position_angle_deg": .number($0.positionAngle * 180 / .pi),
                ]
            } ?? .null,
            "rms_jy": .number(noise), "peak_jy": .number(peak),
            "imaging_summary": [
                "imsize": .integer(Int64(plan.side)), "cell_arcsec": .number(plan.cellArcseconds),
                "data_column": .string(input.dataColumn), "imager": .string("\(report.name) \(report.version)"),
                "major_iterations": .integer(Int64(report.majorIterations)),
                "iterations": .integer(Int64(report.iterations)),
            ],
        ]
        let beamText = image.beam.map { "\(rounded($0.major * arcseconds))\" x \(rounded($0.minor * arcseconds))\"" }
        return StageResult(
            outputs: outputs,
            message: "\(plan.side) x \(plan.side) pixels of \(plan.cellArcseconds)\", beam \(beamText ?? "none"), "
                + "rms \(rounded(noise * 1e3)) mJy/beam, peak \(rounded(peak)) Jy/beam", warnings: warnings)
    }

    private var stokes: String {
        command.extraWords.firstIndex(of: "-pol").map { command.extraWords[$0 + 1] } ?? "I"
    }

    private func rounded(_ value: Double) -> Double {
        guard value.isFinite, value != 0 else { return value }
        let scale = pow(10, 2 - log10(abs(value)).rounded(.down))
        return (value * scale).rounded() / scale
    }

    /// Provenance and primary beam.
    private func describe(_ image: inout FITSImage, _ report: ImagerReport) {
        if let beam = input.primaryBeam { beam.describe(in: &image.header) }
        image.header.set("BUNIT", "Jy/beam")
        image.header.set("PBCOR", "NONE", "primary beam")
        image.header.addHistory("Absurd task \(context.taskID) attempt \(context.attempt): imaging of \(input.path)")
        let options = JSONValue.object(parameters.options).jsonText
        image.header.addHistory("Absurd options \(options)")
        image.header.addHistory("\(report.name) \(report.version)")
    }

    private func rename(_ from: String, _ kind: String) -> Bool {
        Glibc.rename(from, context.writingPath(kind + ".fits")) == 0
    }

    /// Whatever WSClean wrote that has not got a name of its own.
    private func removeLeftovers() {
        for kind in ["image", "dirty", "residual", "model", "psf"] { unlink(command.product(kind)) }
        guard command.isMultiFrequency else { return }
        for channel in 0..<command.channels {
            let number = String(repeating: "0", count: channel < 10 ? 3 : 2) + "\(channel)"
            for kind in ["image", "dirty", "residual", "model", "psf"] {
                unlink("\(command.prefix)-\(number)-\(kind).fits")
            }
        }
    }
}
