import Absurd
import AbsurdPipeline
import Glibc

/// `absurd-stage run`: one attempt of one stage in a process of its own.
///
/// One JSON request comes on standard input:
/// `{"task_id","attempt","task_name","params","work_dir","final_dir","cpus":[...],"memory_bytes","scratch_dir"}`.
/// Lines of JSON leave on file descriptor 3: any number of `{"progress":0.25,"message":"..."}`, and as the last one
/// `{"result":{"status":"success"|"error",...}}`, after which the process ends with 0. Standard output and error are
/// the task's log. SIGTERM ends the process: outputs are published by the worker, so half of them are never seen.
public struct StageProcess: Sendable {
    /// Where progress and the result go.
    public static let reportDescriptor: Int32 = 3

    private let find: @Sendable (String) -> (any Stage.Type)?

    public init(find: @escaping @Sendable (String) -> (any Stage.Type)? = StageRegistry.stage(named:)) {
        self.find = find
    }

    /// - Returns: the exit code: success once a result line is out, whatever the result.
    public func run(input: Int32 = STDIN_FILENO, report: Int32 = Self.reportDescriptor) -> ExitCode {
        // A descriptor that is not open would soon be a data file, and then full of JSON.
        guard fcntl(report, F_SETFD, FD_CLOEXEC) == 0 else {
            return Self.complain("descriptor \(report) is not open; this program is started by a worker")
        }
        let request: StageRequest
        do {
            request = try StageRequest(parsing: Self.readAll(input))
        } catch {
            return Self.complain("the request on standard input: \(error)")
        }
        let channel = ReportChannel(descriptor: report)
        let result = outcome(of: request, channel: channel)
        return channel.send(.object(["result": result])) ? .success : .tryAgain
    }

    private func outcome(of request: StageRequest, channel: ReportChannel) -> JSONValue {
        let handedOn = request.params["outputs"]?.members ?? [:]
        do {
            guard let type = find(request.taskName) else {
                throw Refusal(
                    "task \(request.taskName)", why: "this node has no such stage",
                    remedy: "run it where `absurd doctor` lists it", exit: .usage)
            }
            let parameters = try StageParameters(
                try Self.withConfigRead(request.params), schema: type.declaration.schema, task: request.taskName)
            try request.makeDirectories()
            let result = try type.init().run(parameters, in: ProcessContext(request: request, channel: channel))
            let success = Self.success(result, handedOn: parameters.handedOn)
            guard success.jsonBytes.count <= Limits.resultBytesMax else {
                throw Refusal(
                    "task \(request.taskName)", why: "its result is larger than \(Limits.resultBytesMax) bytes",
                    remedy: "ask for fewer outputs", exit: .badData)
            }
            return success
        } catch let refusal as Refusal {
            return Self.failure(refusal.description, permanent: true, handedOn: handedOn)
        } catch {
            return Self.failure("\(error)", permanent: false, handedOn: handedOn)
        }
    }

    /// Reads the config where it is given as the path of a JSON file.
    private static func withConfigRead(_ params: JSONValue) throws -> JSONValue {
        guard let path = params["config"]?.text, var members = params.members else { return params }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Refusal(
                "config \(path)", why: "cannot be read: \(String(cString: strerror(errno)))",
                remedy: "pass the options as an object, or a JSON file that this node can read", exit: .badData)
        }
        defer { close(descriptor) }
        do {
            members["config"] = try JSONValue(parsing: readAll(descriptor))
        } catch {
            throw Refusal("config \(path)", why: "\(error)", remedy: "make it valid JSON", exit: .badData)
        }
        return .object(members)
    }

    private static func success(_ result: StageResult, handedOn: [String: JSONValue]) -> JSONValue {
        var members: [String: JSONValue] = [
            "status": "success",
            "outputs": .object(handedOn.merging(result.outputs) { _, own in own }),
            "message": .string(([result.message] + result.warnings.map { "warning: \($0)" }).joined(separator: "; ")),
            "errors": [],
        ]
        if !result.warnings.isEmpty { members["warnings"] = .array(result.warnings.map(JSONValue.string)) }
        return .object(members)
    }

    private static func failure(_ text: String, permanent: Bool, handedOn: [String: JSONValue]) -> JSONValue {
        let line = String(decoding: text.utf8.prefix(Limits.errorBytesMax), as: UTF8.self)
        var members: [String: JSONValue] = [
            "status": "error", "outputs": .object(handedOn), "message": .string(line), "errors": [.string(line)],
        ]
        if permanent { members["permanent"] = true }
        return .object(members)
    }

    /// One line for a person.
    /// - Returns: the exit code for a program that was called wrongly.
    public static func complain(_ why: String) -> ExitCode {
        let line = Array("absurd-stage: \(why)\n".utf8)
        _ = line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
        return .usage
    }

    private static func readAll(_ descriptor: Int32) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= Limits.stageRequestBytesMax {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            if count > 0 {
                bytes += buffer.prefix(count)
            } else if errno != EINTR {
                throw Refusal(
                    "its reading", why: String(cString: strerror(errno)), remedy: "", exit: .badData)
            }
        }
        throw Refusal(
            "its length", why: "more than \(Limits.stageRequestBytesMax) bytes", remedy: "pass less", exit: .badData)
    }
}
