import Absurd

/// A task to spawn. Only the first three are needed.
public struct NewTask: Sendable, Hashable {
    public var queue: String
    public var name: String
    /// JSON text, passed through to the digit.
    public var params: String
    /// Higher first.
    public var priority: Int32 = 0
    /// nil: the task type's, else the default.
    public var timeoutSeconds: Int32?
    /// nil: the database's default.
    public var retriesMax: Int32?
    /// Blocked until all of these complete; their outputs are handed on.
    public var after: [TaskID] = []
    /// Not before this time.
    public var runAt: Timestamp?
    /// A second task with the same key in the same queue is not spawned: its spawner gets the first one's id.
    public var idempotencyKey: String?
    /// With a limit on the queue, only so many with the same key run at once.
    public var concurrencyKey: String?
    public var workflow: TaskID?

    public init(queue: String, name: String, params: String = "{}") {
        self.queue = queue
        self.name = name
        self.params = params
    }

    public init(queue: String, name: String, params: JSONValue) {
        self.init(queue: queue, name: name, params: params.jsonText)
    }

    /// It can travel in the arrays of `spawn_many`.
    var isPlain: Bool {
        after.isEmpty && runAt == nil && idempotencyKey == nil && concurrencyKey == nil && workflow == nil
    }

    /// As an entry of `spawn_batch`; the params keep their own text.
    var json: String {
        var members: [String: JSONValue] = [
            "queue": .string(queue), "name": .string(name), "priority": .integer(Int64(priority)),
        ]
        if let timeoutSeconds { members["timeout_sec"] = .integer(Int64(timeoutSeconds)) }
        if let retriesMax { members["max_retries"] = .integer(Int64(retriesMax)) }
        if !after.isEmpty { members["after"] = .array(after.map { .string("\($0)") }) }
        if let runAt { members["run_at"] = .string("\(runAt)") }
        if let idempotencyKey { members["key"] = .string(idempotencyKey) }
        if let concurrencyKey { members["concurrency_key"] = .string(concurrencyKey) }
        if let workflow { members["workflow_id"] = .string("\(workflow)") }
        return JSONValue.object(members).jsonText.dropLast() + ",\"params\":" + params + "}"
    }
}
