import Absurd
import AbsurdStore
import ArgumentParser

struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Create or migrate the schema in the database.",
        discussion: """
            Example:
              ABSURD_DATABASE_URL=postgresql:///sky absurd init --check

            Forward only, one transaction a step, safe while the queue works and when two start at once.
            """)

    @Flag(help: "Only say what would change; exit 1 when something would.")
    var check = false

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        let settings = try database.settings()
        do {
            let session = try PostgresSession(settings)
            if check {
                let pending = try Migrator().check(session)
                for migration in pending { Console.out("would apply \(migration)") }
                if !pending.isEmpty { throw AnswerIsNo() }
                Console.out("nothing to do")
            } else {
                let applied = try Migrator().migrate(session)
                for migration in applied { Console.out("applied \(migration)") }
                if applied.isEmpty { Console.out("nothing to do") }
            }
        } catch let error as PostgresError {
            throw DatabaseOptions.refusal(error, settings)
        }
    }
}
