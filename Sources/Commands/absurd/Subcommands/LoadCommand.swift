import Absurd
import AbsurdMeasure
import AbsurdObserve
import AbsurdStore
import ArgumentParser

extension TargetTier: ExpressibleByArgument {}

struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Send synthetic tasks at a steady rate and prove what became of each.",
        discussion: """
            Example:
              absurd load --rate 200 --duration 60s --tier high-performance

            Tasks arrive on a schedule that never waits for the system; latencies count from the intended start to the
            end that a waiting client sees. At the end every acknowledged task must have exactly one terminal record.
            Exit code 1 when one has not, or when the tier asked for is missed. Ctrl-C ends the sending early.
            """)

    @Option(help: "Tasks a second.")
    var rate: Double = 20

    @Option(help: "Tasks in all; with --duration, whichever is reached first.")
    var tasks: Int?

    @Option(help: "How long to send, such as 60s or 1h (default: 60s, unless --tasks is given).")
    var duration: String?

    @Option(help: "The queue to send to ($ABSURD_QUEUE_NAME; default dsa110-pipeline).")
    var queueName: String?

    @Option(help: "The task to send.")
    var task = "test-task"

    @Option(help: "Connections that send side by side (default: by the rate).")
    var producers: Int?

    @Option(help: "The tier to be held to: development, production or high-performance.")
    var tier: TargetTier?

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        var seconds: Double?
        if let duration {
            seconds = DurationText.seconds(duration)
            guard seconds != nil else {
                throw Refusal(
                    "duration \"\(duration)\"", why: "not a positive time", remedy: "write 60s, 5m or 1h", exit: .usage)
            }
        }
        var plan = try LoadPlan(
            queue: queueName ?? Paths.environment["ABSURD_QUEUE_NAME"] ?? "dsa110-pipeline", ratePerSecond: rate,
            tasks: tasks, durationSeconds: seconds, producers: producers)
        plan.task = task
        if let tier { try plan.require(canShow: tier) }
        let settings = try database.settings()
        if !output.json {
            Console.say(
                "sending \(plan.tasks) tasks to \(plan.queue) at \(rounded(rate))/s, "
                    + "\(rounded(Double(plan.tasks) / rate)) s; Ctrl-C ends it early")
        }
        let report: LoadReport
        do {
            report = try LoadRun(plan, settings, stop: StopRequests(catchingSignals: ())).run()
        } catch let error as PostgresError {
            throw DatabaseOptions.refusal(error, settings)
        }
        if output.json {
            Console.out(report.json(asking: tier).jsonText)
        } else {
            for line in report.lines(asking: tier) { Console.out(line) }
        }
        let isTierMissed = tier.map { !$0.misses(report.evidence).isEmpty } ?? false
        if !report.isWhole || isTierMissed { throw AnswerIsNo() }
    }
}
