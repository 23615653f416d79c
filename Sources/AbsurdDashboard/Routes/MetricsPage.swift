import Absurd
import AbsurdHost
import AbsurdObserve
import AbsurdStore

/// /metrics: the catalogue, filled. What can't be had (no database, a leader that ends) is left out; `absurd_database_up`
/// says so.
enum MetricsPage {
    static func answer(_ request: Request, _ service: Service) async -> Answer {
        let form = OpenMetricsWriter.Form(accept: request.headers["accept"] ?? "")
        var writer = OpenMetricsWriter(form)
        let status = await service.askLeader(.status)
        let measures = await service.askLeader(.measures)
        let ring = await service.askLeader(.ring)
        let workers = await service.askLeader(.workers)
        await queues(&writer, service)
        await windows(&writer, service)
        leader(&writer, status, measures, service)
        crew(&writer, ring: ring["lanes"]?.items ?? [], workers: workers["workers"]?.items ?? [])
        writer.write(MetricCatalogue.eventReaders, Double(service.hub.count))
        return .text(writer.page, form.contentType)
    }

    private static func queues(_ writer: inout OpenMetricsWriter, _ service: Service) async {
        guard let rows = try? await service.value("queues"), rows.staleSeconds == nil else { return }
        // Labels must stay few: beyond the bound the rest of the queues are one.
        let named = (rows.value.items ?? []).prefix(Limits.metricQueuesMax)
        let states = ["pending", "claimed", "scheduled", "retrying", "blocked", "completed", "failed", "cancelled"]
        func each(_ metric: Metric, _ value: (JSONValue) -> Double?) {
            writer.write(
                metric,
                named.compactMap { row in
                    guard let name = row["queue_name"]?.text, let value = value(row) else { return nil }
                    return ([name], value)
                })
        }
        writer.write(
            MetricCatalogue.tasks,
            named.flatMap { row in
                states.map { ([row["queue_name"]?.text ?? "", $0], row[$0]?.double ?? 0) }
            })
        each(MetricCatalogue.oldestPending) { $0["oldest_pending_sec"]?.double ?? 0 }
        each(MetricCatalogue.lastCompleted) { $0["last_completed_sec"]?.double }
        each(MetricCatalogue.deadLetters) { $0["dead_letters"]?.double }
        each(MetricCatalogue.queuePaused) { $0["paused"]?.flag == true ? 1 : 0 }
        if let latency = service.latencySeconds { writer.write(MetricCatalogue.databaseLatency, latency) }
    }

    private static func windows(_ writer: inout OpenMetricsWriter, _ service: Service) async {
        var rows: [(window: String, row: JSONValue)] = []
        for seconds in [60.0, 300, 900] {
            let found = try? await service.value("window", [.null, .float8(seconds)], maxAgeSeconds: seconds / 60)
            guard let found, found.staleSeconds == nil else { return }
            rows.append((String(Int(seconds)), found.value))
        }
        for (metric, key) in [
            (MetricCatalogue.windowCompleted, "completed"), (MetricCatalogue.windowFailed, "failed"),
            (MetricCatalogue.windowRetried, "retried"), (MetricCatalogue.windowTimedOut, "timed_out"),
            (MetricCatalogue.windowSuccess, "success_ratio"),
        ] {
            writer.write(metric, rows.compactMap { row in row.row[key]?.double.map { ([row.window], $0) } })
        }
        for (metric, key) in [(MetricCatalogue.windowWait, "wait"), (MetricCatalogue.windowRun, "run")] {
            writer.write(
                metric,
                rows.flatMap { row in
                    ["p50", "p95", "p99"].compactMap { name in
                        row.row["\(key)_\(name)"]?.double.map { ([row.window, name], $0) }
                    }
                })
        }
    }

    private static func leader(
        _ writer: inout OpenMetricsWriter, _ status: JSONValue, _ measures: JSONValue, _ service: Service
    ) {
        guard status["error"] == nil else { return }
        writer.write(MetricCatalogue.node, [([service.configuration.node, Program.version], 1)])
        for (metric, key) in [
            (MetricCatalogue.wait, "wait"), (MetricCatalogue.claim, "exchange"), (MetricCatalogue.dispatch, "dispatch"),
        ] {
            if let histogram = measures[key].flatMap({ Histogram($0) }) { writer.write(metric, [([], histogram)]) }
        }
        writer.write(
            MetricCatalogue.execution,
            (measures["execution"]?.members ?? [:]).sorted { $0.key < $1.key }.compactMap { name, value in
                Histogram(value).map { ([name], $0) }
            })
        for (metric, key) in [
            (MetricCatalogue.claimed, "claimed_total"), (MetricCatalogue.staleResults, "refused_total"),
            (MetricCatalogue.exchanges, "exchanges_total"), (MetricCatalogue.emptyClaims, "empty_claims_total"),
            (MetricCatalogue.reconnects, "reconnects_total"), (MetricCatalogue.running, "running"),
            (MetricCatalogue.waitingResults, "waiting_results"), (MetricCatalogue.leaderUptime, "uptime_seconds"),
            (MetricCatalogue.canaryAge, "canary_age_seconds"), (MetricCatalogue.canaryTrip, "canary_trip_seconds"),
        ] {
            if let value = status[key]?.double { writer.write(metric, value) }
        }
        if let rescued = measures["rescued"]?.double { writer.write(MetricCatalogue.rescues, rescued) }
        writer.write(MetricCatalogue.databaseUp, status["database"]?.text == "connected" ? 1 : 0)
        func each(_ metric: Metric, _ members: JSONValue?) {
            writer.write(
                metric,
                (members?.members ?? [:]).sorted { $0.key < $1.key }.map { ([$0.key], $0.value.double ?? 0) })
        }
        each(MetricCatalogue.attempts, status["outcomes_total"])
        each(MetricCatalogue.workerExits, measures["worker_exits"])
    }

    private static func crew(_ writer: inout OpenMetricsWriter, ring: [JSONValue], workers: [JSONValue]) {
        guard !workers.isEmpty else { return }
        var states: [String: Double] = ["busy": 0, "idle": 0, "starting": 0, "retiring": 0, "down": 0]
        for worker in workers { states[worker["state"]?.text ?? "down", default: 0] += 1 }
        states["gone"] = nil
        writer.write(MetricCatalogue.workers, states.sorted { $0.key < $1.key }.map { ([$0.key], $0.value) })
        let alive = workers.filter { $0["pid"] != nil }
        writer.write(
            MetricCatalogue.workerRing,
            alive.map { worker in
                let lanes = ring.filter { $0["worker"] == worker["worker"] }
                let slots = lanes.reduce(0) { $0 + ($1["slots"]?.double ?? 0) }
                let free = lanes.reduce(0) { $0 + ($1["free"]?.double ?? 0) }
                return ([number(worker)], slots > 0 ? 1 - free / slots : 0)
            })
        let pages = alive.compactMap { worker -> (worker: JSONValue, pages: ResidentPages)? in
            guard let pid = worker["pid"]?.int, let pages = ResidentPages.read(processID: Int32(clamping: pid))
            else { return nil }
            return (worker, pages)
        }
        writer.write(MetricCatalogue.workerMemory, pages.map { ([number($0.worker)], Double($0.pages.bytes)) })
        writer.write(
            MetricCatalogue.localPages,
            pages.compactMap { item in
                guard let node = item.worker["numa_node"]?.int, let ratio = item.pages.ratio(on: Int(node))
                else { return nil }
                return ([number(item.worker)], ratio)
            })
    }

    private static func number(_ worker: JSONValue) -> String { String(worker["worker"]?.int ?? 0) }
}

extension Histogram {
    /// As the leader tells it.
    init?(_ json: JSONValue) {
        guard let counts = json["counts"]?.items, let sum = json["sum_microseconds"]?.int else { return nil }
        self.init(counts: counts.map { UInt64(max(0, $0.int ?? 0)) }, sumMicroseconds: UInt64(max(0, sum)))
    }
}
