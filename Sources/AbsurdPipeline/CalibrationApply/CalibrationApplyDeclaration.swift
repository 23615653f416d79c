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
                    "caltables", .json, optional: true,
                    "The tables, {\"K\": path, \"B\": path, \"G\": path} or a list of paths; or config.registry."),
            ],
            options: [
                Parameter(
                    "registry", .path, optional: true,
                    "Where no caltables are given: the directory of solutions from which the nearest in time is taken."),
                Parameter(
                    "registry_reach", .number(0...8784), default: 12, unit: "hours",
                    "A solution further away in time is not valid."),
                Parameter(
                    "calwt", .flag, default: false,
                    "Scales the weights by the gains too, so that they stand for the corrected data's noise."),
            ],
            gives: ["ms_path", "calibration_applied"]))
}
