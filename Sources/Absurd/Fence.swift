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
}
