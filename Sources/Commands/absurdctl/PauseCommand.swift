import Absurd
import ArgumentParser

struct PauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Take no tasks from a queue on this node.",
        discussion: """
            Example:
              absurdctl pause dsa110-pipeline
            """)

    @Argument(help: "The queue.")
    var queue: String

    @OptionGroup var options: ControlOptions

    func run() throws {
        try options.ask(["command": "pause", "queue": .string(queue)], done: "\(queue) is paused here")
    }
}
