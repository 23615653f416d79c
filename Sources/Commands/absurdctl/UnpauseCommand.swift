import Absurd
import ArgumentParser

struct UnpauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpause", abstract: "Take tasks from a paused queue again.",
        discussion: """
            Example:
              absurdctl unpause dsa110-pipeline
            """)

    @Argument(help: "The queue.")
    var queue: String

    @OptionGroup var options: ControlOptions

    func run() throws {
        try options.ask(["command": "unpause", "queue": .string(queue)], done: "\(queue) is served here")
    }
}
