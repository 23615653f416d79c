import AbsurdObserve
import Testing

@Suite struct `The metrics` {
    @Test func `have names, units and labels as Prometheus wants them`() {
        for metric in MetricCatalogue.all {
            #expect(metric.name.hasPrefix("absurd_"))
            #expect(metric.name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "_" }, "\(metric.name)")
            #expect((metric.kind == .counter) == metric.name.hasSuffix("_total"), "\(metric.name)")
            if !metric.unit.isEmpty { #expect(metric.name.hasSuffix("_" + metric.unit), "\(metric.name)") }
            for unit in ["seconds", "bytes", "ratio"] where metric.name.hasSuffix("_" + unit) {
                #expect(metric.unit == unit, "\(metric.name)")
            }
            #expect(metric.help.hasSuffix("."), "\(metric.name)")
        }
        #expect(Set(MetricCatalogue.all.map(\.name)).count == MetricCatalogue.all.count)
    }

    @Test func `are written once each, escaped, and end`() {
        var writer = OpenMetricsWriter()
        writer.write(MetricCatalogue.deadLetters, [(["a\"b\\c\nd"], 3), (["q"], 0.5)])
        writer.write(MetricCatalogue.deadLetters, [(["late"], 1)])
        writer.write(MetricCatalogue.staleResults, 7)
        #expect(
            writer.page == """
                # HELP absurd_dead_letters Tasks that failed for good and that nobody has dealt with.
                # TYPE absurd_dead_letters gauge
                absurd_dead_letters{queue="a\\"b\\\\c\\nd"} 3
                absurd_dead_letters{queue="q"} 0.5
                # HELP absurd_stale_results Results refused because their attempt was not current any more.
                # TYPE absurd_stale_results counter
                absurd_stale_results_total 7
                # EOF

                """)
    }

    @Test func `name a counter's family as the older text does for who does not ask for OpenMetrics`() {
        #expect(OpenMetricsWriter.Form(accept: "*/*") == .text)
        let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
        #expect(OpenMetricsWriter.Form(accept: prometheus) == .openMetrics)
        var writer = OpenMetricsWriter(.text)
        writer.write(MetricCatalogue.staleResults, 7)
        writer.write(MetricCatalogue.node, [(["n", "1"], 1)])
        #expect(writer.page.contains("# TYPE absurd_stale_results_total counter\n"))
        #expect(writer.page.contains("# TYPE absurd_node_info gauge\nabsurd_node_info{node=\"n\",version=\"1\"} 1\n"))
    }

    @Test func `count durations in the bucket whose bound they do not exceed`() {
        var histogram = Histogram()
        for microseconds in [0, 1, 2, 3, 4, 5, 1000, 1024, 1025, UInt64.max / 4] {
            histogram.record(microseconds: microseconds)
        }
        histogram.record(nanoseconds: -5)
        #expect(histogram.count == 11)
        #expect(Array(histogram.counts[0...3]) == [3, 1, 2, 1])
        #expect(histogram.counts[10] == 2 && histogram.counts[11] == 1)
        #expect(histogram.counts[Histogram.bucketCount] == 1)
        #expect(histogram.counts.reduce(0, +) == histogram.count)
        #expect(Histogram.boundSeconds(10) == 0.001024)
        #expect(histogram.quantileSeconds(0.5) == 0.000004)
        #expect(Histogram().quantileSeconds(0.5) == nil)
    }
}
