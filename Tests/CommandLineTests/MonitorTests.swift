import Absurd
import AbsurdStore
import Foundation
import TestSupport
import Testing

/// `absurd monitor` as an operator and as a script run it.
@Suite struct MonitorTests {
    @Test func oneLookIsTextOrJSONAndGoesIntoTheLog() throws {
        try withDatabase { database in
            let scratch = try TestCluster.temporaryDirectory("monitor")
            defer { try? FileManager.default.removeItem(atPath: scratch) }
            let program = Program.absurd.with("ABSURD_DATABASE_URL", database.url)
            try database.session().script("SELECT absurd.spawn_task('q', 'echo', '{}', 0, NULL, 0)")
            let text = try program.run(["monitor", "--once", "--log", scratch + "/log"])
            // Nobody serves the queue: with a backlog that is an alert.
            #expect(text.code == 1 && text.error.isEmpty, "\(text.error)")
            #expect(text.lines.first?.hasSuffix("health: critical") == true)
            #expect(text.out.contains("queue q: 1 pending, 0 claimed"))
            #expect(!text.out.contains("\u{1B}"))
            let json = try program.run(["monitor", "--once", "--json", "--queue-name", "r", "--log", scratch + "/log"])
            let look = try JSONValue(parsing: json.out)
            #expect(json.code == 0 && look["health"] == "healthy" && look["queues"] == [])
            let lines = try String(contentsOfFile: scratch + "/log", encoding: .utf8).split(separator: "\n")
            #expect(try lines.map { try JSONValue(parsing: String($0))["health"] } == ["critical", "healthy"])
            #expect(try program.run(["monitor", "--once", "--log", scratch + "/no/log"]).code == 73)
        }
    }

    @Test func withoutADatabaseItSaysSoAndExits69() throws {
        let program = Program.absurd.with("ABSURD_STATE_DIR", "/nonexistent")
        #expect(try program.run(["monitor", "--once"]).code == 69)
        let down = try program.run(["monitor", "--once", "--database-url", "postgresql://127.0.0.1:1/none"])
        #expect(down.code == 69 && down.lines.first?.hasSuffix("health: down") == true)
        #expect(try program.run(["monitor", "--interval", "0"]).code == 64)
    }

    @Test(arguments: ["q", "\u{3}", "\u{4}", "?sr/imaging\u{3}"])
    func theTerminalIsGivenBackWhateverKeyEndsIt(keys: String) throws {
        try withDatabase { database in
            // `script` runs it on a terminal of its own and hands the keys on.
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/script")
            process.arguments = ["-qec", "\(Program.directory)/absurd monitor; stty -a", "/dev/null"]
            process.environment = [
                "PATH": "/usr/bin:/bin", "ABSURD_DATABASE_URL": database.url, "TERM": "xterm", "NO_COLOR": "1",
                "SHELL": "/bin/sh",
            ]
            let (input, output) = (Pipe(), Pipe())
            process.standardInput = input
            process.standardOutput = output
            try process.run()
            defer { if process.isRunning { process.terminate() } }
            var text = ""
            // Keys that come before the screen is there belong to the shell.
            while !text.contains("absurd monitor "), let more = try output.fileHandleForReading.read(upToCount: 4096) {
                text += String(decoding: more, as: UTF8.self)
            }
            try input.fileHandleForWriting.write(contentsOf: Data(keys.utf8))
            text += String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            process.waitUntilExit()
            let enter = try #require(text.range(of: "\u{1B}[?1049h"))
            let leave = try #require(text.range(of: "\u{1B}[?25h\u{1B}[?1049l", options: .backwards))
            #expect(enter.upperBound < leave.lowerBound)
            #expect(text[leave.upperBound...].contains(" icanon"), "the terminal is raw")
            #expect(!text.contains("\u{1B}[1m"), "colour in spite of NO_COLOR")
            #expect(process.terminationStatus == 0)
        }
    }
}
