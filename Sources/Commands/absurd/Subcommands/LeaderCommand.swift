import Absurd
import AbsurdLeader
import AbsurdStore
import ArgumentParser

struct LeaderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "leader", abstract: "Run this node: one leader and its workers, on a database that exists.",
        discussion: """
            Example:
              ABSURD_DATABASE_URL=postgresql://absurd@db/sky absurd leader --queue-name dsa110-pipeline --workers auto

            SIGTERM lets running tasks end and gives the rest back. A flag wins over its ABSURD_* variable, which wins
            over the file given with --config.
            """)

    @OptionGroup var leader: LeaderOptions
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        let settings = try database.settings()
        var configuration = try leader.configuration(database: settings, state: database.state)
        configuration.handlesSignals = true
        // Once it runs, a leader outlives its database; at the start a wrong URL must not look like one that is away.
        do {
            try PostgresSession(settings).query("SELECT absurd.current_time()")
        } catch  where !["57P03", "53300"].contains(error.sqlState) {
            throw DatabaseOptions.refusal(error, settings)
        } catch {
            Console.say("the database is starting, or has no connection free: the leader waits for it")
        }
        try LocalSystem.applyDefaults(leader, settings)
        let running = try Leader.start(configuration)
        Console.say("node \(configuration.node) serves \(configuration.queues.joined(separator: ", "))")
        await running.waitForEnd()
    }
}
