/// What a writer must know to change an attempt: a write whose fence is not the row's current one is dropped.
///
/// The token is random rather than counted because a fail-over to a replica can rewind counters.
public struct Fence: Sendable, Hashable {
    public var task: TaskID
    public var attempt: Int32
    public var token: TaskID

    public init(task: TaskID, attempt: Int32, token: TaskID) {
        self.task = task
        self.attempt = attempt
        self.token = token
    }

    /// The task alone tells fences apart well enough for a table: a leader rarely holds two attempts of one task, and
    /// the tokens of one claim may be the same.
    @inlinable
    public func hash(into hasher: inout Hasher) { hasher.combine(task.low ^ task.high) }

    @inlinable
    public static func == (a: Fence, b: Fence) -> Bool {
        a.task.low == b.task.low && a.task.high == b.task.high && a.attempt == b.attempt && a.token.low == b.token.low
            && a.token.high == b.token.high
    }
}
