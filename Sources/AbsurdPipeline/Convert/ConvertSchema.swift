import Absurd

/// The declaration of `convert-uvh5-to-ms`.
public enum ConvertSchema {
    public static let declaration = StageDeclaration(
        "convert-uvh5-to-ms", cores: 0, memoryBytes: 512 << 20, timeoutSeconds: 900,
        schema: StageSchema(
            summary: "Groups UVH5 sub-bands by time and writes one Measurement Set a group.",
            needs: [
                Parameter("input_path", .path, "A directory of UVH5 files, or one file."),
                Parameter(
                    "start_time", .text, optional: true,
                    "Only groups from this time on: YYYY-MM-DDTHH:MM:SS, UTC."),
                Parameter(
                    "end_time", .text, optional: true, "Only groups up to this time: YYYY-MM-DDTHH:MM:SS, UTC."),
            ],
            options: [
                Parameter(
                    "writer", .choice(["auto", "parallel-subband"]), default: "parallel-subband",
                    "How sub-bands are written; auto is parallel-subband."),
                Parameter(
                    "max_workers", .integer(0...1024), default: 0,
                    "Threads that read and write; 0 takes all CPUs that the task was given, more are never used."),
                Parameter(
                    "stage_to_tmpfs", .flag, default: false,
                    "Write on tmpfs first, where more than twice the input's size is free, and copy once at the end."),
                Parameter(
                    "phase_center", .choice(["meridian", "per-integration"]), default: "meridian",
                    "One field at the meridian of the middle of the observation, or a field for each integration."),
                Parameter(
                    "expected_subbands", .integer(1...256), default: 16, "Sub-bands that make a group complete."),
                Parameter(
                    "minimum_subbands", .integer(1...256), default: 1,
                    "Fewer usable sub-bands than this are a failure."),
                Parameter(
                    "missing_subbands", .choice(["omit", "flag"]), default: "omit",
                    "A sub-band that is not there becomes a flagged spectral window, or none at all."),
                Parameter(
                    "group_tolerance_sec", .number(0...3600), default: 60, unit: "seconds",
                    "Files whose times differ by less belong to one group."),
            ],
            gives: ["ms_path", "ms_paths"]))
}
