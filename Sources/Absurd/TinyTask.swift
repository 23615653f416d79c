/// The parameters of tasks that a worker runs inside its own process, for the command that spawns them and for the handler.
/// `echo` and `test-task` take anything, `command` looks at its own.
public enum TinyTask {
    public static let parameters: [String: [String]] = [
        "sleep": ["seconds"], "fail": ["crash", "message", "permanent", "times"],
    ]

    /// What is wrong with the names; nil when nothing is. They may stand at the top, in `config` or in `inputs`.
    public static func refusal(of params: JSONValue, task: String) -> Refusal? {
        guard let known = parameters[task] else { return nil }
        let places = [params, params["config"] ?? [:], params["inputs"] ?? [:]]
        let names = places.flatMap { $0.members?.keys.sorted() ?? [] }
        guard let unknown = names.first(where: { !(known + ["config", "inputs", "outputs"]).contains($0) }) else {
            return nil
        }
        return Refusal(
            "task \(task)", why: "unknown parameter \(unknown)", remedy: "known: \(known.joined(separator: ", "))",
            exit: .badData)
    }
}
