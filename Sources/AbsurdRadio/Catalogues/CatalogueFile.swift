import Absurd

/// Catalogues as CSV: a header line `name,ra_deg,dec_deg,flux_jy,reference_frequency_hz,spectral_index`, in any order
/// and with other columns beside them. Common column names of survey extracts are understood as well.
public enum CatalogueFile {
    private static let raNames = ["ra_deg", "ra", "raj2000", "_raj2000"]
    private static let decNames = ["dec_deg", "dec", "dej2000", "decj2000", "_dej2000"]
    private static let fluxNames: [(String, Double)] = [
        ("flux_jy", 1), ("total_flux_jy", 1), ("flux_mjy", 1e-3), ("total_flux_mjy", 1e-3), ("s1.4", 1e-3),
        ("fint", 1e-3), ("total_flux", 1e-3), ("flux", 1),
    ]

    /// - Parameters:
    ///   - frequency: Hz, for catalogues without a frequency column.
    /// - Returns: the sources, and how many lines were left out because a number in them can't be read.
    /// - Throws: `Refusal` (bad data) when the file is missing or has no position or flux column.
    public static func read(_ path: String, frequency: Double = 1.4e9) throws -> (
        sources: [CatalogueSource], skippedLines: Int
    ) {
        try parse(try TextFile.read(path, what: "catalogue"), path: path, frequency: frequency)
    }

    static func parse(_ text: String, path: String, frequency: Double) throws -> (
        sources: [CatalogueSource], skippedLines: Int
    ) {
        var lines = text.utf8.split(whereSeparator: { $0 == 10 || $0 == 13 }).lazy
            .filter { $0.first != UInt8(ascii: "#") }.makeIterator()
        guard let head = lines.next() else {
            throw Refusal("catalogue \(path)", why: "it is empty", remedy: "give a CSV with a header", exit: .badData)
        }
        let names = fields(head).map { $0.lowercased() }
        let columns = try Columns(names: names, path: path)
        var sources: [CatalogueSource] = []
        var skipped = 0
        while let line = lines.next() {
            if let source = columns.source(fields(line), number: sources.count + 1, frequency: frequency) {
                sources.append(source)
            } else {
                skipped += 1
            }
        }
        return (sources, skipped)
    }

    /// - Throws: `Refusal` (cannot create).
    public static func write(_ sources: [CatalogueSource], to path: String) throws {
        var text = "name,ra_deg,dec_deg,flux_jy,reference_frequency_hz,spectral_index\n"
        for source in sources {
            text += "\(quoted(source.name)),\(source.ra),\(source.dec),\(source.flux),\(source.frequency),"
            text += "\(source.spectralIndex)\n"
        }
        try TextFile.write(text, to: path)
    }

    /// A CSV field, in quotes where it needs them.
    public static func quoted(_ field: String) -> String {
        field.contains(where: { $0 == "," || $0 == "\"" }) ? "\"\(field.replacing("\"", with: "\"\""))\"" : field
    }

    private struct Columns {
        var name: Int?
        var ra: Int
        var dec: Int
        var flux: Int
        var fluxScale: Double
        var frequency: Int?
        var spectralIndex: Int?

        init(names: [String], path: String) throws {
            func find(_ candidates: [String]) -> Int? {
                candidates.lazy.compactMap { names.firstIndex(of: $0) }.first
            }
            let flux = fluxNames.lazy.compactMap { entry in names.firstIndex(of: entry.0).map { ($0, entry.1) } }.first
            guard let ra = find(raNames), let dec = find(decNames), let flux else {
                throw Refusal(
                    "catalogue \(path)", why: "its header lacks a position or flux column",
                    remedy: "needed: ra_deg, dec_deg, flux_jy", exit: .badData)
            }
            (self.ra, self.dec, self.flux, fluxScale) = (ra, dec, flux.0, flux.1)
            name = find(["name", "source_name", "id", "component_name"])
            frequency = find(["reference_frequency_hz", "frequency_hz"])
            spectralIndex = find(["spectral_index", "alpha"])
        }

        func source(_ fields: [String], number: Int, frequency standard: Double) -> CatalogueSource? {
            guard let ra = value(fields, ra), let dec = value(fields, dec), let flux = value(fields, flux),
                (-90...90).contains(dec), (-360...360).contains(ra)
            else { return nil }
            let name = name.flatMap { fields.indices.contains($0) ? fields[$0] : nil } ?? "source\(number)"
            return CatalogueSource(
                name: name, ra: ra < 0 ? ra + 360 : ra, dec: dec, flux: flux * fluxScale,
                frequency: frequency.flatMap { value(fields, $0) } ?? standard,
                spectralIndex: spectralIndex.flatMap { value(fields, $0) } ?? -0.7)
        }

        private func value(_ fields: [String], _ column: Int) -> Double? {
            guard fields.indices.contains(column), let value = Double(fields[column]), value.isFinite else {
                return nil
            }
            return value
        }
    }

    /// Splits a CSV line; quotes protect commas and double themselves.
    static func fields(_ line: some Collection<UInt8>) -> [String] {
        var result: [String] = []
        var field: [UInt8] = []
        var isQuoted = false
        func close() {
            while field.last == 32 || field.last == 9 { field.removeLast() }
            result.append(String(decoding: field.drop { $0 == 32 || $0 == 9 }, as: UTF8.self))
            field.removeAll(keepingCapacity: true)
        }
        for byte in line {
            switch byte {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ",") where !isQuoted: close()
            default: field.append(byte)
            }
        }
        close()
        return result
    }
}
