import Absurd

extension Page {
    static func tasks(_ request: PageRequest) -> Page {
        let filter = TaskFilter(request.query)
        return Page(title: "Tasks", section: "/tasks", needs: ["/tasks?\(filter.query)&brief=1", "/queues"]) {
            request, answers in
            let tasks = answers.rows(0, "tasks")
            let queues = answers.rows(1, "queues").compactMap { $0.text ?? $0["queue_name"]?.text }
            return """
                <h1>Tasks</h1>
                \(filter.form(queues))
                \(Tasks.table(tasks, request))
                \(filter.older(than: tasks))
                """
        }
    }
}

/// What a list of tasks is narrowed by; the query of the page and of the API alike.
struct TaskFilter {
    static let limits = ["50", "200", "1000"]

    var queue: String
    var status: String
    var name: String
    var limit: String
    /// Only tasks made before this time.
    var before: String

    init(_ query: [String: String]) {
        queue = query["queue_name"] ?? ""
        status = Status.all.contains(query["status"] ?? "") ? query["status"] ?? "" : ""
        name = query["task_name"] ?? ""
        limit = Self.limits.contains(query["limit"] ?? "") ? query["limit"] ?? "50" : "50"
        before = query["before"].flatMap { Timestamp(reading: $0)?.description } ?? ""
    }

    var query: String { query(before: before) }

    private func query(before: String) -> String {
        [("queue_name", queue), ("status", status), ("task_name", name), ("limit", limit), ("before", before)]
            .filter { !$0.1.isEmpty }.map { "\($0.0)=\(URLText.encode($0.1))" }.joined(separator: "&")
    }

    /// The way to the next page, where there is one, and back to the newest.
    func older(than tasks: [JSONValue]) -> HTML {
        let newest: HTML = before.isEmpty ? .nothing : "<a href=\"/tasks?\(query(before: ""))\">Newest</a> "
        guard tasks.count >= Int(limit) ?? 50, let last = tasks.last?["created_at"]?.moment else {
            return before.isEmpty ? .nothing : "<p class=\"pages\">\(newest)</p>"
        }
        return "<p class=\"pages\">\(newest)<a href=\"/tasks?\(query(before: last.description))\">Older</a></p>"
    }

    func form(_ queues: [String]) -> HTML {
        let names = queues.contains(queue) || queue.isEmpty ? queues : queues + [queue]
        return """
            <form class="filter" method="get" action="/tasks" role="search" aria-label="Filter the tasks">
            <label>Queue \(choice("queue_name", [("", "all")] + names.map { ($0, $0) }, queue))</label>
            <label>Status \(choice("status", [("", "all")] + Status.all.map { ($0, Status.word($0)) }, status))</label>
            <label>Task <input name="task_name" value="\(name)" size="18" autocomplete="off" spellcheck="false"></label>
            <label>Show \(choice("limit", Self.limits.map { ($0, $0) }, limit))</label>
            <button>Filter</button>
            </form>
            """
    }

    private func choice(_ name: String, _ options: [(String, String)], _ chosen: String) -> HTML {
        let drawn = options.map { value, label -> HTML in
            "<option value=\"\(value)\"\(value == chosen ? " selected" : .nothing)>\(label)</option>"
        }
        return "<select name=\"\(name)\">\(drawn)</select>"
    }
}

enum Tasks {
    static func table(_ tasks: [JSONValue], _ request: PageRequest) -> HTML {
        Table(
            caption: "Tasks",
            columns: [
                Table.Column("Task"), .wide("Id"), .wide("Queue"), Table.Column("Status"),
                .wide("Attempt", figure: true),
                .wide("Worker"), .wide("Waited", figure: true), .wide("Ran", figure: true), .figure("Made"),
            ] + (request.isSignedIn ? [.wide("Action")] : []),
            rows: tasks.map { row($0, request) },
            empty: "No task matches. <a href=\"/tasks\">Show all</a>"
        ).html
    }

    private static func row(_ task: JSONValue, _ request: PageRequest) -> Table.Row {
        let id = task["task_id"]?.text ?? ""
        let name = task["task_name"]?.text ?? id
        let status = task["status"]?.text
        return Table.Row(
            id: "task-\(id)",
            cells: [
                "<a href=\"/tasks/\(id)\">\(name)</a>", "<code title=\"\(id)\">\(Figures.shortID(id))</code>",
                "\(task["queue_name"]?.text ?? Figures.unknown)",
                Status.mark(status) + " "
                    + (status == "claimed" ? Status.progress(task["progress"]?.double, name) : .nothing),
                "\(Figures.count(task["attempt"]?.int))",
                "\(task["worker_id"]?.text ?? Figures.unknown)", "\(Figures.duration(task["wait_time_sec"]?.double))",
                ran(task, request.now), Moments.age(task["created_at"]?.moment, at: request.now),
                action(status, id, name, request),
            ])
    }

    /// How long its last attempt took, or has taken until now.
    static func ran(_ task: JSONValue, _ now: Timestamp) -> HTML {
        if task["status"]?.text == "claimed" { return Moments.age(task["claimed_at"]?.moment, at: now) }
        return "\(Figures.duration(task["execution_time_sec"]?.double))"
    }

    static func action(_ status: String?, _ id: String, _ name: String, _ request: PageRequest) -> HTML {
        let about = "\(name) \(Figures.shortID(id))"
        switch status {
        case "failed", "cancelled", "retrying":
            return PageAction.button("Retry", "retry", of: "tasks", id, request, about: about)
        case "pending", "claimed", "scheduled", "blocked":
            return PageAction.button("Cancel", "cancel", of: "tasks", id, request, about: about, isGrave: true)
        default: return .nothing
        }
    }
}
