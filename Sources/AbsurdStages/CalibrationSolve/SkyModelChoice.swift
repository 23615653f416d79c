import Absurd
import AbsurdPipeline
import AbsurdRadio

/// Which sky a calibration is solved against, and where it comes from.
///
/// In order: the catalogue that the options name, the calibrator that they name, the catalogue that an earlier stage
/// gave, a built-in calibrator near the phase centre.
struct SkyModelChoice {
    var sources: [CatalogueSource]
    var origin: String
    var warnings: [String] = []

    /// Degrees from the phase centre within which a built-in calibrator is taken without being named.
    private static let fieldRadius = 1.5
    /// Degrees from a place given as "ra,dec".
    private static let placeRadius = 0.05

    static func choose(_ parameters: StageParameters, set: MeasurementSet) throws -> SkyModelChoice {
        let frequencies = set.windows.flatMap(\.frequencies)
        let frequency = frequencies.reduce(0, +) / Double(max(1, frequencies.count))
        if let path = parameters.text("catalogue") {
            return try read(path, frequency: frequency)
        } else if let calibrator = parameters.text("calibrator") {
            let found = try self.calibrator(calibrator)
            return SkyModelChoice(sources: [found.source(at: frequency)], origin: "calibrator \(found.name)")
        } else if let path = parameters.text("catalogue_path") {
            return try read(path, frequency: frequency)
        }
        let degree = Double.pi / 180
        guard let field = set.fields.first,
            let near = VLACalibrator.near(
                ra: field.rightAscension / degree, dec: field.declination / degree, radius: fieldRadius)
        else {
            throw Refusal(
                "sky model", why: "no catalogue and no calibrator given, and no known calibrator is in the field",
                remedy: "set config.calibrator or config.catalogue, or run catalog-setup first", exit: .badData)
        }
        return SkyModelChoice(
            sources: [near.source(at: frequency)], origin: "calibrator \(near.name)",
            warnings: ["no catalogue given: solved against \(near.name) alone, other sources add errors"])
    }

    private static func read(_ path: String, frequency: Double) throws -> SkyModelChoice {
        let (sources, skipped) = try CatalogueFile.read(path, frequency: frequency)
        return SkyModelChoice(
            sources: sources, origin: "catalogue \(path)",
            warnings: skipped > 0 ? ["\(skipped) lines of the catalogue can't be read and were left out"] : [])
    }

    private static func calibrator(_ text: String) throws -> VLACalibrator {
        if let named = VLACalibrator.named(text) { return named }
        let numbers = text.split(separator: ",").map { Double($0.filter { !$0.isWhitespace }) }
        if numbers.count == 2, let ra = numbers[0], let dec = numbers[1],
            let near = VLACalibrator.near(ra: ra, dec: dec, radius: placeRadius)
        {
            return near
        }
        throw Refusal(
            "calibrator \(text)", why: "it is not in the list",
            remedy: "known: \(VLACalibrator.all.map(\.name).joined(separator: ", ")); or set config.catalogue",
            exit: .badData)
    }
}
