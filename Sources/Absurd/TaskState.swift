/// The `status` column of a task.
public enum TaskState: String, Sendable, CaseIterable, Codable {
    case pending, claimed, completed, failed, cancelled
    /// Failed, and waiting for its back-off to end.
    case retrying
    /// To be run at a later time.
    case scheduled
    /// Waits for the tasks that it depends on.
    case blocked

    public var isTerminal: Bool { self == .completed || self == .failed || self == .cancelled }
}
