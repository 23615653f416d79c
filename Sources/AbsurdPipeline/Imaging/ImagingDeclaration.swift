import Absurd

/// From a Measurement Set to an image of the sky, through WSClean.
public enum ImagingDeclaration {
    public static let declaration = StageDeclaration(
        "imaging", cores: 0, memoryBytes: 8 << 30, timeoutSeconds: 1800,
        schema: StageSchema(
            summary: "Images a Measurement Set with WSClean: FITS with beam and provenance, corrected FITS, PNG.",
            needs: [
                Parameter("ms_path", .path, "The Measurement Set; CORRECTED_DATA is imaged where it exists, else DATA.")
            ],
            options: geometry + deconvolution + output,
            gives: ["image_path", "image_paths", "preview_path", "beam", "rms_jy", "peak_jy", "imaging_summary"]))

    private static let geometry = [
        Parameter(
            "backend", .choice(["wsclean", "native"]), default: "wsclean",
            "What grids and cleans: the program WSClean, or the w-gridder and CLEAN of this one (faster; Stokes I only)."
        ),
        Parameter(
            "quality_tier", .choice(["development", "standard", "high_precision"]), default: "standard",
            "development: cells four times coarser and at most 300 iterations; high_precision: at least 2000."),
        Parameter(
            "imsize", .integer(64...32768), optional: true, unit: "pixels",
            "Side of the image; by default field_of_view over cell."),
        Parameter(
            "cell", .number(0.05...600), optional: true, unit: "arcsec",
            "Side of a pixel; by default (0.5 λ/u_max)/5 with the longest baseline u_max, or more, see imsize_max."),
        Parameter(
            "imsize_max", .integer(64...32768), default: 2048, unit: "pixels",
            "Where the default cell asks for a wider image, cells grow until it fits, to (0.5 λ/u_max)/1.25 at most: "
                + "core arrays have beams several times λ/u_max. Not in high_precision."),
        Parameter("field_of_view", .number(0.01...20), default: 3.5, unit: "degrees", "Side of the image on the sky."),
        Parameter(
            "gridder", .choice(["wgridder", "wstacking"]), default: "wstacking",
            "WSClean's gridder: the w-gridder is exact to 1e-4; w-stacking takes 0.4 of its time a major iteration, and "
                + "single peaks came out up to 2 % lower."),
        Parameter(
            "weighting", .choice(["briggs", "natural", "uniform"]), default: "briggs", "Weighting of the uv plane."),
        Parameter(
            "robust", .number(-2...2), default: 0, "Briggs robustness: -2 near uniform, 2 near natural weighting."),
        Parameter(
            "data_column", .choice(["auto", "DATA", "CORRECTED_DATA"]), default: "auto", "The column to image."),
        Parameter(
            "uv_min", .number(0...1e6), default: 0, unit: "wavelengths", "Shorter baselines are left out."),
        Parameter(
            "uv_max", .number(1...1e6), optional: true, unit: "wavelengths", "Longer baselines are left out."),
    ]

    private static let deconvolution = [
        Parameter(
            "niter", .integer(0...10_000_000), optional: true,
            "CLEAN iterations at most: 300 in development, 20000 in standard, 200000 in high_precision; 0 is dirty."),
        Parameter(
            "auto_mask", .number(1...100), default: 3, unit: "sigma",
            "CLEAN freely down to this level, then only where it found something."),
        Parameter(
            "auto_threshold", .number(0.1...100), default: 0.5, unit: "sigma", "CLEAN ends at this level."),
        Parameter("mgain", .number(0.1...1), default: 0.8, "Part of the peak that is cleaned between two inversions."),
        Parameter("gain", .number(0.01...1), default: 0.1, "CLEAN's loop gain."),
        Parameter(
            "channels_out", .integer(1...64), optional: true,
            "Parts of the band that are imaged and cleaned together, a source's flux a straight line over them: bright "
                + "sources keep fewer artefacts. 1 in development, 3 in standard, 8 in high_precision."),
        Parameter(
            "wsclean_options", .json, default: .object([:]),
            "More of WSClean's options by their names, such as {\"multiscale\": true}; only known ones in their ranges."
        ),
    ]

    private static let output = [
        Parameter(
            "primary_beam_correction", .flag, default: true,
            "Write a second image divided by the primary beam; image_path stays the one with even noise."),
        Parameter(
            "primary_beam_limit", .number(0.01...1), default: 0.1,
            "Pixels where the beam's gain is below this are blank in the corrected image."),
        Parameter(
            "skip_fits_export", .flag, default: false,
            "Keep only the restored image and the preview: no corrected image, residual, model and PSF."),
        Parameter(
            "threads", .integer(1...1024), optional: true, "Threads of WSClean; never more than the task's CPUs."),
        Parameter(
            "memory_gb", .number(0.1...4096), optional: true, unit: "GB",
            "Memory of WSClean; never more than the task's."),
    ]
}
