import Absurd
import AbsurdDashboard
import AbsurdLeader
import ArgumentParser

/// Where the dashboard, the JSON API and the metrics are served.
struct DashboardOptions: ParsableArguments {
    @Option(
        help: """
            Serve dashboard, JSON API, /metrics and /events at this address, such as 127.0.0.1:8110, or none \
            ($ABSURD_HTTP_LISTEN). Writing needs the token in the state directory's run/http-token.
            """)
    var listen: String?

    /// Starts what was asked for. nil: nothing was.
    ///
    /// - Parameter fallback: where to listen when nothing is said; if that is taken, any free port does.
    /// - Throws: `Refusal` when the address that was asked for can't be had.
    func start(
        _ leader: Leader, _ configuration: LeaderConfiguration, fallback: ListenAddress? = nil
    ) async throws -> Dashboard? {
        let text = listen ?? Paths.environment["ABSURD_HTTP_LISTEN"]
        if text == "none" { return nil }
        guard let address = try text.map({ try ListenAddress($0) }) ?? fallback else { return nil }
        var settings = DashboardConfiguration(
            listen: address, node: configuration.node, queues: configuration.queues, database: configuration.database,
            runDirectory: configuration.runDirectory, logger: configuration.logger)
        settings.hosts = (Paths.environment["ABSURD_HTTP_HOSTS"] ?? "").split(separator: ",").map(String.init)
        settings.tokenFile = Paths.environment["ABSURD_HTTP_TOKEN_FILE"]
        do {
            return try await Dashboard.start(settings, leader: leader)
        } catch let refusal as Refusal where text == nil && refusal.exit == .tryAgain {
            settings.listen.port = 0
            return try await Dashboard.start(settings, leader: leader)
        }
    }
}
