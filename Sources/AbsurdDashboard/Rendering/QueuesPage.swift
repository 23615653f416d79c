import Absurd

extension Page {
    static let queues = Page(title: "Queues", section: "/queues", needs: ["/queues/stats"]) { request, answers in
        """
        <h1>Queues</h1>
        \(Queues.table(answers.rows(0, "queues"), request))
        <p class="quiet">A paused queue keeps what it has: running tasks end, no more are started.</p>
        """
    }
}

enum Queues {
    static let waiting = ["pending", "scheduled", "retrying", "blocked"]

    static func depth(_ row: JSONValue) -> Int64 {
        (waiting + ["claimed"]).map { row[$0]?.int ?? 0 }.reduce(0, +)
    }

    static func link(_ name: String, isPaused: Bool) -> HTML {
        "<a href=\"/tasks?queue_name=\(URLText.encode(name))\">\(name)</a>"
            + (isPaused ? " <span class=\"mark off\">paused</span>" : .nothing)
    }

    static func bar(_ row: JSONValue, _ name: String, of longest: Int64?) -> HTML {
        StackedBar(
            label: "Queue \(name)",
            parts: [("going", "running", row["claimed"]?.int ?? 0), ("calm", "pending", row["pending"]?.int ?? 0)]
                + [
                    ("odd", "retrying", row["retrying"]?.int ?? 0), ("off", "scheduled", row["scheduled"]?.int ?? 0),
                    ("off", "blocked", row["blocked"]?.int ?? 0),
                ], of: longest
        ).html
    }

    static func table(_ rows: [JSONValue], _ request: PageRequest) -> HTML {
        let longest = rows.map { depth($0) }.max()
        return Table(
            caption: "Queues and their tasks by status",
            columns: [
                Table.Column("Queue"), .wide("Waiting and running"), .figure("Pending"), .figure("Running"),
                .wide("Retrying", figure: true), .wide("Scheduled", figure: true), .wide("Blocked", figure: true),
                .wide("Completed", figure: true), .wide("Failed", figure: true), .wide("Cancelled", figure: true),
                .wide("Dead letters", figure: true), .figure("Oldest"),
            ] + (request.isSignedIn ? [Table.Column("Action")] : []),
            rows: rows.map { row in
                let name = row["queue_name"]?.text ?? ""
                let isPaused = row["paused"]?.flag == true
                func count(_ status: String) -> HTML {
                    let text = Figures.count(row[status]?.int)
                    guard (row[status]?.int ?? 0) > 0 else { return "\(text)" }
                    let address = "/tasks?queue_name=\(URLText.encode(name))&status=\(status)"
                    return """
                        <a href="\(address)" aria-label="\(text) \(Status.word(status)) in \(name)"\
                        \(status == "failed" ? " class=\"bad\"" : .nothing)>\(text)</a>
                        """
                }
                let dead = row["dead_letters"]?.int ?? 0
                return Table.Row(
                    id: "queue-\(name)",
                    cells: [link(name, isPaused: isPaused), bar(row, name, of: longest)]
                        + [
                            "pending", "claimed", "retrying", "scheduled", "blocked", "completed", "failed",
                            "cancelled",
                        ].map(count)
                        + [
                            dead > 0 ? "<a href=\"/dead-letters\" class=\"bad\">\(Figures.count(dead))</a>" : "0",
                            "\(Figures.duration(row["oldest_pending_sec"]?.double))",
                            PageAction.button(
                                isPaused ? "Resume" : "Pause", isPaused ? "resume" : "pause", of: "queues", name,
                                request,
                                about: name),
                        ])
            }, empty: "No queue yet: the first spawned task makes one."
        ).html
    }
}
