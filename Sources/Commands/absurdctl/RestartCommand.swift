import Absurd
import ArgumentParser

struct RestartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "Replace a worker process when it has finished what it runs.",
        discussion: """
            Example:
              absurdctl restart 0
            """)

    @Argument(help: "The worker, by its number.")
    var worker: Int

    @OptionGroup var options: ControlOptions

    func run() throws {
        try options.ask(
            ["command": "restart", "worker": .integer(Int64(worker))], done: "worker \(worker) is being replaced")
    }
}
