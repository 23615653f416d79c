import Absurd
import AbsurdHost
import Glibc

/// `command`: runs a program with an argument list, never a shell.
///
/// Params: `command` (list of text, the first is the program), and if wanted `environment` (object), `directory`,
/// `limits` with any of `memory_bytes`, `cpu_seconds`, `file_bytes`, `open_files`. Its output goes to the task's log. It
/// runs in the attempt's directory, and what it leaves there is published when it ends with 0.
struct CommandHandler: TaskHandler {
    let executablePath: String

    func run(_ order: WorkOrder, in context: AttemptContext) -> HandlerResult {
        do {
            let parameters = try InlineParameters(order)
            guard let words = parameters["command"]?.items?.map(\.text), !words.isEmpty, !words.contains(nil) else {
                return bad("command is not a list of text; give the program and its arguments")
            }
            let outputs = Outputs(context.directories)
            try outputs.prepare()
            defer { outputs.discard() }
            return try run(words.compactMap { $0 }, parameters, outputs, context)
        } catch let error as JSONSyntaxError {
            return bad("its params are not JSON: \(error)")
        } catch let refusal as Refusal {
            return .failure(error: refusal.description, isPermanent: refusal.exit == .badData)
        } catch {
            return .failure(error: "\(error)", isPermanent: false)
        }
    }

    private func run(
        _ words: [String], _ parameters: InlineParameters, _ outputs: Outputs, _ context: AttemptContext
    ) throws -> HandlerResult {
        let directories = context.directories
        let log = TaskLog(path: directories.log)
        log.say("command: \(words.joined(separator: " "))")
        var program = ChildProgram(
            executable: try find(words[0]), arguments: Array(words.dropFirst()),
            directory: parameters["directory"]?.text ?? directories.work, log: log.descriptor())
        program.environment = environment(parameters, directories)
        program.limits = limits(parameters)
        let child = try program.start()
        let tree = ProcessTree(
            session: child.process, mark: "\(AttemptDirectories.marker)=\(directories.markerValue)")
        let (end, stopped) = ChildWatch(child: child, tree: tree, context: context).run { _ in }
        log.say("command \(end.sentence)")
        if let stopped { return .stopped(stopped) }
        guard end == .exited(0) else {
            let said = TaskLog.tail(directories.log, bytesMax: 1000).split(separator: "\n").suffix(3).dropLast()
            let error = "\(words[0]) \(end.sentence): \(said.joined(separator: " | "))"
            return .failure(error: error, isPermanent: false)
        }
        let hasFiles = !FileTree.isEmptyDirectory(directories.work)
        try outputs.publish()
        var given = parameters.handedOn
        if hasFiles { given["directory"] = .string(directories.final) }
        return .success(outputs: .object(given), message: "\(words[0]) ended with 0")
    }

    private func bad(_ why: String) -> HandlerResult { .failure(error: "command: \(why)", isPermanent: true) }

    private func environment(_ parameters: InlineParameters, _ directories: AttemptDirectories) -> [String: String] {
        var result = ["PATH": executablePath, "HOME": directories.work, "LC_ALL": "C.UTF-8"]
        for (name, value) in parameters["environment"]?.members ?? [:] {
            if let text = value.text { result[name] = text }
        }
        result[AttemptDirectories.marker] = directories.markerValue
        return result
    }

    private func limits(_ parameters: InlineParameters) -> [String] {
        let given = parameters["limits"]
        return [("memory_bytes", "as"), ("cpu_seconds", "cpu"), ("file_bytes", "fsize"), ("open_files", "nofile")]
            .compactMap { name, option in given?[name]?.int.map { "--\(option)=\(max(0, $0))" } }
    }

    private func find(_ name: String) throws -> String {
        if name.utf8.contains(UInt8(ascii: "/")) { return name }
        for directory in executablePath.split(separator: ":") {
            let path = "\(directory)/\(name)"
            if access(path, X_OK) == 0 { return path }
        }
        throw Refusal(
            "command \(name)", why: "no such program in \(executablePath)", remedy: "give its whole path",
            exit: .badData)
    }
}
