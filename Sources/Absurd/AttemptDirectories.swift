/// Where one attempt writes, and where readers find it once it has ended well.
///
/// ```
/// work/TASK/ATTEMPT            written by the attempt; gone afterwards, whatever happened
/// products/NAME/TASK/ATTEMPT   the same directory under its final name: there as a whole, or not at all
/// logs/tasks/TASK/ATTEMPT.log  what the attempt and its children said
/// SCRATCH/TASK-ATTEMPT         tmpfs; gone afterwards
/// ```
public struct AttemptDirectories: Sendable, Hashable {
    public let state: String
    public let scratchRoot: String
    public let taskName: String
    public let fence: Fence

    public init(state: String, scratchRoot: String, taskName: String, fence: Fence) {
        self.state = state
        self.scratchRoot = scratchRoot
        self.taskName = taskName
        self.fence = fence
    }

    public var work: String { "\(state)/work/\(fence.task)/\(fence.attempt)" }
    public var final: String { "\(state)/products/\(taskName)/\(fence.task)/\(fence.attempt)" }
    public var log: String { "\(state)/logs/tasks/\(fence.task)/\(fence.attempt).log" }
    public var scratch: String { "\(scratchRoot)/\(fence.task)-\(fence.attempt)" }

    /// The variable that names the attempt in the environment of everything it starts, so that a process that left its
    /// group and its session is still found.
    public static let marker = "ABSURD_ATTEMPT"
    public var markerValue: String { "\(fence.task)/\(fence.attempt)" }
}
