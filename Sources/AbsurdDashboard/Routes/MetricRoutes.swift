import Absurd
import AbsurdStore

extension RouteTable {
    static let metrics: [Route] = [
        .get(
            "/metrics", "Counts, throughput per minute, success and error rates, and times of the last 15 minutes.",
            [("queue_name", "one queue; all without")]
        ) { request, _, service throws(Problem) in
            try await MetricsSummary.answer(request.text("queue_name"), service)
        },
        .get("/metrics/prometheus", "The same page as /metrics at the root.") {
            request, _, service throws(Problem) in await MetricsPage.answer(request, service)
        },
        .get(
            "/metrics/history", "Throughput, success, times per step.",
            [
                ("queue_name", "one queue; all without"), ("hours", "1 to 168; 24"),
                ("resolution", "1m, 5m, 15m, 1h or 6h; 1h"),
            ]
        ) { request, _, service throws(Problem) in
            let hours = try request.number("hours", default: 24, in: 1...168)
            let resolution = request.text("resolution") ?? "1h"
            let steps: [String: Double] = ["1m": 60, "5m": 300, "15m": 900, "1h": 3600, "6h": 21600]
            guard let step = steps[resolution] else { throw Problem(400, "resolution: one of 1m, 5m, 15m, 1h, 6h") }
            guard Double(hours) * 3600 / step <= 2000 else {
                throw Problem(400, "resolution: too fine for \(hours) hours")
            }
            let queue = request.text("queue_name")
            let (rows, stale) = try await service.value(
                "history", [.text(orNull: queue), .float8(Double(hours) * 3600), .float8(step)],
                maxAgeSeconds: min(step / 4, 30))
            return Service.marked(
                MetricsSummary.history(rows.items ?? [], queue: queue, hours: hours, resolution: resolution),
                staleSeconds: stale)
        },
    ]

    static let pipeline: [Route] = [
        .get(
            "/pipeline/status", "Each stage: what waits and runs now, and what ended in the last hours.",
            [("queue_name", "one queue; all without"), ("hours", "1 to 168; 24")]
        ) { request, _, service throws(Problem) in
            let hours = try request.number("hours", default: 24, in: 1...168)
            let (found, stale) = try await service.value(
                "stages", [.text(orNull: request.text("queue_name")), .float8(Double(hours) * 3600)], maxAgeSeconds: 2)
            let report = await HealthReport.make(service)
            var members = found.members ?? [:]
            let busy = report.workers.rows.count { $0.activity == "busy" }
            members["worker_count"] = .integer(Int64(report.workers.rows.count))
            members["active_workers"] = .integer(Int64(busy))
            members["idle_workers"] = .integer(Int64(max(0, report.workers.count("active") - busy)))
            members["is_healthy"] = .bool(report.health == .healthy || report.health == .degraded)
            members["queue_depth"] = .integer(Int64(report.queueDepth))
            return Service.marked(.object(members), staleSeconds: stale)
        },
        .get("/images", "The newest images with their beam, rms and peak.", [("limit", "1 to 100; 20")]) {
            request, _, service throws(Problem) in
            let limit = try request.number("limit", default: 20, in: 1...100)
            return try await service.cached("images", [.int4(Int32(limit))], maxAgeSeconds: 5)
        },
    ]
}

/// The old shapes of the numbers.
enum MetricsSummary {
    static func answer(_ queue: String?, _ service: Service) async throws(Problem) -> Answer {
        let (rows, stale) = try await service.value("queues")
        let queues = (rows.items ?? []).filter { queue == nil || $0["queue_name"]?.text == queue }
        func sum(_ states: String...) -> Int64 {
            queues.reduce(0) { total, row in total + states.reduce(0) { $0 + (row[$1]?.int ?? 0) } }
        }
        let ended = sum("completed", "failed", "cancelled")
        var members: [String: JSONValue] = [
            "total_spawned": .integer(sum("total")), "total_claimed": .integer(ended + sum("claimed")),
            "total_completed": .integer(sum("completed")), "total_failed": .integer(sum("failed")),
            "total_cancelled": .integer(sum("cancelled")), "current_pending": .integer(sum("pending")),
            "current_claimed": .integer(sum("claimed")), "queue_name": queue.map { .string($0) } ?? .null,
        ]
        var windows: [String: JSONValue] = [:]
        for minutes in [1, 5, 15] {
            let window = try await service.value(
                "window", [.text(orNull: queue), .float8(Double(minutes) * 60)], maxAgeSeconds: Double(minutes)
            ).value
            windows["\(minutes)min"] = window
            let completed = window["completed"]?.double ?? 0
            let failed = window["failed"]?.double ?? 0
            // Nothing ended, nothing failed: clients compute with these, so they are numbers; `ended` says how many.
            let success = completed + failed > 0 ? completed / (completed + failed) : 1
            members["throughput_\(minutes)min"] = .number(completed / Double(minutes))
            members["success_rate_\(minutes)min"] = .number(success)
            members["error_rate_\(minutes)min"] = .number(1 - success)
            members["ended_\(minutes)min"] = .number(completed + failed)
            guard minutes == 15 else { continue }
            members["total_timed_out"] = window["timed_out"] ?? 0
            members["retried_15min"] = window["retried"] ?? 0
            members["spawned_15min"] = window["spawned"] ?? 0
            for (name, key) in [("wait", "wait"), ("execution", "run")] {
                members["avg_\(name)_time_sec"] = .number(window["\(key)_avg"]?.double ?? 0)
                for percentile in ["p50", "p95", "p99"] {
                    members["\(percentile)_\(name)_time_sec"] = .number(window["\(key)_\(percentile)"]?.double ?? 0)
                }
            }
        }
        members["windows"] = .object(windows)
        return Service.marked(.object(members), staleSeconds: stale)
    }

    static func history(_ rows: [JSONValue], queue: String?, hours: Int, resolution: String) -> JSONValue {
        var series: [String: [JSONValue]] = [:]
        for row in rows {
            let completed = row["completed"]?.double ?? 0
            let failed = row["failed"]?.double ?? 0
            // No success without an attempt: a step in which nothing ended has no rate and no times.
            let rate: JSONValue = completed + failed > 0 ? .number(completed / (completed + failed) * 100) : .null
            series["throughput", default: []].append(.number(completed + failed))
            series["success_rate", default: []].append(rate)
            series["failed", default: []].append(.number(failed))
            series["avg_latency", default: []].append(row["run_p50"] ?? .null)
            series["p95_latency", default: []].append(row["run_p95"] ?? .null)
            series["wait_p50", default: []].append(row["wait_p50"] ?? .null)
            series["wait_p95", default: []].append(row["wait_p95"] ?? .null)
        }
        return [
            "queue_name": queue.map { .string($0) } ?? .null, "hours": .integer(Int64(hours)),
            "resolution": .string(resolution), "timestamps": .array(rows.map { $0["bucket_at"] ?? .null }),
            "series": .object(series.mapValues { .array($0) }),
        ]
    }
}
