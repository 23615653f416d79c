import Absurd
import AbsurdPipeline
import AbsurdRadio

/// Cuts the pointing's strip out of each catalogue at hand and writes it sorted by zone, ready to be read by others.
public struct CatalogSetupStage: Stage {
    public static let declaration = CatalogSetupDeclaration.declaration

    public init() {}

    public func run(_ parameters: StageParameters, in context: any StageContext) throws -> StageResult {
        let input = parameters.text("input_path")!
        let declination = try parameters.double("declination") ?? Self.pointingDeclination(input)
        let halfWidth = parameters.double("half_width") ?? 6
        let catalogues = try Self.catalogues(parameters, input: input)
        guard !catalogues.isEmpty else {
            return StageResult(
                outputs: ["catalog_setup_status": "no catalogue", "declination_deg": .number(declination)],
                message: "no catalogue at hand for declination \(degrees(declination))",
                warnings: [
                    "no catalogue: name one in config.catalogue, or set ABSURD_CATALOGUE_DIR; there is no sky model"
                ])
        }
        var paths: [String: JSONValue] = [:]
        var counts: [String: JSONValue] = [:]
        var warnings: [String] = []
        for (index, catalogue) in catalogues.enumerated() {
            context.progress(Double(index) / Double(catalogues.count), "reading \(catalogue.name)")
            let (sources, skipped) = try catalogue.read()
            if skipped > 0 { warnings.append("\(catalogue.name): \(skipped) lines can't be read and were left out") }
            let strip = sources.filter {
                abs($0.dec - declination) <= halfWidth && $0.flux >= parameters.double("flux_min") ?? 0
            }
            if strip.isEmpty { warnings.append("\(catalogue.name) has no source in the strip") }
            let file = "\(catalogue.name).csv"
            try CatalogueFile.write(SkyZones(strip).sources, to: context.writingPath(file))
            paths[catalogue.name] = .string(context.finalPath(file))
            counts[catalogue.name] = .integer(Int64(strip.count))
            context.log("\(catalogue.path): \(strip.count) of \(sources.count) sources in the strip")
        }
        let total = counts.values.reduce(0) { $0 + ($1.int ?? 0) }
        return StageResult(
            outputs: [
                "catalog_setup_status": "ready",
                "catalogue_path": paths[catalogues[0].name] ?? .null,
                "catalogue_paths": .object(paths),
                "catalogue_counts": .object(counts),
                "declination_deg": .number(declination),
            ],
            message: "\(total) sources within \(halfWidth)° of declination \(degrees(declination))",
            warnings: warnings)
    }

    /// The catalogues named in the options; else those of a directory; else the truth beside simulated data.
    /// - Throws: `Refusal` when a named one is missing.
    static func catalogues(_ parameters: StageParameters, input: String) throws -> [NamedCatalogue] {
        if let value = parameters.value("catalogue"), !value.isNull {
            return try unique(NamedCatalogue.list(value, task: declaration.name))
        }
        let directory = parameters.text("catalogue_directory") ?? ProcessEnvironment.all["ABSURD_CATALOGUE_DIR"]
        if let directory {
            let found = DirectoryListing.names(in: directory).filter { $0.hasSuffix(".csv") }
                .map { NamedCatalogue(path: directory + "/" + $0) }
            guard !found.isEmpty else {
                throw Refusal(
                    "catalogue directory \(directory)", why: "holds no CSV", remedy: "put catalogues into it",
                    exit: .badData)
            }
            return unique(found)
        }
        let home = DirectoryListing.isDirectory(input) ? input : parent(of: input)
        let truth = home + "/truth/sources.csv"
        return DirectoryListing.isFile(truth) ? [NamedCatalogue(name: "truth", path: truth)] : []
    }

    private static func unique(_ catalogues: [NamedCatalogue]) -> [NamedCatalogue] {
        var seen: [String: Int] = [:]
        return catalogues.map { catalogue in
            let count = (seen[catalogue.name] ?? 0) + 1
            seen[catalogue.name] = count
            return count == 1 ? catalogue : NamedCatalogue(name: "\(catalogue.name)-\(count)", path: catalogue.path)
        }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Degrees: from the first file of the observation that can be read.
    static func pointingDeclination(_ input: String) throws -> Double {
        guard DirectoryListing.isDirectory(input) || DirectoryListing.isFile(input) else {
            throw Refusal(
                "input \(input)", why: "there is no such file or directory",
                remedy: "give an observation's directory or one of its files", exit: .badData)
        }
        let files =
            DirectoryListing.isDirectory(input)
            ? DirectoryListing.names(in: input).filter { $0.hasSuffix(".hdf5") || $0.hasSuffix(".uvh5") }
                .map { input + "/" + $0 } : [input]
        guard !files.isEmpty else {
            throw Refusal(
                "input \(input)", why: "holds no UVH5 file (*.hdf5, *.uvh5)",
                remedy: "give an observation's directory or one of its files", exit: .badData)
        }
        var failure: (any Error)?
        for file in files {
            do {
                let metadata = try UVH5Reader(path: file).metadata
                switch metadata.phaseCentre(row: 0) {
                case .hourAngle(_, let declination), .sidereal(_, let declination, _): return declination * 180 / .pi
                case .zenith: return metadata.latitudeDegrees
                }
            } catch { failure = failure ?? error }
        }
        throw failure!
    }

    private func degrees(_ value: Double) -> String { "\((value * 100).rounded() / 100)°" }
}
