import Absurd
import AbsurdPipeline
import AbsurdRadio

/// A place to measure: ICRS degrees.
struct PhotometryPosition: Sendable, Hashable {
    var name: String
    var ra: Double
    var dec: Double

    /// The positions given; else those of the source table or catalogue handed on; else the image's own sources.
    /// - Returns: the positions and where they are from, for a person.
    static func list(
        _ parameters: StageParameters, image: FITSImage, path: String, task: String
    ) throws -> (list: [PhotometryPosition], origin: String) {
        if let given = parameters.value("sources"), !given.isNull {
            if let table = given.text { return (try read(table), table) }
            return (try inline(given, task: task), "the task's inputs")
        }
        if let table = parameters.text("detected_sources") { return (try read(table), "detected_sources") }
        if let catalogue = parameters.text("catalogue_path") { return (try read(catalogue), "the catalogue") }
        let findings = try SourceFinder().find(in: image, name: "image \(path)")
        let found = findings.sources.map {
            PhotometryPosition(name: SourceName.text(ra: $0.ra, dec: $0.dec), ra: $0.ra, dec: $0.dec)
        }
        return (found, "the image's own sources")
    }

    private static func read(_ path: String) throws -> [PhotometryPosition] {
        try CatalogueFile.read(path).sources.map { PhotometryPosition(name: $0.name, ra: $0.ra, dec: $0.dec) }
    }

    private static func inline(_ value: JSONValue, task: String) throws -> [PhotometryPosition] {
        guard let items = value.items else {
            throw Refusal(
                "task \(task)", why: "inputs.sources is neither a list nor a path",
                remedy: "give [{\"ra_deg\": 202.78, \"dec_deg\": 30.51}]", exit: .badData)
        }
        return try items.enumerated().map { index, item in
            let ra = item["ra_deg"]?.double ?? item["ra"]?.double
            let dec = item["dec_deg"]?.double ?? item["dec"]?.double
            guard let ra, let dec, (-360...360).contains(ra), (-90...90).contains(dec) else {
                throw Refusal(
                    "task \(task)", why: "inputs.sources[\(index)] has no ra_deg and dec_deg in degrees",
                    remedy: "give ICRS degrees", exit: .badData)
            }
            return PhotometryPosition(
                name: item["name"]?.text ?? SourceName.text(ra: ra, dec: dec), ra: ra < 0 ? ra + 360 : ra, dec: dec)
        }
    }
}
