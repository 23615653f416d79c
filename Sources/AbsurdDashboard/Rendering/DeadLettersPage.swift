import Absurd

extension Page {
    static let deadLetters = Page(title: "Dead letters", section: "/dead-letters", needs: ["/dlq"]) {
        request, answers in
        """
        <h1>Dead letters</h1>
        <p class="lead">Tasks that used up their retries, until somebody replays or purges them.</p>
        \(DeadLetters.table(answers.rows(0, "tasks"), request))
        """
    }
}

enum DeadLetters {
    static func table(_ rows: [JSONValue], _ request: PageRequest) -> HTML {
        Table(
            caption: "Dead letters, the newest first",
            columns: [
                Table.Column("Task"), .wide("Id"), .wide("Queue"), .wide("Attempts", figure: true), .why,
                .figure("Died"),
            ] + (request.isSignedIn ? [Table.Column("Action")] : []),
            rows: rows.map { row in
                let id = row["task_id"]?.text ?? ""
                let name = row["task_name"]?.text ?? id
                return Table.Row(
                    id: "letter-\(id)",
                    cells: [
                        "<a href=\"/tasks/\(id)\">\(name)</a>", "<code title=\"\(id)\">\(Figures.shortID(id))</code>",
                        "\(row["queue_name"]?.text ?? "")", "\(Figures.count(row["attempt"]?.int))",
                        "\(row["error"]?.text ?? Figures.unknown)",
                        Moments.age((row["died_at"] ?? row["completed_at"])?.moment, at: request.now),
                        PageAction.button(
                            "Replay", "replay", of: "dead-letters", id, request, about: "\(name) \(Figures.shortID(id))"
                        ),
                    ])
            }, empty: "None: nothing has failed for good, or all of it was dealt with."
        ).html
    }
}
