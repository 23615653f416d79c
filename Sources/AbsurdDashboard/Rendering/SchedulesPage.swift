import Absurd

extension Page {
    static let schedules = Page(title: "Schedules", section: "/schedules", needs: ["/schedules"]) { request, answers in
        "<h1>Schedules</h1>\(Schedules.table(answers.rows(0, "schedules"), request))"
    }
}

enum Schedules {
    static func table(_ rows: [JSONValue], _ request: PageRequest) -> HTML {
        Table(
            caption: "Schedules",
            columns: [
                Table.Column("Name"), Table.Column("When"), .wide("Time zone"), .wide("Spawns"), .wide("Queue"),
                Table.Column("State"), .wide("Last", figure: true), .wide("Next", figure: true),
            ] + (request.isSignedIn ? [Table.Column("Action")] : []),
            rows: rows.map { row in
                let name = row["name"]?.text ?? ""
                let state = row["state"]?.text
                let last = Moments.clock(row["last_run_at"]?.moment, at: request.now)
                return Table.Row(
                    id: "schedule-\(name)",
                    cells: [
                        "\(name)", "<code>\(row["cron_expression"]?.text ?? "")</code>",
                        "\(row["timezone"]?.text ?? "")", "\(row["task_name"]?.text ?? "")",
                        "\(row["queue_name"]?.text ?? "")", Status.mark(state),
                        row["last_task_id"]?.text.map { "<a href=\"/tasks/\($0)\">\(last)</a>" } ?? last,
                        state == "active"
                            ? Moments.clock(row["next_run_at"]?.moment, at: request.now) : "\(Figures.unknown)",
                        PageAction.button(
                            state == "active" ? "Pause" : "Resume", state == "active" ? "pause" : "resume",
                            of: "schedules", name, request, about: name)
                            + PageAction.button("Run now", "trigger", of: "schedules", name, request, about: name),
                    ])
            },
            empty: """
                No schedule. <code>absurd schedule add NAME --cron '0 3 * * *' --task …</code> makes one.
                """
        ).html
    }
}
