import Absurd
import AbsurdPipeline
import Foundation
import Synchronization

/// A stage's surroundings in a directory of the test's own; keeps what the stage said.
final class RecordingContext: StageContext {
    let directory: String
    let taskID = TaskID("00112233-4455-4677-8899-aabbccddeeff")!
    let attempt: Int32 = 1
    let cpuCount = 2
    let memoryBytes: Int64 = 2 << 30
    let scratchDirectory: String?
    private let state = Mutex<(progress: [(Double, String)], log: [String])>(([], []))

    init() {
        directory = NSTemporaryDirectory() + "absurd-stages-" + UUID().uuidString
        scratchDirectory = directory + "/scratch"
        try? FileManager.default.createDirectory(atPath: directory + "/scratch", withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    var progressed: [(Double, String)] { state.withLock { $0.progress } }
    var logged: [String] { state.withLock { $0.log } }

    func writingPath(_ name: String) -> String { "\(directory)/\(name)" }
    func finalPath(_ name: String) -> String { "\(directory)/\(name)" }
    func progress(_ fraction: Double, _ message: String) { state.withLock { $0.progress.append((fraction, message)) } }
    func log(_ line: String) { state.withLock { $0.log.append(line) } }

    /// Runs a stage with params given as JSON, as its process does.
    func run<S: Stage>(_ stage: S.Type, _ params: JSONValue) throws -> StageResult {
        let parameters = try StageParameters(params, schema: S.declaration.schema, task: S.declaration.name)
        return try S().run(parameters, in: self)
    }
}
