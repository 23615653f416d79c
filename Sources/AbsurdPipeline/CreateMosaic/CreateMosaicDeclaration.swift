import Absurd

/// Several images of neighbouring fields as one.
public enum CreateMosaicDeclaration {
    public static let declaration = StageDeclaration(
        "create-mosaic", cores: 1, memoryBytes: 8 << 30, timeoutSeconds: 3600,
        schema: StageSchema(
            summary: "Averages images on one grid, weighted by primary beam and noise; fluxes become intrinsic.",
            needs: [Parameter("images", .json, "A list of paths of restored FITS images with equal pixels and beams.")],
            options: [
                Parameter(
                    "primary_beam_limit", .number(0.01...1), default: 0.2,
                    "Pixels where an image's primary beam is below this take no part."),
                Parameter(
                    "beam_tolerance", .number(0...10), default: 0.2,
                    "Largest difference of the beams' widths from the first one's, as a part of it."),
                Parameter(
                    "imsize_max", .integer(64...32768), default: 16384, unit: "pixels", "Widest mosaic allowed."),
            ],
            gives: ["mosaic_path", "mosaic_noise_path", "preview_path"]))
}
