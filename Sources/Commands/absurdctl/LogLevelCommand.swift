import Absurd
import ArgumentParser

struct LogLevelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loglevel", abstract: "Change how much the leader says.",
        discussion: """
            Example:
              absurdctl loglevel debug
            """)

    @Argument(help: "trace, debug, info, notice, warning, error or critical.")
    var level: String

    @OptionGroup var options: ControlOptions

    func run() throws {
        try options.ask(
            ["command": "loglevel", "level": .string(level)], done: "log level is \(level)", refused: .usage)
    }
}
