import Absurd
import AbsurdPipeline
import AbsurdRadio

/// Matches an image's sources with every catalogue at hand.
public struct CrossmatchStage: Stage {
    public static let declaration = CrossmatchDeclaration.declaration

    public init() {}

    public func run(_ parameters: StageParameters, in context: any StageContext) throws -> StageResult {
        let catalogues = try Self.catalogues(parameters)
        context.progress(0.05, "reading the sources")
        let sources = try Self.sources(parameters)
        let matchable = sources.map {
            MatchableSource(ra: $0.ra, dec: $0.dec, flux: $0.flux, frequency: $0.frequency)
        }
        let radius = parameters.double("radius") ?? 10
        let duplicates = Crossmatch.duplicates(
            matchable, radiusArcseconds: parameters.double("duplicate_radius") ?? 2)
        var results: [String: JSONValue] = [:]
        var summaries: [String] = []
        var warnings: [String] = []
        for (index, catalogue) in catalogues.enumerated() {
            context.progress(0.1 + 0.8 * Double(index) / Double(catalogues.count), "matching with \(catalogue.name)")
            let (entries, skipped) = try catalogue.read()
            if skipped > 0 { warnings.append("\(catalogue.name): \(skipped) lines can't be read and were left out") }
            if entries.isEmpty { warnings.append("the catalogue \(catalogue.name) is empty") }
            let matched = Crossmatch.nearest(matchable, in: SkyZones(entries), radiusArcseconds: radius)
            let file = "matches-\(catalogue.name).csv"
            try Self.write(matched, sources, to: context.writingPath(file))
            results[catalogue.name] = Self.json(matched, sourceCount: sources.count, path: context.finalPath(file))
            summaries.append("\(catalogue.name): \(matched.matches.count) of \(sources.count)")
        }
        if sources.isEmpty { warnings.append("there are no sources to match") }
        let summary: JSONValue = [
            "source_count": .integer(Int64(sources.count)), "radius_arcsec": .number(radius),
            "catalogues": .object(results),
            "duplicates": .array(duplicates.map { .array($0.map { .string(sources[$0].name) }) }),
        ]
        try TextFile.write(summary.jsonText + "\n", to: context.writingPath("crossmatch.json"))
        return StageResult(
            outputs: [
                "crossmatch_results": summary, "crossmatch_report": .string(context.finalPath("crossmatch.json")),
            ],
            message: "matched " + summaries.joined(separator: ", ")
                + (duplicates.isEmpty ? "" : "; \(duplicates.count) groups of duplicates"),
            warnings: warnings)
    }

    private static func catalogues(_ parameters: StageParameters) throws -> [NamedCatalogue] {
        if let value = parameters.value("catalogue"), !value.isNull {
            return try NamedCatalogue.list(value, task: declaration.name)
        }
        if let several = parameters.value("catalogue_paths")?.members, !several.isEmpty {
            return several.sorted { $0.key < $1.key }.compactMap { name, path in
                path.text.map { NamedCatalogue(name: name, path: $0) }
            }
        }
        if let path = parameters.text("catalogue_path") { return [NamedCatalogue(path: path)] }
        throw Refusal(
            "task crossmatch", why: "no catalogue was handed on or named",
            remedy: "run catalog-setup first or set config.catalogue", exit: .badData)
    }

    /// A table is taken as it is; an image is searched.
    private static func sources(_ parameters: StageParameters) throws -> [CatalogueSource] {
        if let table = parameters.text("detected_sources") { return try CatalogueFile.read(table).sources }
        guard let path = parameters.text("image_path") else {
            throw Refusal(
                "task crossmatch", why: "neither detected_sources nor image_path is given",
                remedy: "run validation first or name an image", exit: .badData)
        }
        let image = try FITSImage(path: path)
        var finder = SourceFinder()
        finder.peakThreshold = parameters.double("detection_sigma") ?? finder.peakThreshold
        let findings = try finder.find(in: image, name: "image \(path)")
        return MeasuredSource.measure(findings, in: image).map {
            CatalogueSource(
                name: $0.name, ra: $0.found.ra, dec: $0.found.dec, flux: $0.flux, frequency: $0.frequency,
                spectralIndex: -0.7)
        }
    }

    private static func json(_ matched: CrossmatchResult, sourceCount: Int, path: String) -> JSONValue {
        func number(_ value: Double?) -> JSONValue { value.map(JSONValue.number) ?? .null }
        let indices = matched.matches.compactMap(\.spectralIndex)
        return [
            "matched": .integer(Int64(matched.matches.count)),
            "unmatched": .integer(Int64(sourceCount - matched.matches.count)),
            "contested": .integer(Int64(matched.contested.count)),
            "median_east_arcsec": number(matched.medianEastArcseconds),
            "median_north_arcsec": number(matched.medianNorthArcseconds),
            "mad_east_arcsec": number(matched.deviationEastArcseconds),
            "mad_north_arcsec": number(matched.deviationNorthArcseconds),
            "flux_scale": number(matched.fluxScale), "flux_scale_mad": number(matched.fluxScaleDeviation),
            "median_spectral_index": number(RobustStatistics.median(indices)),
            "spectral_indices": .integer(Int64(indices.count)), "matches_path": .string(path),
        ]
    }

    private static func write(_ matched: CrossmatchResult, _ sources: [CatalogueSource], to path: String) throws {
        var text = "name,ra_deg,dec_deg,flux_jy,catalogue_name,catalogue_ra_deg,catalogue_dec_deg,catalogue_flux_jy,"
        text += "separation_arcsec,east_arcsec,north_arcsec,flux_ratio,spectral_index\n"
        for match in matched.matches {
            let source = sources[match.source]
            text += "\(CatalogueFile.quoted(source.name)),\(source.ra),\(source.dec),\(source.flux),"
            text += "\(CatalogueFile.quoted(match.reference.name)),\(match.reference.ra),\(match.reference.dec),"
            text += "\(match.reference.flux),\(match.separationArcseconds),\(match.eastArcseconds),"
            text += "\(match.northArcseconds),\(match.fluxRatio),\(match.spectralIndex.map { "\($0)" } ?? "")\n"
        }
        try TextFile.write(text, to: path)
    }
}
