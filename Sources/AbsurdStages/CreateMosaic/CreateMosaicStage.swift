import Absurd
import AbsurdPipeline
import AbsurdRadio

/// Reads the images one after the other and averages them on one grid.
public struct CreateMosaicStage: Stage {
    public static let declaration = CreateMosaicDeclaration.declaration

    public init() {}

    public func run(_ parameters: StageParameters, in context: any StageContext) throws -> StageResult {
        let listed = parameters.value("images")?.items ?? []
        let paths = listed.compactMap(\.text)
        guard !paths.isEmpty, paths.count == listed.count else {
            throw Refusal(
                "task create-mosaic", why: "inputs.images is not a list of paths", remedy: "give FITS images",
                exit: .badData)
        }
        let shapes = try paths.map { path in
            let image = try FITSImage(path: path)
            return (header: image.header, width: image.width, height: image.height)
        }
        try checkBeams(shapes.map(\.header), paths, tolerance: parameters.double("beam_tolerance") ?? 0.2)
        var mosaic = try Mosaic.grid(around: shapes, sideMax: parameters.int("imsize_max") ?? 16384)
        for (index, path) in paths.enumerated() {
            context.progress(Double(index) / Double(paths.count), "adding \(path)")
            let image = try FITSImage(path: path)
            try image.requireFinitePixels("image \(path)")
            let rms = RobustStatistics.clipped(image.pixels, sigma: 3)?.deviation ?? 0
            try mosaic.add(
                image, rms: rms, gainLimit: parameters.double("primary_beam_limit") ?? 0.2, name: "image \(path)")
        }
        context.progress(0.95, "writing the mosaic")
        var image = mosaic.image()
        try image.requireFinitePixels("mosaic")
        image.header.addHistory("Absurd task \(context.taskID) attempt \(context.attempt): mosaic")
        for path in paths { image.header.addHistory("of \(path)") }
        try image.write(to: context.writingPath("mosaic.fits"))
        try mosaic.noise().write(to: context.writingPath("mosaic.noise.fits"))
        let rms = RobustStatistics.clipped(image.pixels, sigma: 3)?.deviation
        try Preview().draw(image, title: "Mosaic of \(paths.count) images", rms: rms)
            .writePNG(to: context.writingPath("mosaic.png"))
        return StageResult(
            outputs: [
                "mosaic_path": .string(context.finalPath("mosaic.fits")),
                "mosaic_noise_path": .string(context.finalPath("mosaic.noise.fits")),
                "preview_path": .string(context.finalPath("mosaic.png")),
            ], message: "\(image.width) x \(image.height) pixels from \(paths.count) images")
    }

    /// Jy/beam of different beams must not be averaged.
    private func checkBeams(_ headers: [FITSHeader], _ paths: [String], tolerance: Double) throws {
        for (header, path) in zip(headers, paths) {
            for keyword in ["BMAJ", "BMIN"] {
                guard let value = header.double(keyword), let first = headers[0].double(keyword), value > 0 else {
                    throw Refusal(
                        "image \(path)", why: "it has no \(keyword)", remedy: "give restored images", exit: .badData)
                }
                if abs(value / first - 1) > tolerance {
                    throw Refusal(
                        "image \(path)", why: "its \(keyword) differs from the first image's by more than \(tolerance)",
                        remedy: "image all fields with one beam (wsclean_options beam-size)", exit: .badData)
                }
            }
        }
    }
}
