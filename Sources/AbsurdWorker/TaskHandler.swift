import Absurd

/// Runs one kind of task on a seat's thread. It may block; it must look at `context.stop` when it does.
public protocol TaskHandler: Sendable {
    func run(_ order: WorkOrder, in context: AttemptContext) -> HandlerResult
}

public enum HandlerResult: Sendable {
    /// The result's JSON text without its resources, which are added by the seat.
    case success(outputs: JSONValue, message: String)
    /// The same with the outputs as JSON text, passed on unread.
    case successText(outputs: [UInt8])
    case failure(error: String, isPermanent: Bool)
    /// Stopped because the leader or the deadline said so.
    case stopped(StopReason)
    /// The child died by a signal that nobody here sent.
    case crashed(error: String)
    /// The stage's own result, already whole.
    case whole(JSONValue, outcome: AttemptOutcome, error: String?)
}

/// Whether and why the running attempt must stop.
public protocol StopSource: Sendable {
    var reason: StopReason? { get }
    /// Sleeps until there is a reason, or the time is over, or earlier.
    func wait(nanoseconds: Int64) -> StopReason?
}

/// An attempt's surroundings. Used by its seat's thread alone.
public struct AttemptContext {
    public let fence: Fence
    public let stop: any StopSource
    public let directories: AttemptDirectories
    public let report: @Sendable (Double, String) -> Void
    public let resources: ResourceMeter

    public init(
        fence: Fence, stop: any StopSource, directories: AttemptDirectories, resources: ResourceMeter,
        report: @escaping @Sendable (Double, String) -> Void
    ) {
        self.fence = fence
        self.stop = stop
        self.directories = directories
        self.resources = resources
        self.report = report
    }
}
