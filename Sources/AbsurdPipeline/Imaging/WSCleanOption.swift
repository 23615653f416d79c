import Absurd

/// An option of WSClean that a user may set beyond the stage's own: nothing reaches its command line but these.
public struct WSCleanOption: Sendable, Hashable {
    /// WSClean's name without the dash.
    public var name: String
    public var kind: Parameter.Kind
    public var help: String

    public static let allowed: [WSCleanOption] = [
        WSCleanOption("multiscale", .flag, "clean on several scales"),
        WSCleanOption("multiscale-scale-bias", .number(0.1...1), "less favours large scales"),
        WSCleanOption("multiscale-max-scales", .integer(1...20), "number of scales"),
        WSCleanOption("multiscale-gain", .number(0.01...1), "step of the sub-minor loop"),
        WSCleanOption("fit-spectral-pol", .integer(1...8), "terms of the spectrum of each component"),
        WSCleanOption("deconvolution-channels", .integer(1...64), "channels while cleaning"),
        WSCleanOption("local-rms", .flag, "noise that varies over the image for mask and threshold"),
        WSCleanOption("local-rms-window", .number(1...1000), "beams of the noise's window"),
        WSCleanOption("no-negative", .flag, "no negative components"),
        WSCleanOption("stop-negative", .flag, "stop at a negative component"),
        WSCleanOption("threshold", .number(0...1000), "Jy at which CLEAN ends whatever the noise"),
        WSCleanOption("nmiter", .integer(1...1000), "major iterations at most"),
        WSCleanOption("clean-border", .number(0...50), "per cent of the side left alone"),
        WSCleanOption("padding", .number(1...4), "padding of the inversions"),
        WSCleanOption("wgridder-accuracy", .number(1e-6...1e-2), "of the w-gridder"),
        WSCleanOption("nwlayers", .integer(1...1000), "layers of w-stacking"),
        WSCleanOption("no-small-inversion", .flag, "always invert at the full size"),
        WSCleanOption("parallel-deconvolution", .integer(64...8192), "side of sub-images cleaned side by side"),
        WSCleanOption("parallel-gridding", .integer(1...64), "gridders at once"),
        WSCleanOption("parallel-reordering", .integer(1...64), "reordering threads"),
        WSCleanOption("baseline-averaging", .number(0...1000), "wavelengths of baseline-dependent averaging"),
        WSCleanOption("taper-gaussian", .number(0...3600), "arcsec of a taper in the image"),
        WSCleanOption("minuvw-m", .number(0...1e6), "metres of the shortest baseline"),
        WSCleanOption("maxuvw-m", .number(0...1e6), "metres of the longest baseline"),
        WSCleanOption("maxw", .number(0...100), "per cent of the largest w"),
        WSCleanOption("beam-size", .number(0.1...3600), "arcsec of a round restoring beam"),
        WSCleanOption("circular-beam", .flag, "a round restoring beam"),
        WSCleanOption("pol", .choice(["I", "Q", "U", "V", "XX", "YY"]), "polarisation to image; I unless given"),
        WSCleanOption("no-fit-beam", .flag, "the theoretical beam"),
    ]

    private init(_ name: String, _ kind: Parameter.Kind, _ help: String) {
        (self.name, self.kind, self.help) = (name, kind, help)
    }

    /// The command-line words of options given as an object, in the order of their names.
    /// - Throws: `Refusal` that names an option that is unknown, of the wrong kind or out of range.
    public static func arguments(_ given: JSONValue, task: String) throws -> [String] {
        guard let members = given.members else {
            throw Refusal(
                "task \(task)", why: "config.wsclean_options is not an object",
                remedy: "give {\"option\": value}", exit: .badData)
        }
        return try members.sorted { $0.key < $1.key }.flatMap { key, value -> [String] in
            let name = key.drop { $0 == "-" }
            guard let option = allowed.first(where: { $0.name == name }) else {
                throw Refusal(
                    "task \(task)", why: "config.wsclean_options.\(key) is not allowed",
                    remedy: "allowed: \(allowed.map(\.name).sorted().joined(separator: ", "))", exit: .badData)
            }
            try Parameter(option.name, option.kind, option.help)
                .check(value, task: task, place: "config.wsclean_options")
            return option.words(value)
        }
    }

    private func words(_ value: JSONValue) -> [String] {
        switch value {
        case .bool(let isOn): isOn ? ["-\(name)"] : []
        case .string(let text): ["-\(name)", text]
        case .integer(let number): ["-\(name)", "\(number)"]
        case .number(let number): ["-\(name)", "\(number)"]
        default: []
        }
    }
}
