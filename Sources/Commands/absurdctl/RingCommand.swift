import Absurd
import ArgumentParser

struct RingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ring", abstract: "Show the lanes in shared memory: how many slots are offered, running, done.",
        discussion: """
            Example:
              absurdctl ring
            """)

    @OptionGroup var options: ControlOptions

    func run() throws {
        let answer = try options.ask(["command": "ring"])
        if options.json { return print(answer.jsonText) }
        printTable(answer["lanes"]?.items ?? [], ["worker", "seat", "slots", "offered", "running", "done", "free"])
    }
}
