import Absurd
import ArgumentParser

struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Take tasks again after a drain.",
        discussion: """
            Example:
              absurdctl resume
            """)

    @OptionGroup var options: ControlOptions

    func run() throws { try options.ask(["command": "resume"], done: "serving") }
}
