import Absurd
import AbsurdHost
import AbsurdOperate
import AbsurdStore
import ArgumentParser

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what is wrong with database, queue, nodes and this machine, and what to type.",
        discussion: """
            Example:
              absurd doctor
              absurd doctor --incoming /data/incoming --json

            Each finding has its cause, the evidence and the remedy. Exit 1 when something is wrong; notes are not. Run it
            on a node, as the leader's user, and with a role that is a member of pg_monitor to see everything. It changes
            nothing.
            """)

    @Option(help: "Where observations arrive (default: where the newest conversion reads from).")
    var incoming: String?

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        var facts = Facts()
        var findings: [Diagnosis] = []
        do {
            let settings = try database.settings()
            do {
                let (read, unread) = try DatabaseExamination.read(settings)
                facts.database = read
                facts.unread = unread
            } catch {
                findings.append(Self.unreachable(DatabaseOptions.refusal(error, settings)))
            }
        } catch let refusal as Refusal where refusal.exit == .unavailable {
            findings.append(Self.unreachable(refusal))
        }
        facts.host = HostExamination.read(places(facts.database), processes: Self.workers(facts.database))
        var examination = Examination(facts)
        examination.findings.insert(contentsOf: findings, at: 0)
        if output.json {
            Console.out(examination.json.jsonText)
        } else {
            for line in examination.lines { Console.out(Self.coloured(line)) }
        }
        if !examination.isHealthy { throw AnswerIsNo() }
    }

    private static func unreachable(_ refusal: Refusal) -> Diagnosis {
        Diagnosis(
            "database", .critical, cause: "the database cannot be reached", evidence: "\(refusal.what): \(refusal.why)",
            remedy: refusal.remedy)
    }

    private func places(_ read: DatabaseFacts?) -> HostExamination.Places {
        let stage = Paths.sibling("absurd-stage")
        return HostExamination.Places(
            stateDirectory: database.state, incomingDirectory: incoming.map(Paths.absolute) ?? read?.incomingDirectory,
            tmpfsDirectory: Paths.environment["CONTIMG_TMPFS_DIR"] ?? "/dev/shm",
            programDirectory: FileTree.parent(stage),
            searchPath: Paths.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")
    }

    private static func workers(_ read: DatabaseFacts?) -> [Int] {
        (read?.nodes ?? []).filter(\.isAlive).flatMap { $0.workers.compactMap(\.process) }
    }

    private static func coloured(_ line: String) -> String {
        guard Console.hasColour else { return line }
        for (word, code) in [("CRITICAL", 31), ("WARNING", 33), ("NOTE", 36)] where line.hasPrefix(word) {
            return "\u{1B}[1;\(code)m\(word)\u{1B}[0m" + line.dropFirst(word.count)
        }
        return line
    }
}
