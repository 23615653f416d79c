import Absurd
import AbsurdStore
import Glibc

/// An open-loop load: tasks arrive on a schedule and never wait for the system.
///
/// Threads: one a producer, each with a connection; the calling one watches for ends. A producer that finds several of
/// its arrivals due sends them together, so that a slow database makes it late and never makes it send less.
public struct LoadRun: Sendable {
    let plan: LoadPlan
    let settings: ConnectionSettings
    let stop: StopRequests
    private let ledger = LoadLedger()
    private let wake = LoadBell()

    public init(_ plan: LoadPlan, _ settings: ConnectionSettings, stop: StopRequests = StopRequests()) {
        self.plan = plan
        self.settings = settings
        self.stop = stop
    }

    /// - Throws: `Refusal` when nobody serves the queue, `PostgresError` when the database can't be reached.
    public func run() throws -> LoadReport {
        let session = try PostgresSession(settings)
        try Self.requireLeader(of: plan.queue, session)
        // Listening comes before the first spawn.
        try session.query("LISTEN absurd_finished")
        let start = monotonicSeconds() + 0.05
        let producing = CountDown(plan.producers)
        let watcher = LoadWatcher(ledger, wake, settleSeconds: plan.settleSeconds, stop: stop)
        var failure: (any Error)?
        SideThreads.run(
            (0..<plan.producers).map { number in
                {
                    produce(number, from: start)
                    producing.one()
                    wake.ring()
                }
            }
        ) {
            do { try watcher.watch(session, settings) { producing.isZero } } catch { failure = error }
        }
        if let failure { throw failure }
        let totals = ledger.totals
        return LoadReport(
            plan: plan, check: try LoadCheck(ledger.ids, PostgresSession(settings)), latencies: totals.latencies,
            spawns: totals.spawns, lateness: totals.lateness, depths: totals.depths, refused: totals.refused,
            lastRefusal: totals.lastRefusal, seconds: max(totals.lastFinishSeconds - start, 0),
            wasStopped: stop.count > 0)
    }

    /// - Throws: `Refusal` (exit 69) that says who is there instead.
    static func requireLeader(of queue: String, _ session: PostgresSession) throws {
        let rows = try session.query(.measure("load_leaders"), [.text(queue)])
        let nodes = try rows.map { row in (name: try row.get(0, as: String.self), serves: try row.get(1, as: Bool.self))
        }
        guard !nodes.contains(where: \.serves) else { return }
        let others =
            nodes.isEmpty
            ? "no leader runs" : "only other queues are served, by \(nodes.map(\.name).joined(separator: ", "))"
        throw Refusal(
            "queue \(queue)", why: "no leader serves it: \(others)",
            remedy: "start `absurd up`, or `absurd leader --queue-name \(queue)`, or name another with --queue-name",
            exit: .unavailable)
    }

    // MARK: A producer

    private func produce(_ number: Int, from start: Double) {
        var cursor = ArrivalSchedule.Cursor(plan.schedule, producer: number)
        var session = try? PostgresSession(settings)
        while !cursor.isAtEnd, stop.count == 0 {
            SideThreads.sleep(untilSeconds: min(start + cursor.dueSeconds, monotonicSeconds() + 0.2))
            let now = monotonicSeconds()
            let due = cursor.takeDue(bySeconds: now - start, max: Limits.claimBatchMax).map { $0 + start }
            guard !due.isEmpty else { continue }
            ledger.beginSend(dueSeconds: due, at: now)
            do {
                if session == nil { session = try PostgresSession(settings) }
                guard let session else { continue }
                let ids = try send(due.count, session)
                if ledger.acknowledge(ids, dueSeconds: due, at: monotonicSeconds()) { wake.ring() }
            } catch {
                ledger.refuse(due.count, "\(error)")
                if let error = error as? PostgresError, error.isConnectionLoss { session = nil }
                // A database that is away must not be asked a thousand times a second.
                SideThreads.sleep(untilSeconds: now + 0.1)
            }
        }
    }

    private func send(_ count: Int, _ session: PostgresSession) throws -> [TaskID] {
        let params = Array(#"{"inputs": {"load": true}}"#.utf8)
        if count == 1 {
            return [
                try session.query(
                    .measure("spawn_one"), [.text(plan.queue), .text(plan.task), .jsonb(params)])[0].get(0)
            ]
        }
        return try session.query(
            .measure("spawn_many"),
            [
                .texts(Array(repeating: plan.queue, count: count)), .texts(Array(repeating: plan.task, count: count)),
                .jsonbs(Array(repeating: params, count: count)),
            ]
        ).map { try $0.get(0) }
    }
}
