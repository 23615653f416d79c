import Absurd
import AbsurdStore

/// One task as the view `absurd.tasks` shows it.
public struct TaskRecord: Sendable, Hashable, Identifiable {
    public var id: TaskID
    public var queue: String
    public var name: String
    /// JSON text, to the digit; `JSONValue(parsing:)` reads it.
    public var params: String
    public var priority: Int32
    public var timeoutSeconds: Int32?
    public var state: TaskState
    public var worker: String?
    public var attempt: Int32
    public var retriesMax: Int32
    /// JSON text: `{"status", "outputs", "message", "errors"}` for the built-in tasks.
    public var result: String?
    public var error: String?
    public var createdAt: Timestamp
    public var claimedAt: Timestamp?
    public var completedAt: Timestamp?
    public var waitSeconds: Double?
    public var executionSeconds: Double?
    public var dependsOn: [TaskID]
    public var workflow: TaskID?
    /// When a scheduled or retrying task becomes ready.
    public var dueAt: Timestamp?
    /// 0...1 while it runs.
    public var progress: Double?
    public var progressMessage: String?

    init(_ row: PostgresRow) throws(PostgresError) {
        id = try row.get(0)
        queue = try row.get(1)
        name = try row.get(2)
        params = try row.get(3, as: String?.self) ?? "{}"
        priority = try row.get(4)
        timeoutSeconds = try row.get(5)
        let status: String = try row.get(6)
        guard let known = TaskState(rawValue: status) else {
            throw PostgresError(sqlState: "22P03", message: "a task of status \(status), unknown to this release")
        }
        state = known
        worker = try row.get(7)
        attempt = try row.get(8)
        retriesMax = try row.get(9)
        result = try row.get(10)
        error = try row.get(11)
        createdAt = try row.get(12)
        claimedAt = try row.get(13)
        completedAt = try row.get(14)
        waitSeconds = try row.get(15)
        executionSeconds = try row.get(16)
        dependsOn = try row.get(17, as: [TaskID]?.self) ?? []
        workflow = try row.get(18)
        dueAt = try row.get(19)
        progress = try row.get(20)
        progressMessage = try row.get(21)
    }
}

/// Which tasks to list: all conditions that are given must hold. Newest first.
public struct TaskFilter: Sendable, Hashable {
    public var queue: String?
    public var states: [TaskState]?
    public var name: String?
    public var workflow: TaskID?
    public var createdSince: Timestamp?
    /// The last task of the page before: the list goes on behind it, without a gap or a repetition.
    public var behind: Position?
    public var limit = 100

    /// A place in the list.
    public struct Position: Sendable, Hashable {
        public var createdAt: Timestamp
        public var id: TaskID

        public init(of task: TaskRecord) {
            createdAt = task.createdAt
            id = task.id
        }
    }

    public init(
        queue: String? = nil, states: [TaskState]? = nil, name: String? = nil, workflow: TaskID? = nil, limit: Int = 100
    ) {
        self.queue = queue
        self.states = states
        self.name = name
        self.workflow = workflow
        self.limit = limit
    }
}

/// How many tasks of a queue are in each state. Archived ones do not count.
public struct QueueStats: Sendable, Hashable {
    public var pending: Int64
    public var claimed: Int64
    public var completed: Int64
    public var failed: Int64
    public var cancelled: Int64
    public var retrying: Int64
    public var total: Int64

    init(_ row: PostgresRow) throws(PostgresError) {
        pending = try row.get(0)
        claimed = try row.get(1)
        completed = try row.get(2)
        failed = try row.get(3)
        cancelled = try row.get(4)
        retrying = try row.get(5)
        total = try row.get(6)
    }
}
