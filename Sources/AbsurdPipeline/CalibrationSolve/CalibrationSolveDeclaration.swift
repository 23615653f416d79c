import Absurd

/// Antenna gains of an observation, solved against the sky.
public enum CalibrationSolveDeclaration {
    public static let declaration = StageDeclaration(
        "calibration-solve", cores: 0, memoryBytes: 2 << 30, timeoutSeconds: 1800,
        schema: StageSchema(
            summary: "Solves delays, bandpass and gains against a sky model and writes CASA calibration tables.",
            needs: [
                Parameter("ms_path", .path, "The Measurement Set to calibrate; its flags are added to."),
                Parameter(
                    "catalogue_path", .path, optional: true,
                    "A catalogue of the field (CSV), used as sky model where config names neither it nor a calibrator."),
            ],
            options: sky + solving + flagging + [
                Parameter(
                    "registry", .path, optional: true,
                    "A directory in which the solution is entered, for calibration-apply to find by time."),
                Parameter("plots", .flag, default: true, "Draws bandpass and gains of all antennas as SVG."),
                Parameter(
                    "truth", .path, optional: true,
                    "truth/gains.json of a simulated observation: the quality then says how far the gains are off."),
            ],
            gives: ["caltables", "calibration_quality", "calibration_plots"]))

    private static let sky = [
        Parameter(
            "calibrator", .text, optional: true,
            "A VLA calibrator's name, or \"ra,dec\" in ICRS degrees of one; the only source of the sky model."),
        Parameter("catalogue", .path, optional: true, "A catalogue of the field (CSV), used as the sky model."),
        Parameter(
            "model_flux_min", .number(0...1e6), default: 0.001, unit: "Jy",
            "Sources fainter than this through the primary beam are left out of the model."),
        Parameter(
            "pointing", .choice(["meridian", "phase-centre"]), default: "meridian",
            "Where the dishes point while the data have one phase centre: the sky drifts through, or is tracked."),
    ]

    private static let solving = [
        Parameter("fast_mode", .flag, default: false, "Averages channels before solving."),
        Parameter(
            "fast_mode_channels", .integer(2...64), default: 4, "How many channels fast mode averages into one."),
        Parameter("solve_delay", .flag, default: true, "Splits a delay over the full band off the bandpass (K)."),
        Parameter(
            "prebandpass_phase", .flag, default: true,
            "Takes each integration's phases out before the bandpass is averaged over time."),
        Parameter(
            "gain_solint", .text, default: "int", "How long a gain holds: \"int\", \"inf\" or a time such as \"60s\"."),
        Parameter(
            "gain_mode", .choice(["p", "ap"]), default: "ap", "Gains of phase only, or of amplitude and phase."),
        Parameter(
            "gain_combine", .choice(["spw", "none"]), default: "spw",
            "One gain for all spectral windows, or one for each."),
        Parameter(
            "refant", .text, default: "103",
            "Reference antennas by name, in order, separated by commas; then the outermost with data."),
        Parameter("minsnr", .number(0...1e6), default: 3, "Solutions with less signal-to-noise are flagged."),
        Parameter(
            "uv_min", .number(0...1e9), default: 0, unit: "wavelengths", "Shorter baselines are not used."),
        Parameter(
            "uv_max", .number(0...1e9), default: 1e9, unit: "wavelengths", "Longer baselines are not used."),
    ]

    private static let flagging = [
        Parameter(
            "flag_rfi", .choice(["auto", "on", "off"]), default: "auto",
            "Runs AOFlagger first: always, never, or where it is installed and a window has 16 channels or more."),
        Parameter(
            "rfi_strategy", .path, optional: true, "AOFlagger's strategy file (Lua); its default otherwise."),
        Parameter(
            "flagged_fraction_max", .number(0...1), default: 0.25,
            "More flagged than this fails the task."),
    ]
}
