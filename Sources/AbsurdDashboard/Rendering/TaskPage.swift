import Absurd

extension Page {
    static func task(_ id: String) -> Page {
        Page(title: "Task \(Figures.shortID(id))", section: "/tasks", needs: ["/tasks/\(id)", "/tasks/\(id)/attempts"])
        { request, answers in
            guard let task = answers.answer(0), task["task_id"] != nil else {
                // Not found and not known are two things.
                guard request.problems.isEmpty else { return "<h1>Task <code>\(id)</code></h1>" }
                return """
                    <h1>Task <code>\(id)</code></h1><p class="lead">There is no such task: it may have been archived or \
                    pruned. <code>SELECT * FROM absurd.tasks_archive</code> shows what was archived.</p>
                    """
            }
            return TaskDetail(
                task: task, attemptRows: answers.rows(1, "attempts"), id: id, request: request
            ).html
        }
    }
}

/// One task, whole: its state, its attempts, what it was given, what it gave.
struct TaskDetail {
    var task: JSONValue
    var attemptRows: [JSONValue]
    var id: String
    var request: PageRequest

    private var now: Timestamp { request.now }
    private var name: String { task["task_name"]?.text ?? id }
    private var status: String { task["status"]?.text ?? "" }

    var html: HTML {
        """
        <div class="title"><h1>\(name)</h1> \(Status.mark(status)) \
        \(status == "claimed" ? Status.progress(task["progress"]?.double, name) : .nothing)\
        <span class="actions">\(Tasks.action(status, id, name, request))</span></div>
        \(line("progress_message"))\(task["error"]?.text.map { "<p class=\"error\">\($0)</p>" } ?? .nothing)
        \(facts)
        <section aria-labelledby="attempts"><h2 id="attempts">Attempts</h2>\(attempts)</section>
        <div class="halves">
        <section aria-labelledby="params"><h2 id="params">Params</h2>\(JSONMarkup.block(task["params"], "Params"))</section>
        <section aria-labelledby="result"><h2 id="result">Result</h2>\(JSONMarkup.block(task["result"], "Result"))</section>
        </div>
        """
    }

    private func line(_ key: String) -> HTML {
        guard status == "claimed", let text = task[key]?.text, !text.isEmpty else { return .nothing }
        return "<p class=\"lead\">\(text)</p>"
    }

    private var facts: HTML {
        let parents = (task["depends_on"]?.items ?? []).compactMap(\.text).map { parent -> HTML in
            "<a href=\"/tasks/\(parent)\"><code>\(Figures.shortID(parent))</code></a>"
        }
        let rows: [(String, HTML?)] = [
            ("Id", "<code>\(id)</code>"),
            ("Queue", Queues.link(task["queue_name"]?.text ?? "", isPaused: false)),
            (
                "Workflow",
                task["workflow_id"]?.text.map {
                    "<a href=\"/workflows/\($0)\"><code>\(Figures.shortID($0))</code></a>"
                }
            ),
            ("Waits for", parents.isEmpty ? nil : parents.joined(by: ", ")),
            ("Priority", "\(Figures.count(task["priority"]?.int))"),
            (
                "Attempt",
                "\(Figures.count(task["attempt"]?.int)); up to \(Figures.count(task["max_retries"]?.int)) retries"
            ),
            ("Time-out", task["timeout_sec"]?.double.map { "\(Figures.duration($0))" } ?? "its type's"),
            ("Worker", task["worker_id"]?.text.map { "\($0)" }),
            ("Made", Moments.clock(task["created_at"]?.moment, at: now)),
            ("Due", task["due_at"]?.moment.map { Moments.clock($0, at: now) }),
            ("Claimed", task["claimed_at"]?.moment.map { Moments.clock($0, at: now) }),
            ("Ended", task["completed_at"]?.moment.map { Moments.clock($0, at: now) }),
            ("Waited", task["wait_time_sec"]?.double.map { "\(Figures.duration($0))" }),
            ("Ran", task["claimed_at"]?.moment == nil ? nil : Tasks.ran(task, now)),
        ]
        return
            "<dl class=\"facts\">\(rows.compactMap { label, value in value.map { "<div><dt>\(label)</dt><dd>\($0)</dd></div>" as HTML } })</dl>"
    }

    private var attempts: HTML {
        let rows = attemptRows
        let spans = rows.compactMap { row -> AttemptTimeline.Attempt? in
            guard let start = row["started_at"]?.moment else { return nil }
            return AttemptTimeline.Attempt(
                number: row["attempt"]?.int ?? 0, start: start, end: row["ended_at"]?.moment,
                outcome: row["outcome"]?.text ?? "running")
        }
        let created = task["created_at"]?.moment ?? spans.first?.start ?? now
        let table = Table(
            caption: "Attempts",
            columns: [
                .figure("No."), Table.Column("Outcome"), .wide("Where"), Table.Column("Began"), .figure("Took"),
                .why,
            ],
            rows: rows.map { row in
                let start = row["started_at"]?.moment
                let end = row["ended_at"]?.moment
                return Table.Row(
                    id: "attempt-\(row["attempt"]?.int ?? 0)",
                    cells: [
                        "\(Figures.count(row["attempt"]?.int))", Status.mark(row["outcome"]?.text ?? "running"),
                        "\(row["worker_id"]?.text ?? row["node"]?.text ?? Figures.unknown)",
                        Moments.clock(start, at: now),
                        end == nil
                            ? Moments.age(start, at: now)
                            : "\(Figures.duration(start.flatMap { start in end.map { $0.seconds - start.seconds } }))",
                        "\(row["error"]?.text ?? "")",
                    ])
            }, empty: "None has begun.")
        return AttemptTimeline(created: created, attempts: spans, now: now).html + table.html
    }
}
