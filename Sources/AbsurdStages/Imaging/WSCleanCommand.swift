/// What WSClean is asked to do, and its command line for a version.
struct WSCleanCommand: Sendable, Hashable {
    enum Gridder: String, Sendable { case wgridder, wstacking }

    var program = "wsclean"
    var measurementSet: String
    /// Prefix of the files written.
    var prefix: String
    var temporaryDirectory: String
    var imageSide: Int
    var cellArcseconds: Double
    var iterations: Int
    /// Parts of the band that are imaged on their own and cleaned together.
    var channels = 1
    var gain = 0.1
    var majorGain = 0.8
    var autoMask = 3.0
    var autoThreshold = 0.5
    var weighting = "briggs"
    var robust = 0.0
    var gridder = Gridder.wgridder
    var dataColumn: String
    var uvMin = 0.0
    var uvMax: Double?
    var threads: Int
    var memoryGigabytes: Double
    /// Words already checked against `WSCleanOption.allowed`.
    var extraWords: [String] = []

    /// Whether the band is imaged in parts, which changes the names of the files.
    var isMultiFrequency: Bool { channels > 1 }

    /// Path of a product: "image", "residual", "model", "psf" or "dirty".
    func product(_ kind: String) -> String { prefix + (isMultiFrequency ? "-MFS-" : "-") + kind + ".fits" }

    func arguments(for version: WSCleanVersion) -> [String] {
        var words = [
            program, "-reorder", "-field", "all", "-no-update-model-required", "-j", "\(threads)", "-abs-mem",
            "\(memoryGigabytes)", "-temp-dir", temporaryDirectory, "-name", prefix, "-size", "\(imageSide)",
            "\(imageSide)", "-scale", "\(cellArcseconds)asec", "-data-column", dataColumn,
        ]
        if !extraWords.contains("-pol") { words += ["-pol", "I"] }
        words += ["-weight", weighting] + (weighting == "briggs" ? ["\(robust)"] : [])
        if uvMin > 0 { words += ["-minuv-l", "\(uvMin)"] }
        if let uvMax { words += ["-maxuv-l", "\(uvMax)"] }
        if gridder == .wgridder {
            words += version < WSCleanVersion(3, 2) ? ["-use-wgridder"] : ["-gridder", "wgridder"]
        }
        words += ["-niter", "\(iterations)"]
        if iterations > 0 {
            words += [
                "-gain", "\(gain)", "-mgain", "\(majorGain)", "-auto-mask", "\(autoMask)", "-auto-threshold",
                "\(autoThreshold)", "-no-dirty",
            ]
        } else {
            // Without CLEAN no beam is fitted unless the PSF is asked for.
            words += ["-make-psf"]
        }
        if channels > 1 { words += ["-channels-out", "\(channels)"] }
        if channels > 1 && iterations > 0 {
            words.append("-join-channels")
            if !extraWords.contains("-fit-spectral-pol") { words += ["-fit-spectral-pol", "2"] }
        }
        return words + extraWords + [measurementSet]
    }
}
