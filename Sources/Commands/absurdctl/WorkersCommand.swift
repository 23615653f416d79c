import Absurd
import ArgumentParser

struct WorkersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "Show the workers, their CPUs and what they run.",
        discussion: """
            Example:
              absurdctl workers
            """)

    @OptionGroup var options: ControlOptions

    func run() throws {
        let answer = try options.ask(["command": "workers"])
        if options.json { return print(answer.jsonText) }
        let rows = answer["workers"]?.items ?? []
        printTable(
            rows, ["worker", "state", "pid", "cpus", "numa_node", "completed", "failed", "respawns", "uptime_seconds"])
        for row in rows {
            for task in row["running"]?.items ?? [] {
                let progress = task["progress"]?.double.map { " \(Int($0 * 100)) %" } ?? ""
                let cpus = task["cpus"]?.text.map { " on CPUs \($0)" } ?? ""
                print(
                    "worker \(row["worker"]?.int ?? 0): \(task["task_name"]?.text ?? "") \(task["task_id"]?.text ?? "")\(progress)\(cpus)"
                )
            }
        }
    }
}
