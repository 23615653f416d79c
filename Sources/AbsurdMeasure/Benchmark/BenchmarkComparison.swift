import Absurd

/// Two reports side by side: for each figure that both have, how much better the second is.
public enum BenchmarkComparison {
    public struct Row: Sendable, Hashable {
        public var section: String
        public var figure: String
        public var before: Double
        public var after: Double
        public var unit: String
        /// Above 1 the second is better, whichever way the figure counts.
        public var gain: Double
    }

    /// - Throws: `Refusal` (bad data) when a document is no report of `absurd benchmark --output`.
    public static func rows(_ before: JSONValue, _ after: JSONValue) throws(Refusal) -> [Row] {
        let old = try sections(before, "first")
        let new = try sections(after, "second")
        var rows: [Row] = []
        for section in BenchmarkRun.sectionNames {
            for kind in ["figures", "ratios"] {
                let figures = old[section]?[kind]?.members ?? [:]
                for name in figures.keys.sorted() {
                    guard let a = figures[name]?["value"]?.double,
                        let b = new[section]?[kind]?[name]?["value"]?.double
                    else { continue }
                    let against = figures[name]?["against"]?.text.map { "× \($0)" }
                    let isMoreBetter =
                        figures[name]?["more_is_better"]?.flag ?? (figures[name]?["goal"]?["at_most"] == nil)
                    rows.append(
                        Row(
                            section: section, figure: name, before: a, after: b,
                            unit: against ?? figures[name]?["unit"]?.text ?? "",
                            gain: isMoreBetter ? b / a : a / b))
                }
            }
        }
        return rows
    }

    private static func sections(_ document: JSONValue, _ which: String) throws(Refusal) -> [String: JSONValue] {
        guard document["format"] == 1, let sections = document["sections"]?.members else {
            throw Refusal(
                "\(which) report", why: "it is not what `absurd benchmark --output` writes",
                remedy: "give two such files to --compare", exit: .badData)
        }
        return sections
    }
}
