import Absurd

/// One route: how it is asked, what it does, and what people read about it.
public struct Route: Sendable {
    typealias Handler = @Sendable (Request, [String: String], Service) async throws(Problem) -> Answer

    public var method: String
    /// Under /absurd and /api/absurd, unless it begins with two slashes.
    public var path: String
    public var summary: String
    /// Query or body, as name: meaning.
    public var parameters: [(name: String, meaning: String)]
    /// Whether it needs the token.
    public var isWrite: Bool
    let answer: Handler

    static func get(
        _ path: String, _ summary: String, _ parameters: [(name: String, meaning: String)] = [],
        _ answer: @escaping Handler
    ) -> Route {
        Route(method: "GET", path: path, summary: summary, parameters: parameters, isWrite: false, answer: answer)
    }

    static func write(
        _ method: String, _ path: String, _ summary: String, _ parameters: [(name: String, meaning: String)] = [],
        _ answer: @escaping Handler
    ) -> Route {
        Route(method: method, path: path, summary: summary, parameters: parameters, isWrite: true, answer: answer)
    }

    var parts: [Substring] { path.split(separator: "/") }
    public var isAtRoot: Bool { path.hasPrefix("//") }
}

/// Every route there is; the reference page is printed from it.
public enum RouteTable {
    public static let all: [Route] =
        tasks + queues + health + workers + metrics + pipeline + schedules + workflows + deadLetters + root

    /// - Throws: a problem when the path is known but not with this method.
    static func find(_ request: Request) throws(Problem) -> (Route, [String: String])? {
        var segments = request.segments[...]
        var isAtRoot = true
        for prefix in [["api", "absurd"], ["absurd"]] where segments.starts(with: prefix) {
            segments = segments.dropFirst(prefix.count)
            isAtRoot = false
            break
        }
        var methods: [String] = []
        var best: (route: Route, parameters: [String: String])?
        for route in all where route.isAtRoot == isAtRoot {
            guard let parameters = match(route.parts, Array(segments)) else { continue }
            guard route.method == request.method else {
                methods.append(route.method)
                continue
            }
            // A word wins over a name: /workers/metrics is not a worker.
            if best == nil || parameters.count < best!.parameters.count { best = (route, parameters) }
        }
        if let best { return best }
        if methods.isEmpty { return nil }
        throw Problem(
            405, "\(request.method): use \(methods.joined(separator: ", "))",
            headers: ["allow": methods.joined(separator: ", ")])
    }

    private static func match(_ parts: [Substring], _ segments: [String]) -> [String: String]? {
        guard parts.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (part, segment) in zip(parts, segments) {
            if part.hasPrefix("{") {
                parameters[String(part.dropFirst().dropLast())] = segment
            } else if part != segment {
                return nil
            }
        }
        return parameters
    }
}

extension [String: String] {
    func task() throws(Problem) -> TaskID { try id("task_id", "task") }
    func workflow() throws(Problem) -> TaskID { try id("workflow_id", "workflow") }

    private func id(_ key: String, _ what: String) throws(Problem) -> TaskID {
        let text = self[key] ?? ""
        guard let id = TaskID(text) else { throw Problem(400, "\(what) \(text): not a UUID") }
        return id
    }
}
