import Absurd

/// A heavy step of the pipeline. It runs in a process of its own, so it may block, use all its cores and crash alone.
public protocol Stage: Sendable {
    /// What the leader and the command line know about the stage: declared in its schema file, without its code.
    static var declaration: StageDeclaration { get }

    init()

    /// - Returns: the outputs that this stage adds, and one line for a person.
    /// - Throws: `Refusal` for bad input (never retried); any other error is a failure that may be retried.
    func run(_ parameters: StageParameters, in context: any StageContext) throws -> StageResult
}

/// A stage's schema and placement under its task name.
public struct StageDeclaration: Sendable, Hashable {
    public var type: TaskType
    public var schema: StageSchema

    public var name: String { type.name }

    public init(
        _ name: String, cores: Int, memoryBytes: Int64, timeoutSeconds: Int32, schema: StageSchema
    ) {
        type = TaskType(name, runner: .stage, cores: cores, memoryBytes: memoryBytes, timeoutSeconds: timeoutSeconds)
        self.schema = schema
    }
}

public struct StageResult: Sendable {
    public var outputs: [String: JSONValue]
    public var message: String
    /// Things that went less than well though the stage succeeded: a sub-band missing, an antenna flagged.
    public var warnings: [String]

    public init(outputs: [String: JSONValue], message: String, warnings: [String] = []) {
        self.outputs = outputs
        self.message = message
        self.warnings = warnings
    }
}

/// What a running stage may ask of its surroundings.
public protocol StageContext: Sendable {
    var taskID: TaskID { get }
    var attempt: Int32 { get }
    /// CPUs that this process is pinned to; use as many threads and no more.
    var cpuCount: Int { get }
    /// Memory that the stage may use.
    var memoryBytes: Int64 { get }
    /// Fast scratch space on tmpfs for this attempt alone, removed with it; nil where there is none.
    var scratchDirectory: String? { get }

    /// Where to write the output called `name` (a file or directory name): a path inside this attempt's directory.
    /// The directory as a whole appears under its final path once the stage has ended well, or never.
    func writingPath(_ name: String) -> String

    /// Where readers will find the output called `name`: the path to put into `StageResult.outputs`.
    func finalPath(_ name: String) -> String

    /// - Parameter fraction: 0...1
    func progress(_ fraction: Double, _ message: String)

    /// One line for the task's log.
    func log(_ line: String)
}
