import Absurd
import ArgumentParser

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what the leader does: counts, queues, database.",
        discussion: """
            Example:
              absurdctl status --json
            """)

    @OptionGroup var options: ControlOptions

    func run() throws {
        let answer = try options.ask(["command": "status"])
        if options.json { print(answer.jsonText) } else { printMembers(answer) }
    }
}
