import Absurd
import AbsurdClient
import Foundation
import Glibc
import TestSupport
import Testing

/// Commands about one task, and what a command line may get wrong.
@Suite struct OperatorTests {
    @Test(
        arguments: [
            ["spawn", "q"], ["spawn", "q", "echo", "--timeout", "0"], ["tasks", "get", "no-id"], ["frobnicate"],
            ["up", "--no-such-option"], ["monitor", "--interval", "x"], ["tasks", "list", "--status", "odd"],
        ])
    func aUsageErrorIsOneLineThatNamesTheHelp(arguments: [String]) throws {
        let output = try Program.absurd.run(arguments)
        #expect(output.code == 64 && output.out.isEmpty)
        let lines = output.error.split(separator: "\n")
        #expect(lines.count == 1 && lines[0].hasPrefix("absurd: ") && lines[0].contains("--help"), "\(output.error)")
        let control = try Program(name: "absurdctl").run(["resize", "many"])
        #expect(control.code == 64 && control.error.split(separator: "\n").count == 1, "\(control.error)")
        #expect(control.error.hasSuffix("see absurdctl resize --help\n"))
    }

    @Test func outputThatIsLostIsAnError() throws {
        let command = "\(Program.directory)/absurd tune > /dev/full"
        let output = Shell.run("sh", "-c", command)
        #expect(output.status == 73)
        #expect(output.text == "absurd: standard output: No space left on device; make room or write elsewhere\n")
    }

    @Test func aBadValueIsTheCommandLinesFaultOrTheConfigurations() throws {
        let scratch = try TestCluster.temporaryDirectory("cli")
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        try "workers: many\n".write(toFile: scratch + "/leader.yaml", atomically: true, encoding: .utf8)
        let program = Program.absurd.with("ABSURD_STATE_DIR", scratch)
        #expect(try program.run(["up", "--workers", "many"]).code == 64)
        #expect(try program.run(["up", "--config", scratch + "/leader.yaml"]).code == 78)
        #expect(try program.with("ABSURD_WORKERS", "many").run(["up"]).code == 78)
        #expect(try program.with("ABSURD_TASK_TIMEOUT", "-1").with("ABSURD_QUEUE_NAME", "").run(["up"]).code == 78)
        let long = scratch + "/" + String(repeating: "x", count: 100)
        let refused = try program.run(["up", "--state-dir", long])
        #expect(refused.code == 78 && refused.error.contains("too long"), "\(refused.error)")
        #expect(!FileManager.default.fileExists(atPath: long), "nothing is made before it is refused")
    }

    @Test func paramsAndInputsThatCannotWorkAreRefusedBeforeTheyAreSpawned() throws {
        func refused(_ arguments: String..., because: String) throws {
            let output = try Program.absurd.run(arguments)
            #expect(output.code == 65 && output.error.contains(because), "\(output.error)")
        }
        try refused(
            "spawn", "q", "sleep", "--params", #"{"secs": 1}"#, because: "unknown parameter secs; known: seconds")
        try refused("spawn", "q", "fail", "--params", #"{"inputs": {"time": 1}}"#, because: "unknown parameter time")
        try refused("workflow", "run", "quick-imaging", because: "needs the input input_path")
        try refused("workflow", "run", "target", because: "its stage calibration-apply needs the input ms_path")
    }

    @Test func aTasksStoryReasonsAndProfileAreTold() throws {
        try withDatabase { database in
            let scratch = try TestCluster.temporaryDirectory("story")
            defer { try? FileManager.default.removeItem(atPath: scratch) }
            let program = Program.absurd.with("ABSURD_DATABASE_URL", database.url).with("ABSURD_STATE_DIR", scratch)
            let waiting = try program.run(["spawn", "other", "echo"])
            let leader = try program.start(["leader", "--queue-name", "q", "--workers", "1", "--node-id", "desk"])
            defer {
                leader.terminate()
                leader.waitUntilExit()
            }
            let params = #"{"command": ["sh", "-c", "echo password=hunter2; echo measured"]}"#
            let spawned = try program.run(["spawn", "q", "command", "--params", params, "--wait", "--json"])
            let record = try JSONValue(parsing: spawned.out)
            #expect(spawned.code == 0 && spawned.lines.count == 1 && record["status"] == "completed")
            let id = record["task_id"]?.text ?? ""
            let logs = try program.run(["tasks", "logs", id])
            let sources = logs.lines.map { $0.split(separator: " ")[1] }
            // The end is told by the database's clock and by the worker's: which of the two lines comes last may differ.
            #expect(sources.dropLast(2) == ["leader", "worker", "child", "child"], "\(logs.out)")
            #expect(sources.suffix(2).sorted() == ["leader", "worker"], "\(logs.out)")
            #expect(logs.out.contains("password=***") && !logs.out.contains("hunter2\n"))
            let children = try program.run(["tasks", "logs", id, "--source", "child", "--json"])
            #expect(try JSONValue(parsing: String(children.lines.last ?? ""))["text"] == "measured")
            let explained = try program.run(["tasks", "explain", waiting.lines.first.map(String.init) ?? ""])
            #expect(explained.out.contains("no living node serves queue other (they serve q)"), "\(explained.out)")
            let profile = try program.run(["profile", id, "--trace", scratch + "/trace.json"])
            #expect(
                profile.out.contains("attempt 1 completed on desk") && profile.out.contains("CPU"), "\(profile.out)")
            let trace = try JSONValue(parsing: try String(contentsOfFile: scratch + "/trace.json", encoding: .utf8))
            #expect(trace["traceEvents"]?.items?.isEmpty == false)
            #expect(try program.run(["profile", id, "--trace", scratch + "/no/trace"]).code == 73)
            let got = try program.run(["tasks", "get", id])
            let place = try #require(got.lines.firstIndex { $0.hasPrefix("  attempt") })
            #expect(place < (try #require(got.lines.firstIndex { $0.hasPrefix("  params") })))
            #expect(
                try Program(name: "absurdctl").with("ABSURD_STATE_DIR", scratch).run(["resize", "5000"]).code == 64)
        }
    }
}
