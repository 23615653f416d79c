import Absurd
import AbsurdPipeline
import Foundation
import TestSupport
import Testing

@Suite struct UsageTests {
    static let commands: [[String]] = [
        ["up"], ["init"], ["leader"], ["spawn"], ["tasks"], ["tasks", "list"], ["tasks", "get"], ["tasks", "wait"],
        ["tasks", "cancel"], ["tasks", "retry"], ["tasks", "logs"], ["tasks", "explain"], ["workflow"],
        ["workflow", "run"], ["workflow", "list"], ["workflow", "get"], ["workflow", "cancel"], ["workflow", "retry"],
        ["schedule"], ["schedule", "add"], ["dlq"], ["dlq", "replay"], ["archive"], ["stages"],
        ["monitor"], ["benchmark"], ["load"], ["doctor"], ["tune"], ["profile"],
    ]

    @Test(arguments: commands)
    func helpBeginsWithAnExampleThatIsThisCommand(command: [String]) throws {
        let output = try Program.absurd.run(command + ["--help"])
        #expect(output.code == 0)
        let lines = output.out.split(separator: "\n")
        let example = lines.firstIndex { $0.contains("Example:") }
        let usage = lines.firstIndex { $0.hasPrefix("USAGE:") }
        guard let example, let usage else { return #expect(Bool(false), "no example or no usage: \(output.out)") }
        #expect(example < usage)
        #expect(lines[example...].dropFirst().first?.contains("absurd " + command.joined(separator: " ")) == true)
    }

    @Test func theListOfSubcommandsIsTheOneOfTheContract() throws {
        let output = try Program.absurd.run(["--help"])
        let names = output.out.split(separator: "\n").drop { !$0.hasPrefix("SUBCOMMANDS:") }.dropFirst()
            .compactMap { $0.split(separator: " ").first.map(String.init) }
        for name in [
            "up", "init", "leader", "spawn", "tasks", "workflow", "schedule", "dlq", "archive", "monitor", "benchmark",
            "load", "doctor", "tune", "profile", "simulate", "demo",
        ] {
            #expect(names.contains(name), "\(name)")
        }
    }

    @Test(
        arguments: [
            (["spawn", "q"], 64), (["spawn", "q", "echo", "--timeout", "0"], 64), (["tasks", "get", "no-id"], 64),
            (["frobnicate"], 64), (["load", "--rate", "10", "--tier", "production"], 64),
            (["load", "--duration", "soon"], 64), (["load", "--rate", "30"], 69),
            (["benchmark", "--concurrency", "none"], 64),
            (["benchmark", "--compare", "one.json"], 64),
            (["benchmark", "--compare", "/nonexistent", "/dev/null"], 65),
            (["benchmark", "--quick", "--output", "/nonexistent/b.json"], 73), (["up", "--no-such-option"], 64),
            (["spawn", "q", "echo", "--params", "{bad"], 65), (["spawn", "q", "ehco"], 65),
            (["spawn", "q", "echo", "--params", "@/nonexistent"], 65), (["workflow", "run", "no-such-chain"], 65),
            (["tasks", "list"], 69), (["init"], 69), (["leader", "--workers", "none"], 69),
            (["tasks", "list", "--database-url", "postgresql://127.0.0.1:1/none"], 69),
            (["tasks", "list", "--database-url", "://"], 78),
            (["up", "--workers", "many", "--state-dir", "relative-is-fine"], 64),
            (["up", "--queue-name", ""], 64), (["demo", "--size", "huge"], 64),
            (["demo", "--state-dir", "/dev/null"], 73),
            (["leader", "--database-url", "postgresql:///none?host=/nonexistent"], 69),
        ] as [([String], Int32)])
    func badInputIsOneLineAndTheRightExitCode(arguments: [String], code: Int32) throws {
        let scratch = try TestCluster.temporaryDirectory("cli")
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        var words = arguments
        if let place = words.firstIndex(of: "relative-is-fine") { words[place] = scratch }
        let output = try Program.absurd.with("ABSURD_STATE_DIR", scratch).run(words)
        #expect(output.code == code, "\(output.error)")
        #expect(output.out.isEmpty)
        if code != 64 { #expect(output.error.split(separator: "\n").count == 1, "\(output.error)") }
        #expect(!output.error.contains("Fatal") && !output.error.isEmpty)
    }

    @Test func aSettingThatDoesNotExistIsNamedWithItsLine() throws {
        let scratch = try TestCluster.temporaryDirectory("cli")
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        try "workers: 2\nwokers: 8\n".write(toFile: scratch + "/leader.yaml", atomically: true, encoding: .utf8)
        let output = try Program.absurd.run(["up", "--config", scratch + "/leader.yaml", "--state-dir", scratch])
        #expect(output.code == 78)
        #expect(output.error.contains("line 2: there is no setting wokers"))
    }

    @Test func theDatabaseURLMayLieInAFileAsTheUnitsHaveIt() async throws {
        try await withDatabase { database in
            let scratch = try TestCluster.temporaryDirectory("cli")
            defer { try? FileManager.default.removeItem(atPath: scratch) }
            let program = Program.absurd.with("ABSURD_STATE_DIR", scratch)
                .with("ABSURD_DATABASE_URL_FILE", scratch + "/database-url")
            #expect(try program.run(["tasks", "list"]).code == 78)
            try (database.url + "\n").write(toFile: scratch + "/database-url", atomically: true, encoding: .utf8)
            let output = try program.run(["tasks", "list"])
            #expect(output.code == 0, "\(output.error)")
        }
    }

    @Test func stagesShowsEveryOptionOfAStageWithItsDefault() throws {
        let list = try Program.absurd.run(["stages"])
        #expect(list.lines.count == Catalogue.stages.count + 1)
        let one = try Program.absurd.run(["stages", "convert-uvh5-to-ms"])
        for option in ConvertSchema.declaration.schema.options {
            #expect(
                one.lines.contains { $0.hasPrefix(option.name + " ") && $0.hasSuffix(option.help) }, "\(option.name)")
        }
        #expect(one.out.contains("required"))
        let json = try JSONValue(parsing: Program.absurd.run(["stages", "--json"]).out)
        #expect(json.items?.count == Catalogue.stages.count)
        #expect(try Program.absurd.run(["stages", "no-such-stage"]).code == 65)
    }

    @Test func absurdctlWithoutALeaderSaysSo() throws {
        let output = try Program(name: "absurdctl").run(["status", "--state-dir", "/nonexistent"])
        #expect(output.code == 69)
        #expect(output.error.contains("nobody listens there"))
    }

    @Test func aWorkerStartedByHandExplainsItself() throws {
        let output = try Program(name: "absurd-worker").run(["--help"])
        #expect(output.code == 64)
        #expect(output.error.contains("the leader starts it"))
    }
}
