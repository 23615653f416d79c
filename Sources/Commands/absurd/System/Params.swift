import Absurd
import AbsurdPipeline

/// A task's params as given on the command line: JSON, or `@FILE`; checked as far as this version knows the task.
enum Params {
    /// - Returns: the text as given, to the digit.
    /// - Throws: `Refusal` (bad data).
    static func text(_ given: String?) throws -> String {
        guard let given else { return "{}" }
        guard given.hasPrefix("@") else { return given }
        let path = String(given.dropFirst())
        guard let text = Paths.text(path) else {
            throw Refusal("params file \(path)", why: "cannot be read", remedy: "check its path", exit: .badData)
        }
        return text
    }

    /// - Throws: `Refusal` (bad data) that names what is wrong. An unknown task passes with a warning, because another
    ///   node may know it, unless it is plainly a typing error.
    static func check(_ text: String, task name: String, warn: (String) -> Void) throws {
        guard text.utf8.count <= Limits.paramsBytesMax else {
            throw Refusal(
                "params of \(name)", why: "\(text.utf8.count) bytes; at most \(Limits.paramsBytesMax) are taken",
                remedy: "put the data into a file and pass its path", exit: .badData)
        }
        let params: JSONValue
        do {
            params = try JSONValue(parsing: text)
        } catch let error as JSONSyntaxError {
            throw Refusal(
                "params of \(name)", why: "not JSON: \(error)", remedy: "quote them for the shell", exit: .badData)
        }
        if Catalogue.type(named: name) != nil { return try Catalogue.validate(params: params, task: name) }
        if let meant = Catalogue.types.map(\.name).first(where: { isTypo(name, of: $0) }) {
            throw Refusal("task \(name)", why: "there is none", remedy: "did you mean \(meant)?", exit: .badData)
        }
        warn("task \(name): unknown to this version; it waits for a node that knows it")
    }

    /// One letter wrong, missing, added, or two swapped.
    static func isTypo(_ given: String, of known: String) -> Bool {
        let a = Array(given.lowercased())
        let b = Array(known.lowercased())
        guard given != known, known.count > 3, abs(a.count - b.count) <= 1 else { return false }
        if a == b { return true }
        let start = zip(a, b).prefix { $0 == $1 }.count
        let end = zip(a.reversed(), b.reversed()).prefix { $0 == $1 }.count
        let restA = a.count - start - end
        let restB = b.count - start - end
        if max(restA, restB) <= 1 { return true }
        return restA == 2 && restB == 2 && a[start] == b[start + 1] && a[start + 1] == b[start]
    }
}
