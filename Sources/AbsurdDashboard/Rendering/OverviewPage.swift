import Absurd

extension Page {
    /// The ten seconds of an operator at night: is it well, what is wrong, since when, where to look.
    static let overview = Page(
        title: "Overview", section: "/",
        needs: [
            "/health/detailed", "/metrics", "/metrics/history?hours=1&resolution=1m", "/queues/stats",
            "/pipeline/status",
            "/tasks?status=failed&limit=5&brief=1",
        ]
    ) { request, answers in
        """
        <h1 class="heard">Overview</h1>
        \(Overview.health(answers.answer(0), queues: answers.rows(3, "queues"), pipeline: answers.answer(4)))
        <section aria-labelledby="hour"><h2 id="hour">Last hour</h2>\
        <div class="sparks">\(Overview.charts(History.rows(answers.answer(2))))</div></section>
        <section aria-labelledby="windows"><h2 id="windows">Windows</h2>\(Overview.windows(answers.answer(1)))</section>
        <div class="halves">
        <section aria-labelledby="queues"><h2 id="queues"><a href="/queues">Queues</a></h2>\
        \(Overview.queues(answers.rows(3, "queues")))</section>
        <section aria-labelledby="stages"><h2 id="stages">Task types</h2>\(Overview.stages(answers.answer(4)))</section>
        </div>
        <section aria-labelledby="failures"><h2 id="failures"><a href="/tasks?status=failed">Last failures</a></h2>\
        \(Overview.failures(answers.rows(5, "tasks"), request.now))</section>
        """
    }
}

enum Overview {
    static func health(_ answer: JSONValue?, queues: [JSONValue], pipeline: JSONValue?) -> HTML {
        let status = answer?["status"]?.text ?? "down"
        let rows = ["alerts", "warnings"].flatMap { level in
            (answer?[level]?.items ?? []).map { finding -> HTML in
                """
                <li><span class="mark \(level == "alerts" ? "bad" : "odd")">\(level == "alerts" ? "alert" : "warning")\
                </span> \(finding["message"]?.text ?? "")</li>
                """
            }
        }
        let remedy: HTML = "<p class=\"quiet\"><code>absurd doctor</code> shows the evidence and what to type.</p>"
        return """
            <p class="health"><span class="mark \(Status.tone(status))">\(status)</span> · \
            \(sentence(answer, queues, pipeline))</p>
            \(rows.isEmpty ? .nothing : "<ul class=\"alerts\">\(rows)</ul>\(remedy)")
            """
    }

    private static func sentence(_ health: JSONValue?, _ queues: [JSONValue], _ pipeline: JSONValue?) -> HTML {
        func sum(_ statuses: [String]) -> Int64 {
            queues.reduce(0) { total, row in total + statuses.reduce(0) { $0 + (row[$1]?.int ?? 0) } }
        }
        let oldest = queues.compactMap { $0["oldest_pending_sec"]?.double }.max()
        let parts: [HTML?] = [
            "<b>\(Figures.count(sum(["claimed"])))</b> running",
            "<b>\(Figures.count(sum(Queues.waiting)))</b> waiting"
                + (oldest.map { ", the oldest ready for \(Figures.duration($0))" } ?? .nothing),
            pipeline?["worker_count"]?.int.map { count in
                "<b>\(Figures.count(pipeline?["active_workers"]?.int))</b> of \(Figures.count(count)) workers busy"
            },
            health?["database_latency_ms"]?.double.map { "the database answers in \(Figures.duration($0 / 1000))" },
        ]
        return parts.compactMap { $0 }.joined(by: " · ")
    }

    static func charts(_ history: [JSONValue]) -> HTML {
        guard history.count > 1 else { return "<p class=\"empty\">No history yet.</p>" }
        let times = history.map { $0["at"]?.moment ?? Timestamp(microseconds: 0) }
        let step = times[1].seconds - times[0].seconds
        func series(_ value: (JSONValue) -> Double?) -> [Sparkline.Point] {
            zip(times, history).map { Sparkline.Point(at: $0, value: value($1)) }
        }
        let charts = [
            Sparkline(
                title: "Ended", points: series { ($0["throughput"]?.double).map { $0 / step } },
                format: { Figures.rate($0) }),
            Sparkline(
                title: "Failed", points: series { $0["failed"]?.double },
                format: { Figures.count($0.map { Int64($0) }) }),
            Sparkline(
                title: "Success", points: series { ($0["success_rate"]?.double).map { $0 / 100 } },
                format: { Figures.percent($0) }, top: 1),
            Sparkline(
                title: "Wait p50", points: series { $0["wait_p50"]?.double }, format: { Figures.duration($0) }),
            Sparkline(
                title: "Wait p95", points: series { $0["wait_p95"]?.double }, format: { Figures.duration($0) }),
            Sparkline(title: "Run p95", points: series { $0["p95_latency"]?.double }, format: { Figures.duration($0) }),
        ]
        return "\(charts.map(\.html))"
    }

    static func windows(_ answer: JSONValue?) -> HTML {
        let windows = (answer?["windows"]?.members ?? [:]).compactMap { key, value in
            Int64(key.prefix { $0.isNumber }).map { ($0, value) }
        }.sorted { $0.0 < $1.0 }
        return Table(
            caption: "What ended, how fast and how well, over the last minutes",
            columns: [
                Table.Column("Last"), .figure("Completed"), .wide("Failed", figure: true),
                .wide("Retried", figure: true),
                .figure("Success"), .wide("Per second", figure: true), .wide("Wait p50", figure: true),
                .figure("Wait p95"),
                .wide("Wait p99", figure: true), .wide("Run p50", figure: true), .figure("Run p95"),
                .wide("Run p99", figure: true),
            ],
            rows: windows.map { minutes, row in
                Table.Row(
                    id: "window-\(minutes)",
                    cells: ["\(Int(minutes))\(Figures.space)min"]
                        + [
                            Figures.count(row["completed"]?.int), Figures.count(row["failed"]?.int),
                            Figures.count(row["retried"]?.int), Figures.percent(row["success_ratio"]?.double),
                            Figures.number(row["completed_per_sec"]?.double),
                        ].map { "\($0)" }
                        + ["wait_p50", "wait_p95", "wait_p99", "run_p50", "run_p95", "run_p99"].map {
                            "\(Figures.duration(row[$0]?.double))"
                        })
            }, empty: "No figures."
        ).html
    }

    static func queues(_ rows: [JSONValue]) -> HTML {
        let longest = rows.map { Queues.depth($0) }.max()
        return Table(
            caption: "Queues with what waits and runs in them",
            columns: [
                Table.Column("Queue"), .wide("Waiting and running"), .figure("Waits"), .figure("Runs"),
                .figure("Oldest"),
            ],
            rows: rows.map { row in
                let name = row["queue_name"]?.text ?? ""
                return Table.Row(
                    id: "queue-\(name)",
                    cells: [
                        Queues.link(name, isPaused: row["paused"]?.flag == true), Queues.bar(row, name, of: longest),
                        "\(Figures.count(row["pending"]?.int))", "\(Figures.count(row["claimed"]?.int))",
                        "\(Figures.duration(row["oldest_pending_sec"]?.double))",
                    ])
            }, empty: "No queue yet: the first spawned task makes one."
        ).html
    }

    static func stages(_ answer: JSONValue?) -> HTML {
        let stages = (answer?["stages"]?.members ?? [:]).sorted { $0.key < $1.key }
        return Table(
            caption: "Task types with how many wait, run, completed and failed",
            columns: [
                Table.Column("Task"), .figure("Waits"), .figure("Runs"), .figure("Completed"), .figure("Failed"),
            ],
            rows: stages.map { name, row in
                let failed = row["failed"]?.int ?? 0
                return Table.Row(
                    id: "stage-\(name)",
                    cells: [
                        "<a href=\"/tasks?task_name=\(URLText.encode(name))\">\(name)</a>",
                        "\(Figures.count(row["pending"]?.int))", "\(Figures.count(row["running"]?.int))",
                        "\(Figures.count(row["completed"]?.int))",
                        failed > 0
                            ? "<span class=\"bad\">\(Figures.count(failed))</span>" : "\(Figures.count(failed))",
                    ])
            }, empty: "Nothing waits or runs, and nothing ended lately."
        ).html
    }

    static func failures(_ tasks: [JSONValue], _ now: Timestamp) -> HTML {
        Table(
            caption: "The tasks that failed last",
            columns: [Table.Column("Task"), .wide("Id"), .why, .figure("Ago")],
            rows: tasks.map { task in
                let id = task["task_id"]?.text ?? ""
                return Table.Row(
                    id: "failure-\(id)",
                    cells: [
                        "<a href=\"/tasks/\(id)\">\(task["task_name"]?.text ?? id)</a>",
                        "<code>\(Figures.shortID(id))</code>", "\(task["error"]?.text ?? Figures.unknown)",
                        Moments.age(task["completed_at"]?.moment, at: now),
                    ])
            }, empty: "Nothing has failed."
        ).html
    }
}

/// The answer of /metrics/history, which is one array a figure, as one row a step.
enum History {
    static func rows(_ answer: JSONValue?) -> [JSONValue] {
        let series = answer?["series"]?.members ?? [:]
        return (answer?["timestamps"]?.items ?? []).enumerated().map { index, at in
            var row: [String: JSONValue] = ["at": at]
            for (name, values) in series {
                if let values = values.items, values.indices.contains(index) { row[name] = values[index] }
            }
            return .object(row)
        }
    }
}
