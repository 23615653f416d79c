import Absurd
import Testing

@testable import AbsurdOperate

@Suite struct `A profile` {
    /// Spawned at 0, claimed at 2, failed at 5, again from 10 to 20, of which the worker saw 9.
    private var profile: TaskProfile {
        func at(_ seconds: Double) -> Timestamp { Timestamp(seconds: 1_000_000 + seconds) }
        let resources: JSONValue = [
            "wall_seconds": 9, "cpu_seconds": 18, "max_rss_bytes": 1_073_741_824, "read_bytes": 1_000_000,
            "spans": [
                ["name": "reading", "start_seconds": 0, "seconds": 3],
                ["name": "cleaning", "start_seconds": 3, "seconds": 6],
            ],
        ]
        return TaskProfile(
            id: TaskID(high: 1, low: 2), name: "imaging", state: .completed, createdAt: at(0),
            attempts: [
                .init(number: 1, node: "a", begin: at(2), end: at(5), outcome: "failed"),
                .init(number: 2, node: "b", begin: at(10), end: at(20), outcome: "completed"),
            ], resources: resources, now: at(100))
    }

    @Test func `accounts for the whole time from spawn to end`() {
        let top = profile.spans.filter { $0.depth == 0 }
        #expect(profile.totalSeconds == 20)
        #expect(top.map(\.seconds).reduce(0, +) == 20)
        #expect(
            top.map(\.name) == [
                "waiting to be claimed", "attempt 1 failed on a", "waiting for the next attempt",
                "attempt 2 completed on b",
            ])
        let inside = profile.spans.filter { $0.depth == 1 }
        #expect(
            inside.map(\.name) == ["on its way to the worker", "reading", "cleaning", "its result on the way back"])
        #expect(inside.map(\.seconds).reduce(0, +) == 10)
        #expect(inside[1].start == 10.5)
    }

    @Test func `shows shares, cores and memory`() {
        let text = profile.lines.joined(separator: "\n")
        #expect(text.contains("cleaning") && text.contains("30 %"))
        #expect(text.contains("2.0 cores busy on average") && text.contains("max RSS  1024 MiB"))
    }

    @Test func `is a trace whose events nest within the task's life`() throws {
        let trace = try JSONValue(parsing: profile.trace.jsonText)
        let events = try #require(trace["traceEvents"]?.items).filter { $0["ph"] == "X" }
        #expect(events.count == 8)
        for event in events {
            let start = try #require(event["ts"]?.int)
            let length = try #require(event["dur"]?.int)
            #expect(start >= 0 && length >= 0 && start + length <= 20_000_000)
            #expect(event["pid"] == 1 && event["tid"] == 1 && event["name"]?.text != nil)
        }
    }
}
