@_exported import Absurd
import AbsurdStore
import Synchronization

@_exported import struct AbsurdStore.ConnectionSettings
@_exported import struct AbsurdStore.PoolSize
@_exported import struct AbsurdStore.PostgresError

/// What another Swift program uses to spawn tasks and to follow them.
///
/// ```swift
/// let client = try TaskClient(url: "postgresql:///sky")
/// let id = try await client.spawn(NewTask(queue: "dsa110-pipeline", name: "echo", params: ["inputs": ["word": "hi"]]))
/// print(try await client.wait(id).result ?? "")
/// ```
///
/// Safe to use from any number of tasks at once. What the queue refuses is thrown as a `Refusal`; a lost connection as a
/// `Refusal` with exit `.unavailable`. A spawn that returned is durable. One that threw `.unavailable` has an unknown
/// fate: give it an idempotency key and spawn it again.
public final class TaskClient: Sendable {
    public let postgres: PostgresClient
    let finishes: FinishWatch

    /// `pool`: `.small`, `.medium`, `.large`, or your own.
    public init(_ settings: ConnectionSettings, pool: PoolSize = .small) {
        postgres = PostgresClient(settings, pool: pool)
        finishes = FinishWatch(postgres)
    }

    public convenience init(url: String, pool: PoolSize = .small) throws(Refusal) {
        self.init(try ConnectionSettings(url: url), pool: pool)
    }

    deinit { close() }

    /// Ends the connections when their work is done; later calls fail.
    public func close() {
        finishes.stop()
        postgres.close()
    }

    // MARK: Spawning

    public func spawn(_ task: NewTask) async throws -> TaskID {
        try await query("spawn", "spawn \(task.name)", parameters(of: task))[0].get(0)
    }

    /// Spawns all of them or none, and returns their ids in order.
    ///
    /// Plain tasks travel as arrays, a thousand a millisecond or so; others as one JSON document.
    public func spawnMany(_ tasks: [NewTask]) async throws -> [TaskID] {
        if tasks.isEmpty { return [] }
        let rows: PostgresRows
        if tasks.allSatisfy(\.isPlain) {
            rows = try await query(
                "spawn_many", "spawn \(tasks.count) tasks",
                [
                    .texts(tasks.map(\.queue)), .texts(tasks.map(\.name)), .jsonbs(tasks.map { Array($0.params.utf8) }),
                    .int4s(tasks.map(\.priority)), .int4s(tasks.map(\.timeoutSeconds)), .int4s(tasks.map(\.retriesMax)),
                ])
        } else {
            let document = "[" + tasks.map(\.json).joined(separator: ",") + "]"
            rows = try await query("spawn_batch", "spawn \(tasks.count) tasks", [.json(document)])
        }
        return try (0..<rows.count).map { try rows.get($0, 0) }
    }

    private func parameters(of task: NewTask) -> [PostgresParameter] {
        [
            .text(task.queue), .text(task.name), .json(task.params), .int4(task.priority),
            .int4(orNull: task.timeoutSeconds), .int4(orNull: task.retriesMax), .uuids(task.after),
            .timestamptz(orNull: task.runAt), .text(orNull: task.idempotencyKey), .uuid(orNull: task.workflow),
            .text(orNull: task.concurrencyKey),
        ]
    }

    // MARK: Reading

    /// nil: there is no such task, or it has been archived or pruned.
    public func task(_ id: TaskID) async throws -> TaskRecord? {
        try await query("get", "task \(id)", [.uuid(id)]).first.map { try TaskRecord($0) }
    }

    /// The tasks of these ids that there are, in no particular order.
    public func tasks(_ ids: [TaskID]) async throws -> [TaskRecord] {
        try await query("get_many", "\(ids.count) tasks", [.uuids(ids)]).map { try TaskRecord($0) }
    }

    public func tasks(_ filter: TaskFilter = TaskFilter()) async throws -> [TaskRecord] {
        let rows = try await query(
            "list", "list of tasks",
            [
                .text(orNull: filter.queue), .texts(orNull: filter.states?.map(\.rawValue)), .text(orNull: filter.name),
                .uuid(orNull: filter.workflow), .timestamptz(orNull: filter.createdSince),
                .timestamptz(orNull: filter.behind?.createdAt), .uuid(orNull: filter.behind?.id),
                .int8(Int64(filter.limit)),
            ])
        return try rows.map { try TaskRecord($0) }
    }

    public func queueStats(_ queue: String) async throws -> QueueStats {
        try QueueStats(await query("queue_stats", "statistics of \(queue)", [.text(queue)])[0])
    }

    // MARK: Changing

    /// True when the task was cancelled, or will be as soon as its processes are gone; false when it had ended.
    @discardableResult
    public func cancel(_ id: TaskID) async throws -> Bool {
        try await query("cancel", "cancel \(id)", [.uuid(id)])[0].get(0)
    }

    /// Makes a failed or cancelled task pending again; false when it is in another state.
    @discardableResult
    public func retry(_ id: TaskID) async throws -> Bool {
        try await query("retry", "retry \(id)", [.uuid(id)])[0].get(0)
    }

    // MARK: Parts

    func query(_ name: String, _ what: String, _ parameters: [PostgresParameter]) async throws -> PostgresRows {
        do {
            return try await postgres.query(ClientStatement.named(name), parameters)
        } catch let error as PostgresError {
            if error.isCancelled, Task.isCancelled { throw CancellationError() }
            throw Refusal(error, doing: what)
        }
    }
}

/// The statements of `Statements/`.
enum ClientStatement {
    private static let all = Dictionary(uniqueKeysWithValues: EmbeddedSQL.statements)
    /// Planned anew each time, because the best plan depends on the values.
    private static let unnamed: Set = ["list", "finished_since"]

    static func named(_ name: String) -> PostgresStatement {
        guard let sql = all[name] else { preconditionFailure("no Statements/\(name).sql in this build") }
        return unnamed.contains(name) ? PostgresStatement(sql) : PostgresStatement(name: "client_\(name)", sql)
    }
}
