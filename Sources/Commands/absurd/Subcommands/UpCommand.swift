import Absurd
import AbsurdDashboard
import ArgumentParser

struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Run everything on this machine: database, leader and workers, until Ctrl-C.",
        discussion: """
            Example:
              absurd up --workers 4

            The dashboard is at http://127.0.0.1:8110/, or at another port if that is taken: see what it prints.
            The database is a private PostgreSQL cluster in the state directory, reached by a Unix socket only. Other
            absurd commands on this machine find it by themselves. A second `up` in the same directory is refused.
            """)

    @Option(name: .customLong("state-dir"), help: "Where everything is kept (default: $ABSURD_STATE_DIR).")
    var stateDirectory: String?

    @OptionGroup var leader: LeaderOptions
    @OptionGroup var dashboard: DashboardOptions

    func run() async throws {
        let state = Paths.stateDirectory(stateDirectory)
        let system = try await LocalSystem.start(
            stateDirectory: state, options: leader, handlesSignals: true, say: Console.say)
        let workers = system.configuration.placement.workers
        Console.say(
            "absurd is up in \(state): \(workers.count) workers of \(workers.first?.seats ?? 0) tasks; "
                + "queues \(system.configuration.queues.joined(separator: ", ")); Ctrl-C stops it")
        let served: Dashboard?
        do {
            served = try await dashboard.start(
                system.leader, system.configuration, fallback: ListenAddress(port: ListenAddress.usualPort))
        } catch {
            await system.stop()
            throw error
        }
        if let served { Console.say("dashboard: \(served.url)") }
        await system.leader.waitForEnd()
        await served?.stop()
        await system.runToEnd()
        Console.say("absurd has stopped")
    }
}
