import Absurd

/// A request as the routes see it, free of the HTTP library.
struct Request: Sendable {
    var method: String
    /// As it was sent, still encoded.
    var path = ""
    /// The path between its slashes, each part decoded by itself, so that a name may hold a slash (%2F).
    var segments: [String]
    var query: [String: String] = [:]
    /// Names in lower case.
    var headers: [String: String] = [:]
    var body: [UInt8] = []

    func cookie(_ name: String) -> String? {
        for pair in (headers["cookie"] ?? "").split(separator: ";") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2, parts[0].trimming == name { return parts[1].trimming }
        }
        return nil
    }

    /// A whole number in the query.
    func number(_ name: String, default fallback: Int, in range: ClosedRange<Int>) throws(Problem) -> Int {
        guard let text = query[name], !text.isEmpty else { return fallback }
        guard let number = Int(text), range.contains(number) else {
            throw Problem(
                400, "\(name): \"\(text)\" is not a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// nil: not given.
    func text(_ name: String) -> String? {
        guard let text = query[name], !text.isEmpty else { return nil }
        return text
    }

    func json() throws(Problem) -> JSONValue {
        if body.isEmpty { return [:] }
        do {
            let json = try JSONValue(parsing: body)
            guard json.members != nil else {
                throw Problem(400, "body: not a JSON object; send {\"name\": value, ...}")
            }
            return json
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(400, "body: not JSON: \(error)")
        }
    }
}

extension Substring {
    fileprivate var trimming: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
