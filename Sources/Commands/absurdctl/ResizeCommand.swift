import Absurd
import ArgumentParser

struct ResizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resize", abstract: "Change the number of workers; those that leave finish what they run.",
        discussion: """
            Example:
              absurdctl resize 8
            """)

    @Argument(help: "How many workers.")
    var workers: Int

    @OptionGroup var options: ControlOptions

    func run() throws {
        try options.ask(
            ["command": "resize", "workers": .integer(Int64(workers))], done: "resizing to \(workers) workers",
            refused: .usage)
    }
}
