import Absurd
import AbsurdPipeline
import AbsurdRadio

/// Forced photometry at given positions in one image.
public struct PhotometryStage: Stage {
    public static let declaration = PhotometryDeclaration.declaration

    public init() {}

    public func run(_ parameters: StageParameters, in context: any StageContext) throws -> StageResult {
        try ForcedPhotometryRun(task: Self.declaration.name, parameters: parameters, context: context).run()
    }
}

/// The same for many positions and several images.
public struct PhotometryBatchStage: Stage {
    public static let declaration = PhotometryDeclaration.batchDeclaration

    public init() {}

    public func run(_ parameters: StageParameters, in context: any StageContext) throws -> StageResult {
        try ForcedPhotometryRun(task: Self.declaration.name, parameters: parameters, context: context).run()
    }
}

/// Reads each image once and measures every position in it.
struct ForcedPhotometryRun {
    var task: String
    var parameters: StageParameters
    var context: any StageContext

    private struct Row {
        var image: String
        var position: PhotometryPosition
        var measured: ForcedPhotometry.Measurement
        var gain: Double

        var flux: Double { measured.flux / gain }
        var fluxError: Double { measured.fluxError / gain }

        var json: JSONValue {
            [
                "name": .string(position.name), "ra_deg": .number(position.ra), "dec_deg": .number(position.dec),
                "flux_jy": .number(flux), "flux_error_jy": .number(fluxError),
                "apparent_flux_jy": .number(measured.flux), "local_rms_jy": .number(measured.rms),
                "snr": .number(measured.signalToNoise), "primary_beam_gain": .number(gain),
            ]
        }

        var line: String {
            "\(CatalogueFile.quoted(position.name)),\(position.ra),\(position.dec),\(flux),\(fluxError),"
                + "\(measured.flux),\(measured.peak),\(measured.rms),\(measured.background),\(measured.signalToNoise),"
                + "\(gain),\(CatalogueFile.quoted(image))\n"
        }
    }

    func run() throws -> StageResult {
        let images = try imagePaths()
        var outside = 0
        var rows: [Row] = []
        var origin = ""
        for (index, path) in images.enumerated() {
            context.progress(Double(index) / Double(images.count), "measuring \(path)")
            let image = try FITSImage(path: path)
            let photometry = try configured(image, path)
            let positions = try PhotometryPosition.list(parameters, image: image, path: path, task: task)
            origin = positions.origin
            for position in positions.list {
                let gain = image.primaryBeamGain(ra: position.ra, dec: position.dec)
                guard gain >= parameters.double("primary_beam_min") ?? 0.1,
                    let measured = photometry.measure(ra: position.ra, dec: position.dec)
                else {
                    outside += 1
                    continue
                }
                rows.append(Row(image: path, position: position, measured: measured, gain: gain))
            }
        }
        return try result(rows, outside: outside, origin: origin, images: images)
    }

    private func configured(_ image: FITSImage, _ path: String) throws -> ForcedPhotometry {
        var photometry = try ForcedPhotometry(image, name: "image \(path)")
        photometry.annulusInner = parameters.double("annulus_inner") ?? photometry.annulusInner
        photometry.annulusOuter = parameters.double("annulus_outer") ?? photometry.annulusOuter
        photometry.clipSigma = parameters.double("clip_sigma") ?? photometry.clipSigma
        guard photometry.annulusOuter > photometry.annulusInner else {
            throw Refusal(
                "task \(task)", why: "the annulus ends at \(photometry.annulusOuter) pixels, before it starts",
                remedy: "set config.annulus_outer above config.annulus_inner", exit: .badData)
        }
        return photometry
    }

    private func imagePaths() throws -> [String] {
        if let value = parameters.value("images"), !value.isNull {
            let paths = value.items?.compactMap(\.text) ?? []
            guard !paths.isEmpty, paths.count == value.items?.count else {
                throw Refusal("task \(task)", why: "inputs.images is not a list of paths", remedy: "", exit: .badData)
            }
            return paths
        }
        if let path = parameters.text("image_path") { return [path] }
        throw Refusal(
            "task \(task)", why: "no image is given",
            remedy: parameters.text("ms_path") == nil ? "give inputs.image_path" : "run imaging on the ms_path first",
            exit: .badData)
    }

    private func result(_ rows: [Row], outside: Int, origin: String, images: [String]) throws -> StageResult {
        let header =
            "name,ra_deg,dec_deg,flux_jy,flux_error_jy,apparent_flux_jy,peak_jy_per_beam,local_rms_jy_per_beam,"
            + "local_mean_jy_per_beam,snr,primary_beam_gain,image\n"
        try TextFile.write(header + rows.map(\.line).joined(), to: context.writingPath("photometry.csv"))
        let shown = 200
        let detected = rows.count { $0.measured.signalToNoise >= 5 }
        var warnings: [String] = []
        if outside > 0 { warnings.append("\(outside) positions lie outside an image or its primary beam") }
        if rows.isEmpty { warnings.append("no position could be measured") }
        return StageResult(
            outputs: [
                "photometry_results": [
                    "measured": .integer(Int64(rows.count)), "outside": .integer(Int64(outside)),
                    "detected": .integer(Int64(detected)), "positions_from": .string(origin),
                    "images": .array(images.map(JSONValue.string)),
                    "table_path": .string(context.finalPath("photometry.csv")),
                    "sources": .array(rows.prefix(shown).map(\.json)),
                    "sources_are_complete": .bool(rows.count <= shown),
                ]
            ],
            message: "\(rows.count) positions measured, \(detected) above 5 sigma, positions from \(origin)",
            warnings: warnings)
    }
}
