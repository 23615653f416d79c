import Absurd
import AbsurdClient

extension TaskRecord {
    /// How the task ended, in one line: its state, then the error or the handler's message, warnings included.
    var summary: String {
        let message = result.flatMap { try? JSONValue(parsing: $0) }?["message"]?.text
        return ([state.rawValue] + [error ?? message].compactMap { $0 }).joined(separator: ": ")
    }
}
