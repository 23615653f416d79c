import Absurd
import AbsurdStore

/// What a route answers.
struct Answer: Sendable {
    enum Body: Sendable {
        case bytes([UInt8])
        case events(AsyncStream<[UInt8]>)
    }

    var status = 200
    var contentType = "application/json"
    var headers: [String: String] = [:]
    var body: Body

    static func json(_ value: JSONValue, status: Int = 200) -> Answer {
        Answer(status: status, body: .bytes(value.jsonBytes))
    }

    static func text(_ text: String, _ contentType: String) -> Answer {
        Answer(contentType: contentType, body: .bytes(Array(text.utf8)))
    }
}

/// A request that can't be served. Clients have always read `detail`.
struct Problem: Error, Hashable {
    var status: Int
    var detail: String
    var headers: [String: String] = [:]

    init(_ status: Int, _ detail: String, headers: [String: String] = [:]) {
        self.status = status
        self.detail = detail
        self.headers = headers
    }

    init(_ error: PostgresError, doing what: String) {
        let refusal = Refusal(error, doing: what)
        switch error.sqlState {
        case "AB002": self.init(429, refusal.description, headers: ["retry-after": "5"])
        case "AB003", "AB004": self.init(400, refusal.description)
        case "AB005": self.init(404, refusal.description)
        case "AB006": self.init(409, refusal.description)
        case "23505": self.init(409, "\(what): it exists already")
        case "42501":
            self.init(403, "\(what): the leader's database role may not do it; grant it absurd_client or absurd_admin")
        case "57014": self.init(503, "\(what): the database took too long", headers: ["retry-after": "5"])
        case _ where error.isConnectionLoss || error.isWorthRepeating:
            self.init(503, refusal.description, headers: ["retry-after": "1"])
        case _ where error.sqlState.hasPrefix("22") || error.sqlState.hasPrefix("23"):
            self.init(400, refusal.description)
        default: self.init(500, refusal.description)
        }
    }

    var answer: Answer {
        Answer(status: status, headers: headers, body: .bytes(JSONValue.object(["detail": .string(detail)]).jsonBytes))
    }
}
