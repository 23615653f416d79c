import Absurd

/// A second, readable way to the products of a workflow: by date and kind.
public enum OrganizeFilesDeclaration {
    public static let declaration = StageDeclaration(
        "organize-files", cores: 1, memoryBytes: 256 << 20, timeoutSeconds: 600,
        schema: StageSchema(
            summary: "Links a workflow's products into a tree by date and kind; the products stay where they are.",
            needs: [
                Parameter("ms_path", .path, optional: true, "A Measurement Set."),
                Parameter("image_path", .path, optional: true, "An image."),
                Parameter("image_paths", .json, optional: true, "More images: an object, kind -> path."),
                Parameter("preview_path", .path, optional: true, "A picture."),
                Parameter("caltables", .json, optional: true, "Calibration tables: an object, kind -> path."),
                Parameter("detected_sources", .path, optional: true, "A source table."),
                Parameter("mosaic_path", .path, optional: true, "A mosaic."),
            ],
            options: [
                Parameter("directory", .path, "Root of the tree; made if it is not there."),
                Parameter("date", .text, optional: true, "YYYY-MM-DD, instead of the image's own DATE-OBS."),
            ],
            gives: ["organized_paths", "organized_directory"]))
}
