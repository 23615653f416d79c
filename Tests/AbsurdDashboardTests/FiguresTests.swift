import Absurd
import Testing

@testable import AbsurdDashboard

@Suite struct FiguresTests {
    @Test func `Numbers keep three digits that matter`() {
        let space = Figures.space
        #expect(Figures.count(1_234_567) == "1\(space)234\(space)567")
        #expect(Figures.count(-1000) == "−1\(space)000")
        #expect(Figures.count(nil) == "–")
        #expect(Figures.number(0.0421) == "0.042")
        #expect(Figures.number(9.999) == "10.00")
        #expect(Figures.number(38.06) == "38.1")
        #expect(Figures.number(-0.0001) == "0.000")
        #expect(Figures.number(.nan) == "–")
        #expect(Figures.number(1e300).count > 3)
    }

    @Test func `Durations have two units at most, and none rounds up to a unit too large`() {
        let space = Figures.space
        #expect(Figures.duration(0) == "0\(space)s")
        #expect(Figures.duration(0.0004) == "<1\(space)ms")
        #expect(Figures.duration(0.0842) == "84\(space)ms")
        #expect(Figures.duration(0.9996) == "1.0\(space)s")
        #expect(Figures.duration(59.6) == "1\(space)min")
        #expect(Figures.duration(3599.7) == "1\(space)h")
        #expect(Figures.duration(250) == "4\(space)min 10\(space)s")
        #expect(Figures.duration(100_000) == "1\(space)d 3\(space)h")
        #expect(Figures.duration(-5) == "0\(space)s")
    }

    @Test func `Success is never 100 % while anything failed`() {
        #expect(Figures.percent(1) == "100\(Figures.space)%")
        #expect(Figures.percent(0.999_999) == "99.9\(Figures.space)%")
        #expect(Figures.percent(0.9968) == "99.7\(Figures.space)%")
        #expect(Figures.percent(0) == "0\(Figures.space)%")
    }

    @Test func `A time reads as it was written, whatever the offset and the precision`() {
        for text in [
            "2024-02-29T23:59:59.5Z", "2024-03-01T01:29:59.500000+01:30", "2024-02-29T15:59:59.5-08",
            "2024-02-29T15:59:59.5-08:00",
        ] {
            #expect(Timestamp(reading: text)?.description == "2024-02-29T23:59:59.500000Z")
        }
        for seconds in stride(from: -62_000_000_000, through: 70_000_000_000, by: 1_234_567_891) {
            let time = Timestamp(seconds: Double(seconds))
            #expect(Timestamp(reading: time.description) == time)
        }
        for text in ["", "yesterday", "2024-13-01T00:00:00Z", "2024-01-01 00:00"] {
            #expect(Timestamp(reading: text) == nil)
        }
    }

    @Test func `Fluxes take the unit that fits`() {
        #expect(Figures.flux(0.00142) == "1.42\(Figures.space)mJy")
        #expect(Figures.flux(0.0000871) == "87.1\(Figures.space)µJy")
        #expect(Figures.flux(1.87) == "1.87\(Figures.space)Jy")
    }
}

@Suite struct DrawingTests {
    @Test func `Coordinates are plain decimals`() {
        #expect(Drawing.number(-0.04) == "0")
        #expect(Drawing.number(-0.26) == "-0.3")
        #expect(Drawing.number(12.345) == "12.3")
        #expect(Drawing.number(.infinity) == "0")
    }

    @Test func `A line breaks where nothing was measured`() {
        let points = [1.0, nil, 2, 3].enumerated().map { index, value in
            Sparkline.Point(at: Timestamp(seconds: Double(index) * 60), value: value)
        }
        let markup = Sparkline(title: "Wait", points: points, format: { Figures.number($0) }).html.markup
        let line = markup.split(separator: "class=\"line\" d=\"").last.map(String.init) ?? ""
        #expect(line.prefix { $0 != "\"" }.filter { $0 == "M" }.count == 2)
        #expect(markup.contains("aria-label=\"Wait: now 3.00, highest 3.00 in 3"))
    }

    @Test func `A task lies below all that it waits for`() {
        func node(_ id: String, _ after: [String]) -> TaskGraph.Node {
            TaskGraph.Node(id: id, name: id, status: "pending", after: after, note: "")
        }
        let layers = TaskGraph.layers([
            node("d", ["b", "c"]), node("b", ["a"]), node("c", ["b", "elsewhere"]), node("a", []),
        ])
        #expect(layers == ["a": 0, "b": 1, "c": 2, "d": 3])
        // A cycle cannot be made through the queue; drawing one ends.
        #expect(TaskGraph.layers([node("a", ["b"]), node("b", ["a"])]).count == 2)
    }

    @Test func `CPU lists are ranges and single numbers`() {
        #expect(CPUStrip.numbers("0-3,8,10-11") == [0, 1, 2, 3, 8, 10, 11])
        #expect(CPUStrip.numbers("5-2,x,0-99999") == [])
    }
}
