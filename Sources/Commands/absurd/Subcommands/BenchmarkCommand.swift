import Absurd
import AbsurdMeasure
import AbsurdStore
import ArgumentParser
import Glibc

struct BenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark", abstract: "Measure this machine and release, against floors taken in the same run.",
        discussion: """
            Example:
              absurd benchmark --quick --output before.json

            Everything happens on a private cluster that is removed again. Ratios are medians of rounds in which ours and
            the floor take turns. Quick takes less than a minute, full less than ten. Missed goals are named, and make the
            exit code 1 except with --quick, which is too short to judge by.
            """)

    @Flag(help: "Less than a minute, for a first impression.")
    var quick = false

    @Option(help: "Clients side by side in the section on concurrent operations: a number, or several such as 1,2,4,8.")
    var concurrency = "1,2,4,8"

    @Option(help: "Write the report as JSON to this file.")
    var output: String?

    @Option(parsing: .upToNextOption, help: "Compare two such files instead of measuring.")
    var compare: [String] = []

    @Option(help: "A file with pgmq's own SQL, to be the peer instead of its statements on tables of its shape.")
    var pgmqSQL: String?

    @OptionGroup var printing: OutputOptions

    func run() throws {
        if !compare.isEmpty { return try printComparison() }
        let plan = BenchmarkPlan(
            isQuick: quick, concurrency: try BenchmarkPlan.concurrency(concurrency),
            executable: Paths.sibling("absurd"),
            pgmqSQL: try pgmqSQL.map { try Self.text($0) }, say: { Console.say($0) })
        // A file that can't be written must not be found out after ten minutes.
        if let output { try BenchmarkFile.write("", to: Paths.absolute(output)) }
        let report: BenchmarkReport
        do {
            report = try BenchmarkRun.run(plan)
        } catch let error as PostgresError {
            throw Refusal(
                "benchmark", why: "its private database: \(error.message)", remedy: "see that TMPDIR has room",
                exit: .unavailable)
        }
        let text = report.json.jsonText
        if let output { try BenchmarkFile.write(text + "\n", to: Paths.absolute(output)) }
        if printing.json { Console.out(text) } else { for line in report.lines { Console.out(line) } }
        if !quick, report.sections.contains(where: { !$0.misses.isEmpty }) { throw AnswerIsNo() }
    }

    private func printComparison() throws {
        guard compare.count == 2 else {
            throw Refusal(
                "compare", why: "\(compare.count) files", remedy: "write --compare before.json after.json", exit: .usage
            )
        }
        let documents = try compare.map { path -> JSONValue in
            do {
                return try JSONValue(parsing: try Self.text(path))
            } catch let error as JSONSyntaxError {
                throw Refusal(path, why: "not JSON: \(error)", remedy: "give a report", exit: .badData)
            }
        }
        let rows = try BenchmarkComparison.rows(documents[0], documents[1])
        if printing.json {
            for row in rows {
                let value: JSONValue = [
                    "section": .string(row.section), "figure": .string(row.figure), "unit": .string(row.unit),
                    "before": .number(row.before), "after": .number(row.after), "gain": .number(row.gain),
                ]
                Console.out(value.jsonText)
            }
        } else {
            Console.table(
                ["section", "figure", "before", "after", "unit", "gain"],
                rows.map { row in
                    [
                        row.section, row.figure, rounded(row.before), rounded(row.after), row.unit, rounded(row.gain),
                    ]
                })
        }
    }

    private static func text(_ path: String) throws -> String {
        guard let text = Paths.text(path) else {
            throw Refusal(path, why: "cannot be read", remedy: "check its path", exit: .badData)
        }
        return text
    }
}
