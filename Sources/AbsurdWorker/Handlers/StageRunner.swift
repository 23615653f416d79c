import Absurd
import AbsurdHost
import CLinux
import Glibc

/// Runs a heavy stage in a child `absurd-stage`, in a session of its own, on the CPUs that the leader granted.
///
/// The request goes to the child's standard input as one JSON object; lines of JSON come back on descriptor 3: progress,
/// and at the end the result. What it writes into the attempt's directory is published before the result counts.
struct StageRunner: TaskHandler {
    let executable: String
    let environment: [String: String]

    func run(_ order: WorkOrder, in context: AttemptContext) -> HandlerResult {
        let outputs = Outputs(context.directories)
        defer {
            outputs.discard()
            outputs.discardScratch()
        }
        do {
            try outputs.prepare()
            return try run(order, outputs, context)
        } catch let refusal as Refusal {
            return .failure(error: refusal.description, isPermanent: false)
        } catch {
            return .failure(error: "\(error)", isPermanent: false)
        }
    }

    private func run(_ order: WorkOrder, _ outputs: Outputs, _ context: AttemptContext) throws -> HandlerResult {
        let directories = context.directories
        let log = TaskLog(path: directories.log)
        let cpus = order.grant?.cpus ?? []
        log.say(
            "\(order.name), attempt \(context.fence.attempt), on CPUs \(cpus.map(String.init).joined(separator: ","))")
        let request = try temporaryFile(self.request(order, outputs.prepareScratch(), context))
        defer { close(request) }
        var ends: [Int32] = [0, 0]
        guard linux_pipe(&ends) == 0 else { throw FileTree.refusal("pipe", "make") }
        defer { close(ends[0]) }
        var program = ChildProgram(
            executable: executable, arguments: ["run"], environment: environment, directory: directories.work,
            log: log.descriptor(), input: request, messages: ends[1], cpus: cpus)
        program.environment[AttemptDirectories.marker] = directories.markerValue
        context.resources.begin(step: "starting the stage's process")
        let child: ChildProcess
        do {
            child = try program.start()
        } catch {
            close(ends[1])
            throw error
        }
        close(ends[1])
        let tree = ProcessTree(
            session: child.process, mark: "\(AttemptDirectories.marker)=\(directories.markerValue)")
        var result: JSONValue?
        let (end, stopped) = ChildWatch(child: child, tree: tree, context: context, messages: ends[0]).run { line in
            guard let message = try? JSONValue(parsing: line) else { return }
            if let fraction = message["progress"]?.double {
                context.resources.begin(step: message["message"]?.text ?? "")
                context.report(min(max(fraction, 0), 1), message["message"]?.text ?? "")
            }
            if let final = message["result"] { result = final }
        }
        log.say("\(order.name) \(end.sentence)")
        context.resources.begin(step: "publishing the outputs")
        return try judge(order, end, stopped, result, outputs)
    }

    private func judge(
        _ order: WorkOrder, _ end: ChildEnd, _ stopped: StopReason?, _ result: JSONValue?, _ outputs: Outputs
    ) throws -> HandlerResult {
        if let stopped { return .stopped(stopped) }
        guard let result, result.members != nil else {
            let said = TaskLog.tail(outputs.directories.log, bytesMax: 2000).split(separator: "\n").suffix(4).dropLast()
            let error = "\(order.name) \(end.sentence) without a result: \(said.joined(separator: " | "))"
            if case .signalled = end { return .crashed(error: error) }
            return .failure(error: error, isPermanent: false)
        }
        if result["status"]?.text == "success" {
            try outputs.publish()
            return .whole(result, outcome: .completed, error: nil)
        }
        let errors = result["errors"]?.items?.compactMap(\.text) ?? []
        let error = errors.isEmpty ? result["message"]?.text ?? "\(order.name) failed" : errors.joined(separator: "; ")
        let isPermanent = result["permanent"]?.flag ?? false
        return .whole(result, outcome: isPermanent ? .failedPermanent : .failed, error: error)
    }

    private func request(_ order: WorkOrder, _ scratch: String?, _ context: AttemptContext) throws -> [UInt8] {
        let directories = context.directories
        let cpus = (order.grant?.cpus ?? []).map { JSONValue.integer(Int64($0)) }
        let members: [(String, JSONValue)] = [
            ("task_id", .string(context.fence.task.description)), ("attempt", .integer(Int64(context.fence.attempt))),
            ("task_name", .string(order.name)), ("work_dir", .string(directories.work)),
            ("final_dir", .string(directories.final)), ("cpus", .array(cpus)),
            ("memory_bytes", .integer(order.grant?.memoryBytes ?? 0)),
            ("scratch_dir", scratch.map { .string($0) } ?? .null),
        ]
        // The params travel as the bytes they came in: decoded once, by the stage.
        var text = Array(#"{"params":"#.utf8) + (order.params.isEmpty ? Array("{}".utf8) : order.params)
        for (name, value) in members {
            text += ",\"\(name)\":".utf8
            text += value.jsonBytes
        }
        return text + [UInt8(ascii: "}")]
    }

    /// A file without a name that holds `bytes`: unlike a pipe it takes any length at once.
    private func temporaryFile(_ bytes: [UInt8]) throws -> Int32 {
        let file = linux_memory_file("request")
        guard file >= 0 else { throw FileTree.refusal("memory file", "make") }
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { write(file, $0.baseAddress! + done, $0.count - done) }
            guard count > 0 else {
                close(file)
                throw FileTree.refusal("memory file", "write")
            }
            done += count
        }
        lseek(file, 0, SEEK_SET)
        return file
    }
}
