import Absurd

/// Fluxes at given positions.
public enum PhotometryDeclaration {
    public static let declaration = StageDeclaration(
        "photometry", cores: 1, memoryBytes: 4 << 30, timeoutSeconds: 600,
        schema: schema("Measures the flux at each given position: weighted by the beam, noise from a ring around it."))

    public static let batchDeclaration = StageDeclaration(
        "photometry-batch", cores: 1, memoryBytes: 4 << 30, timeoutSeconds: 600,
        schema: schema("Measures many positions in one or several images; each image is read once."))

    private static func schema(_ summary: String) -> StageSchema {
        StageSchema(
            summary: summary,
            needs: [
                Parameter("image_path", .path, optional: true, "A restored FITS image in Jy/beam."),
                Parameter(
                    "images", .json, optional: true, "Several images: a list of paths, instead of image_path."),
                Parameter("ms_path", .path, optional: true, "Not measured itself: image it first."),
                Parameter(
                    "sources", .json, optional: true,
                    "Positions: a list of {name, ra_deg, dec_deg} (degrees, ICRS), or the path of a CSV."),
                Parameter(
                    "detected_sources", .path, optional: true, "Used where no sources are given: a source table."),
                Parameter("catalogue_path", .path, optional: true, "Used where there is no source table either."),
            ],
            options: [
                Parameter("annulus_inner", .number(1...1000), default: 12, unit: "pixels", "Inner radius of the ring."),
                Parameter("annulus_outer", .number(2...1000), default: 20, unit: "pixels", "Outer radius of the ring."),
                Parameter("clip_sigma", .number(1...10), default: 3, unit: "sigma", "Clipping of the ring's values."),
                Parameter(
                    "primary_beam_min", .number(0.01...1), default: 0.1,
                    "Positions where the beam's gain is below this are left out."),
            ],
            gives: ["photometry_results"])
    }
}
