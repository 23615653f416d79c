import Absurd

/// A button of a page: a form's POST, and the call of the JSON API that does what it says.
public struct PageAction: Sendable, Hashable {
    public var method: String
    /// Below /absurd.
    public var path: String
    public var body: JSONValue?
    /// What is said when it is done.
    public var done: String

    /// - Parameter path: of the form, such as `/actions/tasks/ID/cancel`; still percent-encoded.
    public init?(path: String) {
        let parts = path.split(separator: "/").map { URLText.decode($0) ?? "" }
        guard parts.count == 4, parts[0] == "actions", !parts[2].isEmpty else { return nil }
        let name = URLText.encode(parts[2])
        switch (parts[1], parts[3]) {
        case ("tasks", "cancel"): self.init("DELETE", "/tasks/\(name)", "cancelled")
        case ("tasks", "retry"): self.init("POST", "/tasks/\(name)/retry", "retried")
        case ("workflows", "cancel"): self.init("DELETE", "/workflows/\(name)", "workflow-cancelled")
        case ("workflows", "retry"): self.init("POST", "/workflows/\(name)/retry", "workflow-retried")
        case ("queues", "pause"): self.init("POST", "/queues/\(name)/pause", "paused")
        case ("queues", "resume"): self.init("POST", "/queues/\(name)/unpause", "resumed")
        case ("schedules", "pause"): self.init("PATCH", "/schedules/\(name)", "schedule-paused", ["state": "paused"])
        case ("schedules", "resume"): self.init("PATCH", "/schedules/\(name)", "schedule-resumed", ["state": "active"])
        case ("schedules", "trigger"): self.init("POST", "/schedules/\(name)/trigger", "triggered")
        case ("dead-letters", "replay"): self.init("POST", "/dlq/\(name)/replay", "replayed")
        default: return nil
        }
    }

    private init(_ method: String, _ path: String, _ done: String, _ body: JSONValue? = nil) {
        self.method = method
        self.path = path
        self.done = done
        self.body = body
    }

    static let notices = [
        "cancelled": "The task is cancelled; if it was running, its processes are being stopped.",
        "retried": "The task is pending again, with its retries restored.",
        "workflow-cancelled": "What had not ended of the workflow is cancelled.",
        "workflow-retried": "What had failed or been cancelled runs again; completed stages keep their results.",
        "paused": "The queue is paused: running tasks go on, no more are started.",
        "resumed": "The queue goes on.",
        "schedule-paused": "The schedule is paused: it fires no more until it is resumed.",
        "schedule-resumed": "The schedule is active again.",
        "triggered": "A task was spawned besides the schedule.",
        "replayed": "The task is pending again, and off this list.",
        "signed-in": "Signed in: this browser may change things until it is closed.",
        "signed-out": "Signed out.",
    ]

    /// The sentence for a `done` that a page was asked for with; nothing for any other text, so that no address can put
    /// words on a page.
    public static func notice(for done: String?) -> String? { done.flatMap { notices[$0] } }

    /// Where to go afterwards: a path of this server's, with the notice's name.
    public static func address(back: String?, done: String) -> String {
        var back = back ?? "/"
        if !back.hasPrefix("/") || back.hasPrefix("//") || back.contains("\\")
            || back.unicodeScalars.contains(where: { $0.value < 0x20 })
        {
            back = "/"
        }
        return back + (back.contains("?") ? "&" : "?") + "done=" + URLText.encode(done)
    }

    /// A form of one button; nothing for readers who may not press it.
    static func button(
        _ label: String, _ action: String, of kind: String, _ name: String, _ request: PageRequest,
        about: String? = nil,
        isGrave: Bool = false
    ) -> HTML {
        guard request.isSignedIn else { return .nothing }
        let spoken: HTML = about.map { " aria-label=\"\(label) \($0)\"" } ?? .nothing
        let form: HTML = """
            <form method="post" action="/actions/\(kind)/\(URLText.encode(name))/\(action)">\
            <input type="hidden" name="back" value="\(request.address)">
            """
        guard isGrave else { return "\(form)<button\(spoken)>\(label)</button></form>" }
        // Asks once more, without a script.
        return """
            <details class="ask" id="ask-\(action)-\(name)"><summary\(spoken)>\(label)…</summary>\(form)\
            <button class="grave">Yes, \(label.lowercased())</button></form></details>
            """
    }
}
