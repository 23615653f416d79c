import Absurd
import AbsurdObserve
import Testing

@testable import AbsurdOperate

/// The monitor's screen as a function of looks and keys.
@Suite struct `The monitor` {
    private static func id(_ number: Int) -> TaskID {
        TaskID(high: 0x0198_c0de_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(number))
    }

    /// A telescope at work: two NUMA nodes, four workers, two queues, one with trouble.
    private static func look() throws -> MonitorSnapshot {
        var snapshot = MonitorSnapshot(takenAt: Timestamp(microseconds: 1_795_615_865_000_000))
        snapshot.latencySeconds = 0.0012
        snapshot.windows = [60.0, 300, 900].map { seconds in
            .init(
                seconds: seconds, spawned: Int64(seconds), completed: Int64(seconds) - 2, failed: 2, cancelled: 1,
                retried: 3, timedOut: 1, completedPerSecond: 0.97, successRatio: 0.967, wait: [0.012, 0.2, 1.4],
                run: [2.5, 61, 400])
        }
        snapshot.queues = [
            .init(
                name: "dsa110-pipeline", counts: [.pending: 620, .claimed: 4, .completed: 123_456, .failed: 7],
                deadLetters: 2, oldestPendingSeconds: 700, secondsSinceCompletion: 1),
            .init(name: "night", counts: [.scheduled: 3], isPaused: true),
        ]
        snapshot.nodes = [try node()]
        snapshot.tasks = [
            .init(
                id: id(1), name: "imaging", queue: "dsa110-pipeline", node: "antenna", worker: 0, numaNode: 0,
                seconds: 83, progress: 0.8, message: "cleaning \u{1B}[31mchannel 7"),
            .init(
                id: id(2), name: "convert-uvh5-to-ms", queue: "dsa110-pipeline", node: "antenna", worker: 2,
                numaNode: 1, attempt: 2, seconds: 12, progress: 0.25, message: "sub-band 4 of 16"),
            .init(id: id(3), name: "foreign", queue: "night", node: "python-worker", seconds: 4000),
        ]
        return snapshot
    }

    private static func node() throws -> NodeFacts {
        let info = try JSONValue(
            parsing: #"""
                {"host": "antenna", "status": {"seats": 16, "running": 2}, "workers": [
                {"worker": 0, "state": "busy", "pid": 100, "cpus": "0-3", "numa_node": 0, "completed": 50, "failed": 1, "respawns": 0,
                 "running": [{"task_id": "0198c0de-0000-7000-8000-000000000001", "task_name": "imaging", "progress": 0.7}]},
                {"worker": 1, "state": "idle", "pid": 101, "cpus": "4-7", "numa_node": 0, "completed": 48, "failed": 0, "respawns": 0, "running": []},
                {"worker": 2, "state": "busy", "pid": 102, "cpus": "8-11", "numa_node": 1, "completed": 51, "failed": 0, "respawns": 4,
                 "running": [{"task_id": "0198c0de-0000-7000-8000-000000000002", "task_name": "convert-uvh5-to-ms"}]},
                {"worker": 3, "state": "down", "cpus": "12-15", "numa_node": 1, "respawns": 1, "running": []}]}
                """#)
        var node = NodeFacts(
            name: "antenna", isAlive: true, leaseSeconds: 25, queues: ["dsa110-pipeline"], info: info)
        node.secondsSinceRenewal = 5
        return node
    }

    private func model(_ columns: Int, _ rows: Int, keys: [Key] = []) throws -> MonitorModel {
        var model = MonitorModel(intervalSeconds: 5)
        _ = model.handle(.size(columns: columns, rows: rows))
        _ = model.handle(.look(try Self.look()))
        for key in keys { _ = model.handle(.key(key)) }
        return model
    }

    private func screen(_ model: MonitorModel) -> String { model.frame.map(\.text).joined(separator: "\n") }

    @Test func `at 80 x 24 looks like this`() throws {
        let screen = screen(try model(80, 24))
        #expect(screen == (try Frames.expected("tasks80", screen)))
    }

    @Test func `at 160 x 50 has more columns`() throws {
        let screen = screen(try model(160, 50))
        #expect(screen == (try Frames.expected("tasks160", screen)))
    }

    @Test func `shows nodes, NUMA nodes, workers and their tasks`() throws {
        let screen = screen(try model(80, 24, keys: [.tab]))
        #expect(screen == (try Frames.expected("workers80", screen)))
    }

    @Test(arguments: [(80, 24), (160, 50), (20, 6), (81, 7), (500, 200)])
    func `fills the screen and never leaves it`(columns: Int, rows: Int) throws {
        for keys in [[], [Key.tab], [.character("?")], [.character("/"), .character("x")]] {
            let frame = try model(columns, rows, keys: keys).frame
            #expect(frame.count == rows)
            #expect(frame.allSatisfy { $0.count <= columns })
        }
    }

    @Test func `lets no control character of a task's message through`() throws {
        for line in try model(160, 50).frame {
            #expect(!line.text.unicodeScalars.contains { $0.value < 32 })
            #expect(!line.terminalText(isColoured: false).replacing("\u{1B}[7m", with: "").contains("\u{1B}[31m"))
        }
        #expect(try Self.look().report.allSatisfy { !$0.contains("\u{1B}") })
    }

    @Test func `sorts, reverses and filters`() throws {
        #expect(try model(80, 24).tasks.map(\.name) == ["foreign", "imaging", "convert-uvh5-to-ms"])
        let progress = try model(80, 24, keys: [.character("s")])
        #expect(progress.tasks.map(\.name) == ["imaging", "convert-uvh5-to-ms", "foreign"])
        let reversed = try model(80, 24, keys: [.character("s"), .character("s"), .character("r")])
        #expect(reversed.tasks.map(\.name) == ["imaging", "foreign", "convert-uvh5-to-ms"])
        let typed = [Key.character("/")] + "SUB-".map { .character($0) }
        let filtered = try model(80, 24, keys: typed + [.enter])
        #expect(filtered.tasks.map(\.name) == ["convert-uvh5-to-ms"])
        #expect(screen(filtered).contains("/ filter: SUB-"))
        #expect(try model(80, 24, keys: typed + [.escape]).tasks.count == 3)
    }

    @Test func `keeps the chosen task chosen when others come`() throws {
        var model = try model(80, 24, keys: [.down])
        #expect(model.chosen == 1 && model.tasks[1].name == "imaging")
        var next = try Self.look()
        next.tasks.append(.init(id: Self.id(4), name: "older", queue: "night", node: "antenna", seconds: 9000))
        _ = model.handle(.look(next))
        #expect(model.tasks[model.chosen].name == "imaging")
    }

    @Test func `quits on q, Ctrl-C and Ctrl-D, but types a q into a filter`() throws {
        for key in [Key.character("q"), .control("c"), .control("d")] {
            var model = try model(80, 24)
            #expect(model.handle(.key(key)) == .quit)
        }
        var typing = try model(80, 24, keys: [.character("/")])
        #expect(typing.handle(.key(.character("q"))) == .none)
        #expect(typing.filter == "q")
        #expect(typing.handle(.key(.control("c"))) == .quit)
    }

    @Test func `holds the picture while paused`() throws {
        var model = try model(80, 24, keys: [.character("p")])
        var next = try Self.look()
        next.tasks = []
        _ = model.handle(.look(next))
        #expect(model.tasks.count == 3 && screen(model).contains(" paused"))
    }

    @Test func `says that the database is down, and what to do`() throws {
        var model = try model(80, 24)
        var next = MonitorSnapshot(takenAt: Timestamp(microseconds: 0))
        next.failure = "connection refused"
        _ = model.handle(.look(next))
        #expect(next.health == .down)
        #expect(screen(model).contains("DOWN  the database does not answer: connection refused"))
        #expect(screen(model).contains("absurd doctor"))
    }

    @Test func `takes health and alerts from the thresholds`() throws {
        let look = try Self.look()
        #expect(look.health == .degraded)
        #expect(Set(look.findings.map(\.cause)) == [.depth, .oldestPending])
        #expect(look.activeWorkers == 3)
        var silent = look
        silent.nodes[0].secondsSinceRenewal = 25
        #expect(silent.health == .critical, "none of the workers has been heard of")
    }

    @Test func `reads the keys that terminals send`() {
        #expect(Key.parse([0x71]) == [.character("q")])
        #expect(Key.parse(Array("\u{1B}[A\u{1B}[B\u{1B}OA".utf8)) == [.up, .down, .up])
        #expect(Key.parse(Array("\u{1B}[5~\u{1B}[6~\u{1B}[1~".utf8)) == [.pageUp, .pageDown, .home])
        #expect(Key.parse([0x1B]) == [.escape])
        #expect(Key.parse([0x03, 0x1A, 0x09, 0x0D, 0x7F]) == [.control("c"), .control("z"), .tab, .enter, .backspace])
        #expect(Key.parse(Array("ü\u{1B}[200~x".utf8)) == [.character("ü"), .character("x")])
    }

    @Test func `writes a look as JSON`() throws {
        let json = try JSONValue(parsing: try Self.look().json.jsonText)
        #expect(json["health"] == "degraded")
        #expect(json["windows"]?.items?.count == 3 && json["tasks"]?.items?.count == 3)
        #expect(json["tasks"]?.items?[0]["numa_node"] == 0)
        #expect(json["queues"]?.items?[0]["pending"] == 620)
    }
}
