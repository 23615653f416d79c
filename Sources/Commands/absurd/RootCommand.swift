import Absurd
import ArgumentParser
import Glibc

struct RootCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "absurd",
        abstract: "Run tasks and the telescope's pipeline on a durable Postgres queue.",
        discussion: """
            Example:
              absurd up
              absurd spawn dsa110-pipeline echo --params '{"inputs": {"word": "hello"}}' --wait
            """,
        version: Program.version,
        subcommands: [
            UpCommand.self, DemoCommand.self,
            InitCommand.self, LeaderCommand.self, SpawnCommand.self, TasksCommand.self,
            WorkflowCommand.self, ScheduleCommand.self, DeadLetterCommand.self, ArchiveCommand.self,
            MonitorCommand.self, BenchmarkCommand.self, LoadCommand.self, DoctorCommand.self, TuneCommand.self,
            ProfileCommand.self, SimulateCommand.self, RoutesCommand.self, StagesCommand.self,
        ])

    /// Parses and runs the command line, and ends the process with the exit code of the contract.
    static func runToExit() async -> Never {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Glibc.exit(0)
        } catch let refusal as Refusal {
            Console.say("absurd: \(refusal)")
            Glibc.exit(refusal.exit.rawValue)
        } catch let quiet as QuietExit {
            Glibc.exit(quiet.code.rawValue)
        } catch let code as AnswerIsNo {
            _ = code
            Glibc.exit(Absurd.ExitCode.no.rawValue)
        } catch  where exitCode(for: error) == .validationFailure {
            let line = UsageLine.text(
                program: "absurd", message: message(for: error), usage: fullMessage(for: error))
            Console.say(line)
            Glibc.exit(Absurd.ExitCode.usage.rawValue)
        } catch {
            exit(withError: error)
        }
    }
}

/// The command ran, said what it had to say, and the answer is no: exit code 1.
struct AnswerIsNo: Error {}

/// The command has said all that there is to say, and ends with this code.
struct QuietExit: Error { var code: Absurd.ExitCode }
