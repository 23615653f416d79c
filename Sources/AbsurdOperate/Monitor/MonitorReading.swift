import Absurd
public import AbsurdStore
import Glibc

/// Looks at the system through one session. Owned by one thread.
public final class MonitorReading {
    private let settings: ConnectionSettings
    private let queue: String?
    private var session: PostgresSession?

    /// - Parameter queue: only this one; nil for all.
    public init(_ settings: ConnectionSettings, queue: String?) {
        var settings = settings
        settings.applicationName = "absurd monitor"
        settings.statementTimeoutMilliseconds = 10_000
        self.settings = settings
        self.queue = queue
    }

    /// A look; when the database is away, one that says so, and the next look connects anew.
    public func look() -> MonitorSnapshot {
        var snapshot = MonitorSnapshot(takenAt: Self.now())
        do {
            let session = try session ?? PostgresSession(settings)
            self.session = session
            try read(session, into: &snapshot)
        } catch {
            session = nil
            let error = error as? PostgresError
            snapshot.failure =
                ["42883", "42P01", "3F000"].contains(error?.sqlState)
                ? "the schema is missing or of another release: run `absurd init`" : error?.message ?? "\(error as Any)"
        }
        return snapshot
    }

    private static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    private func read(_ session: PostgresSession, into snapshot: inout MonitorSnapshot) throws {
        let before = monotonicSeconds()
        try session.query("SELECT 1")
        snapshot.latencySeconds = monotonicSeconds() - before
        snapshot.windows = try [60.0, 300, 900].map { try window(session, $0) }
        snapshot.queues = try session.query(.named("monitor_queues"), [.text(orNull: queue)]).map { row in
            let states: [TaskState] = [
                .pending, .claimed, .scheduled, .retrying, .blocked, .completed, .failed, .cancelled,
            ]
            var counts: [TaskState: Int64] = [:]
            for (index, state) in states.enumerated() { counts[state] = try row.get(index + 1) }
            return MonitorSnapshot.Queue(
                name: try row.get(0), counts: counts, deadLetters: try row.get(9),
                oldestPendingSeconds: try row.get(10), secondsSinceCompletion: try row.get(11),
                isPaused: try row.get(12))
        }
        snapshot.nodes = try session.query(.named("monitor_nodes")).map { row in
            let info: String = try row.get(4)
            var node = NodeFacts(
                name: try row.get(0), isAlive: try row.get(1), leaseSeconds: try row.get(2), queues: try row.get(3),
                info: (try? JSONValue(parsing: info)) ?? [:])
            node.secondsSinceRenewal = try row.get(5)
            return node
        }
        snapshot.tasks = try tasks(session, snapshot.nodes)
    }

    private func window(_ session: PostgresSession, _ seconds: Double) throws -> MonitorSnapshot.Window {
        let row = try session.query(.named("monitor_window"), [.text(orNull: queue), .float8(seconds)])[0]
        return MonitorSnapshot.Window(
            seconds: seconds, spawned: try row.get(0), completed: try row.get(1), failed: try row.get(2),
            cancelled: try row.get(3), retried: try row.get(4), timedOut: try row.get(5),
            completedPerSecond: try row.get(6), successRatio: try row.get(7),
            wait: [try row.get(8), try row.get(9), try row.get(10)],
            run: [try row.get(11), try row.get(12), try row.get(13)])
    }

    private func tasks(_ session: PostgresSession, _ nodes: [NodeFacts]) throws -> [MonitorSnapshot.Task] {
        var places: [String: NodeFacts.Worker] = [:]
        for worker in nodes.flatMap(\.workers) { for task in worker.tasks { places[task.id] = worker } }
        return try session.query(.named("monitor_tasks"), [.text(orNull: queue)]).map { row in
            let id: TaskID = try row.get(0)
            let attempt: Int32 = try row.get(4)
            let place = places["\(id)"]
            let own = place?.tasks.first { $0.id == "\(id)" }
            return MonitorSnapshot.Task(
                id: id, name: try row.get(1), queue: try row.get(2), node: try row.get(3) ?? "", worker: place?.index,
                numaNode: place?.numaNode, attempt: Int(attempt), seconds: try row.get(5) ?? 0,
                progress: try row.get(6) ?? own?.progress, message: try row.get(7) ?? own?.message ?? "")
        }
    }
}
