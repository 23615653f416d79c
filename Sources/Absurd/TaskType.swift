/// What the leader must know about a kind of task in order to place it.
public struct TaskType: Sendable, Hashable {
    public enum Runner: String, Sendable, Hashable {
        /// A function inside the worker process: tiny, no native libraries.
        case worker
        /// A child `absurd-stage` in its own process group: a crash, time-out or cancel costs this attempt only.
        case stage
    }

    public var name: String
    public var runner: Runner
    /// Cores that the task can use at the same time; 0 means all of the worker's NUMA node.
    public var cores: Int
    public var memoryBytes: Int64
    public var timeoutSeconds: Int32

    public init(_ name: String, runner: Runner, cores: Int, memoryBytes: Int64, timeoutSeconds: Int32) {
        self.name = name
        self.runner = runner
        self.cores = cores
        self.memoryBytes = memoryBytes
        self.timeoutSeconds = timeoutSeconds
    }
}
