import Absurd
import ArgumentParser

struct StopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Drain, then end the leader and its workers; a second stop ends the waiting.",
        discussion: """
            Example:
              absurdctl stop
            """)

    @OptionGroup var options: ControlOptions

    func run() throws { try options.ask(["command": "stop"], done: "stopping") }
}
