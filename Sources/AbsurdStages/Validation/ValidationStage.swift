import Absurd
import AbsurdPipeline
import AbsurdRadio
import Glibc

/// Finds an image's sources and says whether the image can be trusted.
public struct ValidationStage: Stage {
    public static let declaration = ValidationDeclaration.declaration

    public init() {}

    public func run(_ parameters: StageParameters, in context: any StageContext) throws -> StageResult {
        let path = parameters.text("image_path")!
        context.progress(0.05, "reading the image")
        let image = try FITSImage(path: path)
        context.progress(0.2, "finding sources")
        var finder = SourceFinder()
        finder.peakThreshold = parameters.double("detection_sigma") ?? finder.peakThreshold
        finder.islandThreshold = min(parameters.double("island_sigma") ?? finder.islandThreshold, finder.peakThreshold)
        let findings = try finder.find(in: image, name: "image \(path)")
        let sources = MeasuredSource.measure(findings, in: image)
        try MeasuredSource.write(sources, to: context.writingPath("sources.csv"))
        let peak = Double(image.pixels.lazy.filter(\.isFinite).max() ?? .nan)
        var results: [String: JSONValue] = [
            "image_path": .string(path),
            "source_count": .integer(Int64(sources.count)),
            "rms_jy": .number(findings.rms),
            "peak_jy": .number(peak),
            "dynamic_range": .number(peak / findings.rms),
            "primary_beam": .string(primaryBeamNote(image)),
        ]
        var (checks, warnings): ([ValidationCheck], [String]) = ([], [])
        if let cataloguePath = parameters.text("catalogue_path") {
            context.progress(0.7, "comparing with the catalogue")
            let (catalogue, skipped) = try CatalogueFile.read(cataloguePath)
            if skipped > 0 { warnings.append("catalogue: \(skipped) lines can't be read and were left out") }
            if catalogue.isEmpty { warnings.append("the catalogue \(cataloguePath) is empty: nothing to compare with") }
            let comparison = try ImageValidation(
                image: image, name: "image \(path)", rms: findings.noise.rms, sources: sources, catalogue: catalogue,
                limits: limits(parameters, image))
            checks = catalogue.isEmpty ? [] : comparison.checks
            results.merge(comparison.json.members ?? [:]) { _, new in new }
            try comparison.writeMatches(to: context.writingPath("matches.csv"))
        } else {
            warnings.append("no catalogue: the image was measured and not compared")
        }
        let failed = checks.filter { !$0.isPassed }
        results["checks"] = .array(checks.map(\.json))
        results["passed"] = .bool(failed.isEmpty && !checks.isEmpty)
        try TextFile.write(JSONValue.object(results).jsonText + "\n", to: context.writingPath("validation.json"))
        let complaints = failed.map { "\($0.name) is \($0.value.map { "\($0)" } ?? "unknown"), not \($0.requirement)" }
        if parameters.flag("fail_on_checks"), let first = complaints.first {
            throw Refusal("image \(path)", why: first, remedy: "look at its calibration", exit: .no)
        }
        return StageResult(
            outputs: [
                "validation_results": .object(results),
                "detected_sources": .string(context.finalPath("sources.csv")),
                "validation_report": .string(context.finalPath("validation.json")),
            ],
            message: message(results, checks), warnings: warnings + complaints)
    }

    private func limits(_ parameters: StageParameters, _ image: FITSImage) -> ImageValidation.Limits {
        var limits = ImageValidation.Limits()
        let halfBeam = (image.beam?.major ?? 0) * 180 / .pi * 3600 / 2
        limits.matchRadiusArcseconds = max(parameters.double("match_radius") ?? 10, halfBeam)
        limits.astrometryArcseconds = parameters.double("astrometry_limit") ?? limits.astrometryArcseconds
        limits.fluxTolerance = parameters.double("flux_tolerance") ?? limits.fluxTolerance
        limits.completenessMin = parameters.double("completeness_min") ?? limits.completenessMin
        limits.completenessSigma = parameters.double("completeness_sigma") ?? limits.completenessSigma
        limits.primaryBeamMin = parameters.double("primary_beam_min") ?? limits.primaryBeamMin
        return limits
    }

    private func primaryBeamNote(_ image: FITSImage) -> String {
        if image.isPrimaryBeamCorrected { return "divided out in the image" }
        return DriftingBeam(image.header) == nil
            ? "unknown: fluxes are apparent" : "detected fluxes divided by the beam that the header describes"
    }

    private func message(_ results: [String: JSONValue], _ checks: [ValidationCheck]) -> String {
        let rms = (results["rms_jy"]?.double ?? .nan) * 1e3
        let found = "\(results["source_count"]?.int ?? 0) sources, rms \((rms * 100).rounded() / 100) mJy/beam"
        guard !checks.isEmpty else { return found }
        return found + ", "
            + checks.map { check in
                "\(check.name) \(check.value.map { "\(($0 * 1000).rounded() / 1000)" } ?? "unknown")"
            }.joined(separator: ", ")
    }
}

extension ImageValidation {
    /// One line per catalogue source that should be seen, with its match.
    func writeMatches(to path: String) throws {
        var byReference: [CatalogueSource: Match] = [:]
        for match in matches.matches { byReference[match.reference] = match }
        var text = "name,ra_deg,dec_deg,flux_jy,expected_apparent_jy,expected_snr,primary_beam_gain,found,"
        text += "separation_arcsec,east_arcsec,north_arcsec,measured_flux_jy,flux_ratio\n"
        for entry in expected.sorted(by: { $0.signalToNoise > $1.signalToNoise }) {
            let source = entry.source
            text += "\(CatalogueFile.quoted(source.name)),\(source.ra),\(source.dec),\(source.flux),"
            text += "\(entry.apparentFlux),\(entry.signalToNoise),\(entry.gain),"
            if let match = byReference[source] {
                text += "1,\(match.separationArcseconds),\(match.eastArcseconds),\(match.northArcseconds),"
                text += "\(sources[match.source].flux),\(match.fluxRatio)\n"
            } else {
                text += "0,,,,,\n"
            }
        }
        try TextFile.write(text, to: path)
    }
}
