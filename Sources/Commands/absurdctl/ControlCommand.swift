import Absurd
import ArgumentParser
import Glibc

struct ControlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "absurdctl", abstract: "Talk to the leader that runs on this node.",
        discussion: """
            Example:
              absurdctl status
              absurdctl resize 8
            """,
        version: "0.1.0",
        subcommands: [
            StatusCommand.self, WorkersCommand.self, DrainCommand.self, ResumeCommand.self, PauseCommand.self,
            UnpauseCommand.self, ResizeCommand.self, RestartCommand.self, RingCommand.self, LogLevelCommand.self,
            StopCommand.self,
        ])

    static func runToExit() -> Never {
        do {
            var command = try parseAsRoot()
            try command.run()
            Glibc.exit(0)
        } catch let refusal as Refusal {
            let line = "absurdctl: \(refusal)\n"
            _ = write(STDERR_FILENO, line, line.utf8.count)
            Glibc.exit(refusal.exit.rawValue)
        } catch  where exitCode(for: error) == .validationFailure {
            let line =
                UsageLine.text(
                    program: "absurdctl", message: message(for: error), usage: fullMessage(for: error)) + "\n"
            _ = write(STDERR_FILENO, line, line.utf8.count)
            Glibc.exit(Absurd.ExitCode.usage.rawValue)
        } catch {
            exit(withError: error)
        }
    }
}

struct ControlOptions: ParsableArguments {
    @Option(name: .customLong("state-dir"), help: "The node's state directory (default: $ABSURD_STATE_DIR).")
    var stateDirectory: String?

    @Flag(help: "Print the leader's answer as JSON.")
    var json = false

    func ask(_ question: JSONValue) throws -> JSONValue {
        try LeaderSocket(path: LeaderSocket.stateDirectory(stateDirectory) + "/run/absurdctl.sock").ask(question)
    }

    /// Asks, and prints `done` or the answer itself.
    /// - Parameter refused: the exit code when the leader refuses: usage, where it is a value that it does not take.
    func ask(_ question: JSONValue, done: String, refused: Absurd.ExitCode = .no) throws {
        let answer: JSONValue
        do {
            answer = try ask(question)
        } catch var refusal as Refusal {
            if refusal.exit == .no { refusal.exit = refused }
            throw refusal
        }
        print(json ? answer.jsonText : done)
    }
}

/// `name  value` lines of an object, in order of name.
func printMembers(_ value: JSONValue) {
    let members = (value.members ?? [:]).sorted { $0.key < $1.key }
    let width = members.map(\.key.count).max() ?? 0
    for (name, value) in members {
        let text = value.text ?? value.jsonText
        print(name + String(repeating: " ", count: width - name.count + 2) + text)
    }
}

/// A table of the rows' members named in `columns`.
func printTable(_ rows: [JSONValue], _ columns: [String]) {
    let cells =
        [columns.map { $0.uppercased() }]
        + rows.map { row in
            columns.map { name in row[name].map { $0.text ?? $0.jsonText } ?? "-" }
        }
    let widths = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    for row in cells {
        print(
            zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  "))
    }
}
