import Absurd
import ArgumentParser

struct DrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Let running tasks end, take no new ones, give the rest back; the leader stays.",
        discussion: """
            Example:
              absurdctl drain
            """)

    @OptionGroup var options: ControlOptions

    func run() throws { try options.ask(["command": "drain"], done: "draining") }
}
