import Absurd
import AbsurdClient
import AbsurdHost
import AbsurdStore
import Foundation
import Glibc
import Logging
import TestSupport

@testable import AbsurdLeader

/// A leader in this process with real workers, on a database of its own.
struct Node {
    let leader: Leader
    let client: TaskClient
    let database: TestDatabase
    let state: String

    static let programs = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .path

    static let types = [
        TaskType("test-task", runner: .worker, cores: 1, memoryBytes: 0, timeoutSeconds: 60),
        TaskType("echo", runner: .worker, cores: 1, memoryBytes: 0, timeoutSeconds: 60),
        TaskType("sleep", runner: .worker, cores: 1, memoryBytes: 0, timeoutSeconds: 60),
        TaskType("fail", runner: .worker, cores: 1, memoryBytes: 0, timeoutSeconds: 60),
        TaskType("command", runner: .worker, cores: 1, memoryBytes: 0, timeoutSeconds: 60),
        TaskType("painting", runner: .stage, cores: 0, memoryBytes: 1 << 20, timeoutSeconds: 60),
    ]

    /// - Parameter stage: a shell script that stands for `absurd-stage`.
    static func run(
        workers: Int = 2, concurrency: Int = 2, stage: String = "exit 70",
        _ body: (Node) async throws -> Void
    ) async throws {
        try await withDatabase { database in
            let state = try TestCluster.temporaryDirectory("node")
            defer { try? FileManager.default.removeItem(atPath: state) }
            let script = state + "/stage.sh"
            try "#!/bin/sh\n\(stage)\n".write(toFile: script, atomically: true, encoding: .utf8)
            chmod(script, 0o755)
            try database.session().script("UPDATE absurd.settings SET retry_base_sec = 0.05, retry_max_sec = 0.1")
            var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            logger.logLevel = .critical
            let placement = try Placement.plan(
                Placement.Request(workers: workers, concurrency: concurrency), topology: Topology.read(),
                limits: HostLimits.read())
            var configuration = LeaderConfiguration(
                node: "node-\(getpid())-\(database.name)", queues: ["q"], database: database.settings,
                stateDirectory: state, placement: placement, taskTypes: types,
                workerExecutable: programs + "/absurd-worker", stageExecutable: script, logger: logger)
            configuration.scratchRoot = state + "/scratch"
            configuration.pollInterval = .seconds(0.2)
            let leader = try Leader.start(configuration)
            let client = TaskClient(database.settings)
            let node = Node(leader: leader, client: client, database: database, state: state)
            do {
                try await body(node)
            } catch {
                client.close()
                await leader.stopAtOnce()
                throw error
            }
            client.close()
            await leader.stopAtOnce()
        }
    }

    func spawn(
        _ name: String, _ params: JSONValue = [:], timeout: Int32? = nil, retries: Int32? = nil
    ) async throws -> TaskID {
        var new = NewTask(queue: "q", name: name, params: params)
        new.timeoutSeconds = timeout
        new.retriesMax = retries
        return try await client.spawn(new)
    }

    /// The task when it is running in a worker, which its progress shows.
    func untilRunning(_ id: TaskID) async throws {
        try await eventually("task \(id) runs") {
            let workers = await leader.ask(.workers)["workers"]?.items ?? []
            return workers.flatMap { $0["running"]?.items ?? [] }.contains { $0["task_id"]?.text == "\(id)" }
        }
    }

    func workerRunning(_ id: TaskID) async throws -> pid_t {
        try await untilRunning(id)
        let workers = await leader.ask(.workers)["workers"]?.items ?? []
        let row = workers.first { worker in
            (worker["running"]?.items ?? []).contains { $0["task_id"]?.text == "\(id)" }
        }
        guard let process = row?["pid"]?.int else { throw Missing(what: "the worker of \(id)") }
        return pid_t(process)
    }

    func outcomes(_ id: TaskID) throws -> [String] {
        try database.session().query(
            "SELECT outcome FROM absurd.attempts WHERE task_id = $1 ORDER BY attempt", [.uuid(id)]
        ).map { try $0.get(0) }
    }

    func processes(of id: TaskID, attempt: Int = 1) -> [pid_t] {
        ProcessTree(session: 0, mark: "ABSURD_ATTEMPT=\(id)/\(attempt)").members()
    }
}

struct Missing: Error { var what: String }

extension Leader {
    /// Two requests: the second ends the waiting for what still runs.
    func stopAtOnce() async {
        _ = await ask(.stop)
        _ = await ask(.stop)
        await waitForEnd()
    }
}

/// Looks until it is so; there is no signal to wait for across processes. Fails after a minute.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    for _ in 0..<6000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    throw Missing(what: what)
}
