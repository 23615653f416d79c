import Absurd

/// Detected sources against catalogues.
public enum CrossmatchDeclaration {
    public static let declaration = StageDeclaration(
        "crossmatch", cores: 1, memoryBytes: 4 << 30, timeoutSeconds: 600,
        schema: StageSchema(
            summary: "Matches sources with catalogues: offsets, flux scale, duplicates, spectral indices.",
            needs: [
                Parameter(
                    "detected_sources", .path, optional: true, "Source table (CSV), as validation writes it."),
                Parameter(
                    "image_path", .path, optional: true, "An image to find sources in, where there is no table."),
                Parameter("catalogue_path", .path, optional: true, "Catalogue (CSV) to match with."),
                Parameter(
                    "catalogue_paths", .json, optional: true, "Several catalogues: an object, name -> path of a CSV."),
            ],
            options: [
                Parameter(
                    "catalogue", .json, optional: true,
                    "Path of a catalogue or a list of paths, instead of the ones handed on."),
                Parameter("radius", .number(0.1...600), default: 10, unit: "arcsec", "Farthest match."),
                Parameter(
                    "duplicate_radius", .number(0...60), default: 2, unit: "arcsec",
                    "Sources nearer than this to a brighter one are its duplicates."),
                Parameter("detection_sigma", .number(3...1000), default: 5, unit: "sigma", "Least peak of a source."),
            ],
            gives: ["crossmatch_results"]))
}
