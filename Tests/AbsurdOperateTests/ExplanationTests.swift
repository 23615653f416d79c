import Absurd
import Testing

@testable import AbsurdOperate

@Suite struct `An explanation` {
    private static let now = Timestamp(seconds: 1_000_000)

    private func facts(_ state: TaskState, _ change: (inout Explanation) -> Void = { _ in }) -> Explanation {
        var facts = Explanation(
            id: TaskID(high: 1, low: 2), name: "imaging", queue: "q", state: state, now: Self.now)
        change(&facts)
        return facts
    }

    private func node(
        _ name: String, queues: [String] = ["q"], alive: Bool = true, knows: [String] = ["imaging"],
        state: String = "serving", paused: [String] = [], running: Int = 0
    ) -> NodeFacts {
        let info: JSONValue = [
            "task_names": .array(knows.map { .string($0) }),
            "status": [
                "seats": 4, "running": .integer(Int64(running)), "state": .string(state),
                "paused": .array(paused.map { .string($0) }),
            ],
        ]
        return NodeFacts(name: name, isAlive: alive, leaseSeconds: 20, queues: queues, info: info)
    }

    private func reasons(_ nodes: [NodeFacts], _ change: (inout Explanation) -> Void = { _ in }) -> String {
        let facts = facts(.pending) { facts in
            facts.nodes = nodes
            change(&facts)
        }
        return facts.reasons.joined(separator: "\n")
    }

    @Test func `says when nobody is alive, nobody serves the queue, or nobody knows the name`() {
        #expect(reasons([node("a", alive: false)]).hasPrefix("no node is alive"))
        #expect(reasons([node("a", queues: ["r"])]).hasPrefix("no living node serves queue q (they serve r)"))
        #expect(reasons([node("a", knows: ["echo"])]).hasPrefix("no node of queue q knows a task named imaging"))
        #expect(reasons([node("a")]).hasPrefix("a may run it (0 of 4 seats busy)"))
    }

    @Test func `names a pause, wherever it was said, and a drain`() {
        #expect(reasons([node("a")]) { $0.isPaused = true }.hasPrefix("queue q is paused in the database"))
        #expect(reasons([node("a", paused: ["q"])]).hasPrefix("queue q is paused on node a: absurdctl unpause q"))
        #expect(reasons([node("a", state: "draining")]).hasPrefix("node a is draining"))
    }

    @Test func `names limits and full seats`() {
        let limited = reasons([node("a")]) { facts in
            (facts.runningMax, facts.runningNow, facts.ahead) = (2, 2, 7)
            (facts.key, facts.keyMax, facts.keyNow) = ("field-3", 1, 1)
        }
        #expect(limited.contains("may run 2 tasks at a time over all nodes, and runs 2"))
        #expect(limited.contains("1 tasks with the concurrency key field-3 may run at a time, and 1 do"))
        #expect(limited.contains("7 tasks of its queue are before it"))
        #expect(reasons([node("a", running: 4)]).hasPrefix("all 4 seats"))
    }

    @Test func `names the parents that block it, and how to free it`() {
        let blocked = facts(.blocked) { facts in
            facts.parents = [
                .init(id: TaskID(high: 3, low: 4), name: "convert-uvh5-to-ms", state: .failed),
                .init(id: TaskID(high: 5, low: 6), name: "catalog-setup", state: .completed),
            ]
        }
        #expect(blocked.reasons.count == 1)
        #expect(blocked.reasons[0].contains("convert-uvh5-to-ms") && blocked.reasons[0].contains("absurd tasks retry"))
    }

    @Test func `compares with what is usual for its kind`() {
        let slow = facts(.claimed) { facts in
            facts.claimedAt = Self.now.advanced(bySeconds: -500)
            facts.timeoutSeconds = 600
            facts.usual = .init(count: 200, p50: 100, p95: 200, p99: 300)
        }
        #expect(slow.reasons.contains { $0.hasPrefix("has run for longer than 99 of 100 of its kind") })
        #expect(slow.reasons.contains { $0.hasPrefix("is stopped in 1m") || $0.hasPrefix("is stopped in 100s") })
        let usual = facts(.completed) { facts in
            facts.runSeconds = 90
            facts.usual = .init(count: 200, p50: 100, p95: 200, p99: 300)
        }
        #expect(!usual.reasons.joined().contains("longer"))
    }

    @Test(arguments: [
        ("timed_out", "ran out of 600 s"), ("failed_permanent", "of no use"), ("crashed", "crashed with"),
    ])
    func `says how a failed task failed`(outcome: String, words: String) {
        let failed = facts(.failed) { facts in
            facts.outcome = outcome
            facts.timeoutSeconds = 600
        }
        #expect(failed.reasons.joined(separator: "\n").contains(words))
        #expect(failed.reasons.last?.contains("absurd tasks retry") == true)
    }
}
