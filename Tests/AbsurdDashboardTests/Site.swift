import Absurd
import AbsurdClient
import AbsurdHost
import AbsurdLeader
import AbsurdStore
import Foundation
import Glibc
import Logging
import TestSupport

@testable import AbsurdDashboard

/// A dashboard beside a leader with real workers, on a database of its own.
struct Site: Sendable {
    let database: TestDatabase
    let client: TaskClient
    let leader: Leader
    let dashboard: Dashboard
    let browser: Browser
    let token: String
    let state: String
    let node: String

    /// The browser with the token.
    var writer: Browser { browser.with("authorization", "Bearer \(token)") }

    static func open(
        canary: Bool = false, isReadOnly: Bool = false, pooled: ConnectionSettings? = nil,
        _ body: @Sendable (Site) async throws -> Void
    ) async throws {
        try await withDatabase { database in
            let state = try TestCluster.temporaryDirectory("site")
            defer { try? FileManager.default.removeItem(atPath: state) }
            try database.session().script("UPDATE absurd.settings SET retry_base_sec = 0.05, retry_max_sec = 0.1")
            var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            logger.logLevel = .critical
            let programs = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
                .path
            let types = ["echo", "sleep", "fail", "test-task"].map {
                TaskType($0, runner: .worker, cores: 1, memoryBytes: 0, timeoutSeconds: 60)
            }
            let node = "node-\(getpid())-\(database.name)"
            var configuration = LeaderConfiguration(
                node: node, queues: ["q"], database: database.settings, stateDirectory: state,
                placement: try Placement.plan(
                    Placement.Request(workers: 1, concurrency: 2), topology: Topology.read(), limits: HostLimits.read()),
                taskTypes: types, workerExecutable: programs + "/absurd-worker", stageExecutable: "/bin/false",
                logger: logger)
            configuration.scratchRoot = state + "/scratch"
            configuration.pollInterval = .seconds(0.2)
            if canary { configuration.canaryEvery = .seconds(0.5) }
            let leader = try Leader.start(configuration)
            var served = DashboardConfiguration(
                listen: ListenAddress(port: 0), node: node, queues: ["q"], database: pooled ?? database.settings,
                runDirectory: configuration.runDirectory, logger: logger)
            served.isReadOnly = isReadOnly
            let dashboard = try await Dashboard.start(served, leader: leader)
            let client = TaskClient(database.settings)
            let site = Site(
                database: database, client: client, leader: leader, dashboard: dashboard,
                browser: Browser(port: dashboard.port), token: isReadOnly ? "" : try served.readToken() ?? "",
                state: state, node: node)
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body(site)) } catch { outcome = .failure(error) }
            client.close()
            await dashboard.stop()
            _ = await leader.ask(.stop)
            _ = await leader.ask(.stop)
            await leader.waitForEnd()
            try outcome.get()
        }
    }

    func spawn(_ name: String = "echo", _ params: JSONValue = [:], retries: Int32? = nil) async throws -> TaskID {
        var task = NewTask(queue: "q", name: name, params: params)
        task.retriesMax = retries
        return try await client.spawn(task)
    }
}
