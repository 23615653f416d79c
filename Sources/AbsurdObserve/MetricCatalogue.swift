/// One metric: its name follows Prometheus (base units, `_total` for what only grows), its labels have few values.
public struct Metric: Sendable, Hashable {
    public enum Kind: String, Sendable {
        case counter, gauge, histogram, info
    }

    public var name: String
    public var kind: Kind
    /// A base unit, which the name then ends with; empty: a plain number.
    public var unit: String
    public var labels: [String]
    public var help: String

    init(_ name: String, _ kind: Kind, unit: String = "", labels: [String] = [], _ help: String) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.labels = labels
        self.help = help
    }
}

/// Every metric there is. /metrics, the JSON API, the reference page and the logs take names, units and meanings from here.
public enum MetricCatalogue {
    // MARK: The queues, from the database

    public static let tasks = Metric(
        "absurd_tasks", .gauge, labels: ["queue", "status"],
        "Tasks that are not archived, by queue and status.")
    public static let oldestPending = Metric(
        "absurd_oldest_pending_seconds", .gauge, unit: "seconds", labels: ["queue"],
        "Age of the oldest pending task; 0 when there is none.")
    public static let lastCompleted = Metric(
        "absurd_last_completion_age_seconds", .gauge, unit: "seconds", labels: ["queue"],
        "Time since a task of the queue last completed.")
    public static let deadLetters = Metric(
        "absurd_dead_letters", .gauge, labels: ["queue"], "Tasks that failed for good and that nobody has dealt with.")
    public static let queuePaused = Metric(
        "absurd_queue_paused", .gauge, labels: ["queue"], "1 while nothing is claimed from the queue.")
    public static let windowCompleted = Metric(
        "absurd_window_completed", .gauge, labels: ["window"], "Tasks completed in the last 60, 300 or 900 s.")
    public static let windowFailed = Metric(
        "absurd_window_failed", .gauge, labels: ["window"], "Tasks failed for good in the window.")
    public static let windowRetried = Metric(
        "absurd_window_retried", .gauge, labels: ["window"],
        "Attempts that failed, timed out or crashed in the window and were followed by another.")
    public static let windowTimedOut = Metric(
        "absurd_window_timed_out", .gauge, labels: ["window"], "Attempts that ran out of time in the window.")
    public static let windowSuccess = Metric(
        "absurd_window_success_ratio", .gauge, unit: "ratio", labels: ["window"],
        "Completed of completed and failed; absent when nothing ended.")
    public static let windowWait = Metric(
        "absurd_window_wait_seconds", .gauge, unit: "seconds", labels: ["window", "percentile"],
        "Time from spawn to the last claim of tasks that ended in the window.")
    public static let windowRun = Metric(
        "absurd_window_execution_seconds", .gauge, unit: "seconds", labels: ["window", "percentile"],
        "Time of the last attempt of tasks that ended in the window.")

    // MARK: This node, from its leader

    public static let node = Metric(
        "absurd_node", .info, labels: ["node", "version"], "The node that this page is about.")
    public static let wait = Metric(
        "absurd_task_wait_seconds", .histogram, unit: "seconds",
        "Time from spawn to claim of the tasks that this node claimed.")
    public static let claim = Metric(
        "absurd_claim_seconds", .histogram, unit: "seconds",
        "Round trip of one exchange with the database: finish what ended, claim what comes next.")
    public static let dispatch = Metric(
        "absurd_dispatch_seconds", .histogram, unit: "seconds",
        "Time from the claim's answer to the beginning of the handler in a worker.")
    public static let execution = Metric(
        "absurd_execution_seconds", .histogram, unit: "seconds", labels: ["task"],
        "Time that handlers took, by task name.")
    public static let claimed = Metric("absurd_tasks_claimed_total", .counter, "Tasks that this node has claimed.")
    public static let attempts = Metric(
        "absurd_attempts_total", .counter, labels: ["outcome"], "Attempts that ended on this node, by outcome.")
    public static let staleResults = Metric(
        "absurd_stale_results_total", .counter, "Results refused because their attempt was not current any more.")
    public static let rescues = Metric(
        "absurd_rescues_total", .counter, "Attempts that this leader took from dead nodes and silent foreign workers.")
    public static let exchanges = Metric(
        "absurd_exchanges_total", .counter, "Exchanges with the database.")
    public static let emptyClaims = Metric(
        "absurd_empty_claims_total", .counter, "Claims that found nothing.")
    public static let reconnects = Metric(
        "absurd_database_reconnects_total", .counter, "Times that the database was lost and found again.")
    public static let workerExits = Metric(
        "absurd_worker_exits_total", .counter, labels: ["reason"],
        "Worker processes that ended: asked, exit, signal, memory, spawn.")
    public static let workers = Metric(
        "absurd_workers", .gauge, labels: ["state"], "Worker processes: busy, idle, starting, retiring, down.")
    public static let workerRing = Metric(
        "absurd_ring_occupancy_ratio", .gauge, unit: "ratio", labels: ["worker"],
        "Share of a worker's lane slots that hold an offered, running or finished task.")
    public static let workerMemory = Metric(
        "absurd_worker_resident_bytes", .gauge, unit: "bytes", labels: ["worker"], "Resident memory of a worker.")
    public static let localPages = Metric(
        "absurd_worker_local_page_ratio", .gauge, unit: "ratio", labels: ["worker"],
        "Share of a worker's pages that lie on the NUMA node of its CPUs.")
    public static let running = Metric("absurd_attempts_running", .gauge, "Attempts that run in workers now.")
    public static let waitingResults = Metric(
        "absurd_waiting_results", .gauge, "Finished attempts that the database has not accepted yet.")
    public static let databaseUp = Metric("absurd_database_up", .gauge, "1 while the leader has its session.")
    public static let databaseLatency = Metric(
        "absurd_database_latency_seconds", .gauge, unit: "seconds", "Round trip of a query that asks for nothing.")
    public static let canaryAge = Metric(
        "absurd_canary_age_seconds", .gauge, unit: "seconds",
        "Time since a canary last came back through the whole system.")
    public static let canaryTrip = Metric(
        "absurd_canary_trip_seconds", .gauge, unit: "seconds",
        "What the last canary took from spawn to accepted result.")
    public static let eventReaders = Metric("absurd_event_readers", .gauge, "Readers of /events.")
    public static let leaderUptime = Metric(
        "absurd_leader_uptime_seconds", .gauge, unit: "seconds", "Time since the leader started.")

    public static let all = [
        tasks, oldestPending, lastCompleted, deadLetters, queuePaused, windowCompleted, windowFailed, windowRetried,
        windowTimedOut, windowSuccess, windowWait, windowRun, node, wait, claim, dispatch, execution, claimed, attempts,
        staleResults, rescues, exchanges, emptyClaims, reconnects, workerExits, workers, workerRing, workerMemory,
        localPages, running, waitingResults, databaseUp, databaseLatency, canaryAge, canaryTrip, eventReaders,
        leaderUptime,
    ]
}
