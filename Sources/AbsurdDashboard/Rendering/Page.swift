import Absurd

/// What a page is asked for with.
public struct PageRequest: Sendable {
    public var path: String
    public var query: [String: String]
    /// The reader has shown the token, and may change things.
    public var isSignedIn: Bool
    /// There is a token to show; without one nothing can be changed from here.
    public var acceptsSignIn: Bool
    public var now: Timestamp
    /// What was just done, or why it was not.
    public var notice: String?
    /// Why answers that the page needs are missing, other than that there is no such thing.
    public var problems: [String] = []

    public init(
        path: String, query: [String: String] = [:], isSignedIn: Bool = false, acceptsSignIn: Bool = false,
        now: Timestamp, notice: String? = nil
    ) {
        self.path = path
        self.query = query
        self.isSignedIn = isSignedIn
        self.acceptsSignIn = acceptsSignIn
        self.now = now
        self.notice = notice
    }

    /// The page's own address, to come back to after an action.
    var address: String {
        let kept = query.filter { $0.key != "done" && !$0.value.isEmpty }.sorted { $0.key < $1.key }
        return kept.isEmpty
            ? path
            : path + "?" + kept.map { "\(URLText.encode($0.key))=\(URLText.encode($0.value))" }.joined(separator: "&")
    }
}

/// A page of the dashboard: which answers of the JSON API it shows, and how.
///
/// The server asks its own API for `needs` and hands the answers to `body`, so that a page can show nothing that the API
/// does not, and the same markup serves readers with and without JavaScript (which only fetches it again and patches it in).
public struct Page: Sendable {
    public var title: String
    /// The entry of the navigation that it belongs to.
    var section: String
    /// Paths below /absurd.
    public var needs: [String]
    /// From the answers, in the order of `needs`; an answer that failed is nil.
    var body: @Sendable (PageRequest, [JSONValue?]) -> HTML

    static let sections = [
        ("/", "Overview"), ("/queues", "Queues"), ("/tasks", "Tasks"), ("/workflows", "Workflows"),
        ("/workers", "Workers"), ("/images", "Images"), ("/schedules", "Schedules"), ("/dead-letters", "Dead letters"),
    ]

    /// The page at a path, or nil.
    public static func at(_ request: PageRequest) -> Page? {
        let parts = request.path.split(separator: "/").map(String.init)
        switch (parts.first, parts.count) {
        case (nil, _): return .overview
        case ("queues", 1): return .queues
        case ("tasks", 1): return .tasks(request)
        case ("tasks", 2): return TaskID(parts[1]).map { .task("\($0)") }
        case ("workflows", 1): return .workflows
        case ("workflows", 2): return TaskID(parts[1]).map { .workflow("\($0)") }
        case ("workers", 1): return .workers
        case ("images", 1): return .images
        case ("schedules", 1): return .schedules
        case ("dead-letters", 1): return .deadLetters
        case ("sign-in", 1): return .signIn
        default: return nil
        }
    }

    /// The whole document.
    public func document(_ request: PageRequest, answers: [JSONValue?]) -> HTML {
        var body = body(request, answers)
        if let stale = answers.compactMap({ $0?["stale_seconds"]?.double }).max() {
            body =
                """
                <p class="notice" role="alert">The database does not answer: these figures are \
                \(Figures.duration(stale)) old.</p>
                """ + body
        }
        for problem in Set(request.problems).sorted() {
            body = "<p class=\"notice\" role=\"alert\">\(problem)</p>" + body
        }
        return Frame.document(title: title, section: section, request: request, main: body)
    }

    /// A page that says only why there is none.
    public static func refusal(_ title: String, _ message: String, _ request: PageRequest) -> HTML {
        Frame.document(
            title: title, section: "", request: request,
            main: "<h1>\(title)</h1><p class=\"lead\">\(message)</p><p><a href=\"/\">Back to the overview</a></p>")
    }
}

extension Array where Element == JSONValue? {
    /// The rows of an answer: the array under `key`, or the answer itself where it is one.
    func rows(_ index: Int, _ key: String) -> [JSONValue] {
        guard indices.contains(index), let answer = self[index] else { return [] }
        return answer[key]?.items ?? answer.items ?? []
    }

    func answer(_ index: Int) -> JSONValue? { indices.contains(index) ? self[index] : nil }
}
