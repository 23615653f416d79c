import Absurd

/// A catalogue of the pointing's strip of declination, ready for the stages that need one.
public enum CatalogSetupDeclaration {
    public static let declaration = StageDeclaration(
        "catalog-setup", cores: 1, memoryBytes: 2 << 30, timeoutSeconds: 300,
        schema: StageSchema(
            summary: "Extracts the pointing's declination strip from catalogue files; downloads nothing.",
            needs: [
                Parameter("input_path", .path, "A UVH5 file of the observation, or the directory that holds its files.")
            ],
            options: [
                Parameter(
                    "catalogue", .json, optional: true,
                    "Path of a catalogue (CSV), or a list of paths; the first is the one used as sky model."),
                Parameter(
                    "catalogue_directory", .path, optional: true,
                    "Directory of catalogues; otherwise that of $ABSURD_CATALOGUE_DIR."),
                Parameter(
                    "half_width", .number(0.1...90), default: 6, unit: "degrees",
                    "The strip reaches this far from the pointing's declination."),
                Parameter(
                    "flux_min", .number(0...1e6), default: 0, unit: "Jy", "Fainter sources are left out."),
                Parameter(
                    "declination", .number(-90...90), optional: true, unit: "degrees",
                    "The pointing's declination, instead of the one in the observation."),
            ],
            gives: ["catalog_setup_status", "catalogue_path", "catalogue_paths"]))
}
