import Absurd

extension Page {
    static let workflows = Page(title: "Workflows", section: "/workflows", needs: ["/workflows"]) { request, answers in
        "<h1>Workflows</h1>\(Workflows.table(answers.rows(0, "workflows"), request))"
    }

    static func workflow(_ id: String) -> Page {
        Page(
            title: "Workflow \(Figures.shortID(id))", section: "/workflows",
            needs: ["/workflows/\(id)"]
        ) { request, answers in
            guard let workflow = answers.answer(0) else {
                guard request.problems.isEmpty else { return "<h1>Workflow <code>\(id)</code></h1>" }
                return "<h1>Workflow <code>\(id)</code></h1><p class=\"lead\">There is no such workflow.</p>"
            }
            return WorkflowDetail(workflow: workflow, id: id, request: request).html
        }
    }
}

enum Workflows {
    static func bar(_ row: JSONValue, _ name: String) -> HTML {
        let total = row["total_tasks"]?.int ?? 0
        return StackedBar(
            label: "\(name), of \(total) tasks",
            parts: [
                ("done", "completed", row["completed_tasks"]?.int ?? 0),
                ("bad", "failed", row["failed_tasks"]?.int ?? 0),
                ("off", "cancelled", row["cancelled_tasks"]?.int ?? 0),
            ], of: total
        ).html
    }

    static func actions(_ status: String?, _ id: String, _ name: String, _ request: PageRequest) -> HTML {
        let about = "workflow \(name) \(Figures.shortID(id))"
        switch status {
        case "failed", "cancelled":
            return PageAction.button("Retry", "retry", of: "workflows", id, request, about: about)
        case "pending", "running":
            return PageAction.button("Cancel", "cancel", of: "workflows", id, request, about: about, isGrave: true)
        default: return .nothing
        }
    }

    static func table(_ rows: [JSONValue], _ request: PageRequest) -> HTML {
        Table(
            caption: "Workflows, the newest first",
            columns: [
                Table.Column("Workflow"), .wide("Id"), Table.Column("Status"), Table.Column("Stages"), .figure("Done"),
                .wide("Took", figure: true), .figure("Made"),
            ] + (request.isSignedIn ? [.wide("Action")] : []),
            rows: rows.map { row in
                let id = row["workflow_id"]?.text ?? ""
                let name = row["name"]?.text ?? id
                let done = row["completed_tasks"]?.int
                return Table.Row(
                    id: "workflow-\(id)",
                    cells: [
                        "<a href=\"/workflows/\(id)\">\(name)</a>",
                        "<code title=\"\(id)\">\(Figures.shortID(id))</code>",
                        Status.mark(row["status"]?.text), bar(row, name),
                        "\(Figures.count(done)) of \(Figures.count(row["total_tasks"]?.int))", took(row, request.now),
                        Moments.age(row["created_at"]?.moment, at: request.now),
                        actions(row["status"]?.text, id, name, request),
                    ])
            },
            empty: """
                No workflow has been run. <code>absurd workflow run standard-pipeline --input …</code> makes one.
                """
        ).html
    }

    static func took(_ row: JSONValue, _ now: Timestamp) -> HTML {
        guard let start = row["started_at"]?.moment else { return "\(Figures.unknown)" }
        guard let end = row["completed_at"]?.moment else { return Moments.age(start, at: now) }
        return "\(Figures.duration(end.seconds - start.seconds))"
    }
}

/// One workflow: its graph, and its stages on a common time axis.
struct WorkflowDetail {
    var workflow: JSONValue
    var id: String
    var request: PageRequest

    private var nodes: [JSONValue] { workflow["tasks"]?.items ?? [] }

    var html: HTML {
        let name = workflow["name"]?.text ?? id
        let status = workflow["status"]?.text
        return """
            <div class="title"><h1>\(name)</h1> \(Status.mark(status))\
            <span class="actions">\(Workflows.actions(status, id, name, request))</span></div>
            <p class="lead">\(workflow["description"]?.text ?? "")</p>
            <p class="quiet"><code>\(id)</code> · \(Figures.count(workflow["completed_tasks"]?.int)) of \
            \(Figures.count(workflow["total_tasks"]?.int)) done · \(Workflows.took(workflow, request.now))</p>
            <div class="graphed"><div class="scroll" tabindex="0" role="group" aria-label="Graph">\(graph)</div>
            <section aria-labelledby="stages"><h2 id="stages">Stages</h2>\(stages)</section></div>
            """
    }

    private var graph: HTML {
        TaskGraph(
            nodes: nodes.map { node in
                let status = node["status"]?.text ?? "pending"
                return TaskGraph.Node(
                    id: Self.id(node), name: node["task_name"]?.text ?? "", status: status,
                    progress: node["progress"]?.double,
                    after: (node["depends_on"]?.items ?? []).compactMap(\.text), note: note(node, status))
            }
        ).html
    }

    private static func id(_ node: JSONValue) -> String { node["task_id"]?.text ?? "" }

    private func note(_ node: JSONValue, _ status: String) -> String {
        if status == "claimed" { return node["progress"]?.double.map { "\(Int($0 * 100))\(Figures.space)%" } ?? "" }
        guard let span = Self.span(node, request.now), node["completed_at"]?.moment != nil else { return "" }
        return "· \(Figures.duration(span.end.seconds - span.start.seconds))"
    }

    private static func span(_ node: JSONValue, _ now: Timestamp) -> (start: Timestamp, end: Timestamp)? {
        guard let start = node["claimed_at"]?.moment else { return nil }
        return (start, node["completed_at"]?.moment ?? now)
    }

    private var stages: HTML {
        let spans = nodes.compactMap { Self.span($0, request.now) }
        let from = spans.map(\.start).min() ?? request.now
        let length = max((spans.map(\.end).max() ?? request.now).seconds - from.seconds, 1e-3)
        return Table(
            caption: "Stages with when they ran",
            columns: [
                Table.Column("Stage"), Table.Column("Status"), .wide("When"), .figure("Took"),
                .wide("Attempt", figure: true),
                Table.Column("Why", "why wide"),
            ],
            rows: nodes.map { node in
                let name = node["task_name"]?.text ?? ""
                let status = node["status"]?.text ?? "pending"
                let span = Self.span(node, request.now)
                return Table.Row(
                    id: "stage-\(Self.id(node))",
                    cells: [
                        "<a href=\"/tasks/\(Self.id(node))\">\(name)</a>", Status.mark(status),
                        span.map { bar(name, status, $0, from, length) } ?? .nothing,
                        "\(Figures.duration(span.map { $0.end.seconds - $0.start.seconds }))",
                        "\(Figures.count(node["attempt"]?.int))", "\(node["error"]?.text ?? "")",
                    ])
            }, empty: "It has no tasks."
        ).html
    }

    private func bar(
        _ name: String, _ status: String, _ span: (start: Timestamp, end: Timestamp), _ from: Timestamp,
        _ length: Double
    ) -> HTML {
        let x = (span.start.seconds - from.seconds) / length * 100
        let width = max(0.8, (span.end.seconds - span.start.seconds) / length * 100)
        return """
            <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" \
            aria-label="\(name) began \(Figures.duration(span.start.seconds - from.seconds)) after the first">\
            <rect class="rest" x="0" y="3.5" width="100" height="1"/>\
            <rect class="\(Status.tone(status))" x="\(Drawing.number(min(99, x)))" y="0" \
            width="\(Drawing.number(width))" height="8"/></svg>
            """
    }
}
