/// Writes a page of metrics. Each metric is written once, with all of its samples together.
public struct OpenMetricsWriter: Sendable {
    /// Who asks for OpenMetrics gets it; the older text is what everybody reads, `promtool check metrics` included.
    public enum Form: Sendable {
        case openMetrics, text

        /// For what a client's Accept header says.
        public init(accept: String) { self = accept.contains("application/openmetrics-text") ? .openMetrics : .text }

        public var contentType: String {
            switch self {
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            case .text: "text/plain; version=0.0.4; charset=utf-8"
            }
        }
    }

    private let form: Form
    private var text = ""
    private var written: Set<String> = []

    public init(_ form: Form = .openMetrics) { self.form = form }

    /// The page so far, ended. (In the older text the end is a comment.)
    public var page: String { text + "# EOF\n" }

    /// A metric with one sample per value; label values come in the order of the metric's labels.
    public mutating func write(_ metric: Metric, _ samples: [(labels: [String], value: Double)]) {
        guard !samples.isEmpty, begin(metric) else { return }
        for sample in samples {
            let suffix = metric.kind == .info ? "_info" : ""
            line(metric.name + suffix, zip(metric.labels, sample.labels).map { ($0, $1) }, Self.number(sample.value))
        }
    }

    public mutating func write(_ metric: Metric, _ value: Double) { write(metric, [([], value)]) }

    public mutating func write(_ metric: Metric, _ histograms: [(labels: [String], value: Histogram)]) {
        guard !histograms.isEmpty, begin(metric) else { return }
        for (values, histogram) in histograms {
            let labels = zip(metric.labels, values).map { ($0, $1) }
            var seen: UInt64 = 0
            for bucket in 0..<Histogram.bucketCount {
                seen += histogram.counts[bucket]
                // Every second bound is enough to draw, and halves the page.
                guard bucket % 2 == 0 else { continue }
                line(
                    metric.name + "_bucket", labels + [("le", Self.number(Histogram.boundSeconds(bucket)))],
                    String(seen))
            }
            line(metric.name + "_bucket", labels + [("le", "+Inf")], String(histogram.count))
            line(metric.name + "_count", labels, String(histogram.count))
            line(metric.name + "_sum", labels, Self.number(Double(histogram.sumMicroseconds) / 1e6))
        }
    }

    private mutating func begin(_ metric: Metric) -> Bool {
        guard written.insert(metric.name).inserted else { return false }
        var family = metric.name
        var type = metric.kind.rawValue
        switch (form, metric.kind) {
        // A counter's family goes by its name without _total.
        case (.openMetrics, .counter): family = String(metric.name.dropLast("_total".count))
        case (.text, .info): (family, type) = (metric.name + "_info", "gauge")
        default: break
        }
        text += "# HELP \(family) \(Self.escaped(metric.help))\n# TYPE \(family) \(type)\n"
        if form == .openMetrics, !metric.unit.isEmpty { text += "# UNIT \(family) \(metric.unit)\n" }
        return true
    }

    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    /// Backslash, quote and line feed are the three that a label value must not hold as they are.
    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }
}
