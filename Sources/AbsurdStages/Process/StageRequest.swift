import Absurd
import Glibc

/// What a worker asks of an `absurd-stage` process.
public struct StageRequest: Sendable, Hashable {
    public var taskID: TaskID
    public var attempt: Int32
    public var taskName: String
    public var params: JSONValue
    /// Where this attempt writes; renamed to `finalDirectory` once it has ended well.
    public var workDirectory: String
    public var finalDirectory: String
    public var cpus: [Int]
    public var memoryBytes: Int64
    public var scratchDirectory: String?

    /// - Throws: `Refusal` or `JSONSyntaxError`.
    public init(parsing bytes: [UInt8]) throws {
        let request = try JSONValue(parsing: bytes)
        func member<Value>(_ name: String, _ convert: (JSONValue) -> Value?) throws -> Value {
            guard let value = request[name].flatMap(convert) else {
                throw Refusal(
                    "stage request", why: "\(name) is missing or of the wrong kind", remedy: "", exit: .badData)
            }
            return value
        }
        taskID = try member("task_id") { $0.text.flatMap { TaskID($0) } }
        attempt = try member("attempt") { $0.int.flatMap { Int32(exactly: $0) } }
        taskName = try member("task_name", \.text)
        params = try member("params") { $0 }
        workDirectory = try member("work_dir", \.text)
        finalDirectory = try member("final_dir", \.text)
        cpus = try member("cpus") { value in value.items?.compactMap { $0.int.map(Int.init) } }
        memoryBytes = try member("memory_bytes", \.int)
        scratchDirectory = request["scratch_dir"]?.text
    }

    /// Makes the directories that the attempt writes into.
    func makeDirectories() throws {
        for directory in [workDirectory, scratchDirectory].compactMap(\.self) where mkdir(directory, 0o755) != 0 {
            guard errno == EEXIST else {
                throw Refusal(
                    directory, why: "cannot be made: \(String(cString: strerror(errno)))",
                    remedy: "check the disk and its permissions", exit: .cannotCreate)
            }
        }
    }
}
