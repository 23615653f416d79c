import Absurd

/// An image's sources against a catalogue.
public enum ValidationDeclaration {
    public static let declaration = StageDeclaration(
        "validation", cores: 1, memoryBytes: 4 << 30, timeoutSeconds: 300,
        schema: StageSchema(
            summary: "Finds an image's sources and checks positions, fluxes, completeness, noise and dynamic range.",
            needs: [
                Parameter("image_path", .path, "A restored FITS image in Jy/beam."),
                Parameter(
                    "catalogue_path", .path, optional: true,
                    "Catalogue of intrinsic fluxes (CSV); without one only the image itself is measured."),
            ],
            options: [
                Parameter("detection_sigma", .number(3...1000), default: 5, unit: "sigma", "Least peak of a source."),
                Parameter(
                    "island_sigma", .number(1.5...100), default: 3, unit: "sigma", "Where a source's island ends."),
                Parameter(
                    "match_radius", .number(0.1...600), default: 10, unit: "arcsec",
                    "Farthest match; half the beam where that is more."),
                Parameter(
                    "astrometry_limit", .number(0.01...600), default: 5, unit: "arcsec",
                    "Largest rms of the position differences of matches above completeness_sigma."),
                Parameter(
                    "flux_tolerance", .number(0.001...1), default: 0.2,
                    "Largest difference from 1 of the median flux ratio, for catalogue fluxes of 0.01 to 10 Jy."),
                Parameter(
                    "completeness_min", .number(0...1), default: 0.7,
                    "Least part found of the catalogue sources that should stand out by completeness_sigma."),
                Parameter(
                    "completeness_sigma", .number(3...1000), default: 10, unit: "sigma",
                    "Expected signal to noise from which completeness counts."),
                Parameter(
                    "primary_beam_min", .number(0.01...1), default: 0.2,
                    "Checks use sources where the primary beam's gain is at least this."),
                Parameter(
                    "fail_on_checks", .flag, default: false, "Fail the task when a check fails, instead of warning."),
            ],
            gives: ["validation_results", "detected_sources", "validation_report"]))
}
