import Absurd
import AbsurdDashboard
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
    @OptionGroup var dashboard: DashboardOptions

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
        let served: Dashboard?
        do { served = try await dashboard.start(running, configuration) } catch {
            await running.stop()
            throw error
        }
        if let served { Console.say("dashboard: \(served.url)") }
        await running.waitForEnd()
        await served?.stop()
    }
}
