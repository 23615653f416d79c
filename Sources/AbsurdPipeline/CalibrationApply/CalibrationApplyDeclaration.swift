import Absurd

/// Calibrated visibilities.
public enum CalibrationApplyDeclaration {
    public static let declaration = StageDeclaration(
        "calibration-apply", cores: 0, memoryBytes: 1 << 30, timeoutSeconds: 600,
        schema: StageSchema(
            summary: "Divides the visibilities by the gains of calibration tables into CORRECTED_DATA.",
            needs: [
                Parameter("ms_path", .path, "The Measurement Set to correct, in place; DATA stays as it is."),
                Parameter(
                    "caltables", .json,
                    "The tables as an object of kind to path, {\"K\": ..., \"B\": ..., \"G\": ...}, or a list of paths."
                ),
            ],
            options: [
                Parameter(
                    "calwt", .flag, default: false,
                    "Scales the weights by the gains too, so that they stand for the corrected data's noise.")
            ],
            gives: ["ms_path", "calibration_applied"]))
}
