import Absurd
import AbsurdPipeline
import Glibc
import Synchronization

/// The surroundings of a stage in its own process. Any thread of the stage may use it.
struct ProcessContext: StageContext {
    let request: StageRequest
    let channel: ReportChannel

    var taskID: TaskID { request.taskID }
    var attempt: Int32 { request.attempt }
    var cpuCount: Int { max(1, request.cpus.count) }
    var memoryBytes: Int64 { request.memoryBytes }
    var scratchDirectory: String? { request.scratchDirectory }

    func writingPath(_ name: String) -> String { "\(request.workDirectory)/\(name)" }
    func finalPath(_ name: String) -> String { "\(request.finalDirectory)/\(name)" }

    func progress(_ fraction: Double, _ message: String) { channel.progress(fraction, message) }

    func log(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

/// Lines of JSON to the worker. Who writes: any thread, one line at a time under the lock. The worker reads until the
/// result line or the end of the pipe; when it dies, this process dies with it.
final class ReportChannel: Sendable {
    private struct State {
        var lastProgressNanoseconds: UInt64 = 0
        var lastMessage = ""
    }
    private let descriptor: Int32
    private let state = Mutex(State())

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Drops what comes faster than a person can read, unless it says something new.
    func progress(_ fraction: Double, _ message: String) {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let nanoseconds = UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
        let text = String(decoding: message.utf8.prefix(Limits.progressMessageBytesMax), as: UTF8.self)
        let isDue = state.withLock { state in
            guard text != state.lastMessage || nanoseconds > state.lastProgressNanoseconds + 100_000_000 else {
                return false
            }
            state.lastMessage = text
            state.lastProgressNanoseconds = nanoseconds
            return true
        }
        guard isDue else { return }
        let bounded = fraction.isFinite ? min(1, max(0, fraction)) : 0
        send(.object(["progress": .number(bounded), "message": .string(text)]))
    }

    /// - Returns: whether the whole line was written.
    @discardableResult
    func send(_ value: JSONValue) -> Bool {
        let line = value.jsonBytes + [UInt8(ascii: "\n")]
        return state.withLock { _ in
            line.withUnsafeBytes { bytes in
                var done = 0
                while done < bytes.count {
                    let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
                    if count > 0 { done += count } else if errno != EINTR { return false }
                }
                return true
            }
        }
    }
}
