import Absurd

/// The demo's last page: the sources that were put into the sky beside those that came out, and the verdict.
///
/// Pure: from the JSON of `absurd-stage compare-truth` to lines of text.
struct TruthTable {
    var report: JSONValue

    var isPassed: Bool { report["passed"]?.flag ?? false }

    func sourceLines(most: Int = 40) -> [String] {
        let rows = report["sources"]?.items ?? []
        var lines = [
            "  source        RA [deg]    Dec [deg]   true [Jy]  measured [Jy]  ratio   offset [\"]      SNR"
        ]
        for row in rows.prefix(most) {
            let measured = row["measured_jy"]?.double
            lines.append(
                "  " + (row["name"]?.text ?? "").clipped(to: 12).padded(to: 12)
                    + Self.fixed(row["ra_deg"]?.double, 5).leftPadded(to: 11)
                    + Self.fixed(row["dec_deg"]?.double, 5).leftPadded(to: 12)
                    + Self.fixed(row["true_jy"]?.double, 4).leftPadded(to: 12)
                    + (measured == nil ? "not found" : Self.fixed(measured, 4)).leftPadded(to: 15)
                    + Self.fixed(row["ratio"]?.double, 3).leftPadded(to: 7)
                    + Self.fixed(row["offset_arcsec"]?.double, 2).leftPadded(to: 13)
                    + Self.fixed(row["snr"]?.double, 0).leftPadded(to: 9))
        }
        if rows.count > most { lines.append("  … and \(rows.count - most) fainter ones") }
        return lines
    }

    func checkLines() -> [String] {
        let checks = report["checks"]?.items ?? []
        let width = checks.compactMap { $0["name"]?.text?.count }.max() ?? 0
        return checks.map { check in
            let unit = check["unit"]?.text ?? ""
            let decimals = unit == "sources" ? 0 : unit.isEmpty ? 4 : 2
            return (check["passed"]?.flag == true ? "  ✓ " : "  ✗ ")
                + (check["name"]?.text ?? "").padded(to: width) + "  "
                + Self.fixed(check["value"]?.double, decimals).leftPadded(to: 8)
                + "  (at most " + Self.fixed(check["limit"]?.double, decimals)
                + (unit.isEmpty ? ")" : " \(unit))")
        }
    }

    /// A number with a fixed count of decimals; "–" where there is none.
    static func fixed(_ value: Double?, _ decimals: Int) -> String {
        guard let value, value.isFinite, abs(value) < 1e12 else { return "–" }
        let scale = (0..<decimals).reduce(1) { product, _ in product * 10 }
        let rounded = Int64((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && rounded > 0 ? "-" : ""
        guard decimals > 0 else { return sign + "\(rounded)" }
        let fraction = String(rounded % Int64(scale))
        return sign + "\(rounded / Int64(scale))." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }
}
