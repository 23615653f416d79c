import Absurd
import AbsurdClient
import AbsurdCluster
import ArgumentParser
import Glibc

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "From nothing to an image of the sky: simulate an observation and run the pipeline on it.",
        discussion: """
            Example:
              absurd demo

            Starts a private database, a leader and its workers in a state directory of its own, simulates an
            observation, runs the standard pipeline on it, and compares what comes out with what was put in. Exit code
            1 when a requirement is not met. Run again, it uses the simulated observation again, and with --keep the
            database too.
            """)

    @Option(name: .customLong("state-dir"), help: "Where everything is kept (default: demo in the state directory).")
    var stateDirectory: String?

    @Option(help: "Size of the observation: small, full, or tiny, which has too few antennas for the requirements.")
    var size = "small"

    @Option(help: "Seed of the simulated sky, gains and noise.")
    var seed: UInt64 = 1

    @Flag(help: "Keep the database and all intermediate files at the end, and use them the next time.")
    var keep = false

    @OptionGroup var leader: LeaderOptions

    func run() async throws {
        let began = Timestamp.now
        let state = stateDirectory.map(Paths.absolute) ?? Paths.stateDirectory(nil) + "/demo"
        guard ["tiny", "small", "full"].contains(size) else {
            throw Refusal("size \(size)", why: "there is none", remedy: "use tiny, small or full", exit: .usage)
        }
        let observation = DemoObservation(size: size, seed: seed, directory: state + "/observation-\(size)-\(seed)")
        let isReused = access(state + "/postgres/data", F_OK) == 0
        // The system first: it takes hold of the directory, and refuses what can't work before anything is written.
        let system = try await LocalSystem.start(
            stateDirectory: state, options: leader, handlesSignals: true, drain: .seconds(1), say: Console.say)
        let passed: Bool
        do {
            Console.out("database     \(isReused ? "reusing the" : "a new private") cluster in \(state)/postgres")
            if !isReused { for left in ["products", "work"] { emptyDirectory(state + "/" + left) } }
            if observation.exists() {
                Console.out("observation  reusing \(observation.directory)")
            } else {
                Console.out("observation  simulating \(size), seed \(seed), in \(observation.directory)")
                try observation.make()
            }
            passed = try await show(system, observation)
        } catch {
            await system.stop()
            if !keep, !isReused { removeTree(state + "/postgres") }
            throw error
        }
        await system.stop()
        if !keep { removeTree(state + "/postgres") }
        Console.out(
            "\nstate        \(state)"
                + (keep
                    ? " (absurd up --state-dir \(state) starts it again)"
                    : " (the database is removed; --keep keeps it)"))
        Console.out("time         \(StageBoard.seconds(Timestamp.now.seconds(since: began))) in all")
        guard passed else { throw AnswerIsNo() }
    }

    /// What an earlier run without --keep left behind belongs to tasks that no database knows any more.
    private func emptyDirectory(_ path: String) {
        removeTree(path)
        mkdir(path, 0o755)
    }

    private func show(_ system: LocalSystem, _ observation: DemoObservation) async throws -> Bool {
        let placement = system.configuration.placement
        Console.out(
            "leader       pid \(getpid()), \(placement.workers.count) workers: "
                + placement.workers.enumerated().map { "worker \($0) on CPUs \($1.cpus)" }.joined(separator: ", "))
        let run = try await DemoRun.start(system, observation: observation.directory)
        Console.out("workflow     \(run.workflow)\n")
        let records = try await run.watch()
        if let failed = records.first(where: { $0.state == .failed }) {
            Console.out("\n\(failed.name) failed: \(failed.error ?? "no reason was given")")
            return false
        }
        guard let last = records.last, last.state == .completed,
            let outputs = last.result.flatMap({ try? JSONValue(parsing: $0) })?["outputs"],
            let image = outputs["image_path"]?.text
        else {
            Console.out("\nthe workflow ended without an image")
            return false
        }
        let tables = (outputs["caltables"]?.members ?? [:]).values.compactMap(\.text).sorted()
        let report = TruthTable(
            report: try JSONValue(
                parsing: SiblingProgram.run(
                    "absurd-stage", ["compare-truth", observation.truthDirectory, image] + tables)))
        Console.out("\nSources: what was put into the sky and what the image shows")
        report.sourceLines().forEach(Console.out)
        Console.out("\nRequirements")
        report.checkLines().forEach(Console.out)
        Console.out("\nTime per stage")
        for record in records {
            Console.out(
                "  " + record.name.padded(to: 22) + StageBoard.seconds(record.executionSeconds ?? 0).leftPadded(to: 9)
                    + "  attempt \(record.attempt)  \(record.worker ?? "")")
        }
        Console.out("\npicture      \(outputs["preview_path"]?.text ?? "none")")
        Console.out("image        \(image)")
        return report.isPassed
    }
}
