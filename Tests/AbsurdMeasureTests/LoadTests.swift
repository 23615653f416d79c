import Absurd
import AbsurdStore
import Foundation
import Glibc
import TestSupport
import Testing

@testable import AbsurdMeasure

@Suite struct LoadTests {
    // MARK: The schedule

    @Test func arrivalsAreSharedOutAndEvenlySpaced() {
        let schedule = ArrivalSchedule(ratePerSecond: 10, total: 7, producers: 3)
        var all: [Double] = []
        for producer in 0..<3 {
            var cursor = ArrivalSchedule.Cursor(schedule, producer: producer)
            while !cursor.isAtEnd { all += cursor.takeDue(bySeconds: cursor.dueSeconds, max: 1) }
        }
        #expect(all.sorted() == (0..<7).map { Double($0) / 10 })
    }

    @Test func aProducerThatWasHeldUpSendsAllThatIsDueAndKeepsTheirDueTimes() {
        let schedule = ArrivalSchedule(ratePerSecond: 100, total: 1000, producers: 1)
        var cursor = ArrivalSchedule.Cursor(schedule, producer: 0)
        #expect(cursor.takeDue(bySeconds: -0.001, max: 10).isEmpty)
        #expect(cursor.takeDue(bySeconds: 0.025, max: 10) == [0, 0.01, 0.02])
        #expect(cursor.takeDue(bySeconds: 5, max: 10).count == 10, "no more at a time than asked for")
    }

    @Test func aLoadThatCannotShowATierIsRefused() throws {
        let slow = try LoadPlan(queue: "q", ratePerSecond: 10)
        #expect(slow.tasks == 600)
        #expect(throws: Refusal.self) { try slow.require(canShow: .production) }
        #expect(throws: Never.self) { try slow.require(canShow: .development) }
        #expect(throws: Refusal.self) { try LoadPlan(queue: "q", ratePerSecond: 0) }
        #expect(try LoadPlan(queue: "q", ratePerSecond: 100, tasks: 50, durationSeconds: 60).tasks == 50)
    }

    // MARK: The ledger

    @Test func aFinishThatOvertakesItsAcknowledgementIsLookedForAgain() {
        let ledger = LoadLedger()
        ledger.beginSend(dueSeconds: [1], at: 1)
        #expect(ledger.window(max: 10).isEmpty)
        #expect(ledger.acknowledge([.random()], dueSeconds: [1], at: 1.1), "somebody has looked while it was sent")
        #expect(ledger.window(max: 10).count == 1)
        ledger.beginSend(dueSeconds: [2], at: 2)
        #expect(!ledger.acknowledge([.random()], dueSeconds: [2], at: 2.1))
    }

    @Test func everyOpenTaskIsLookedAtThoughTheOldestNeverEnd() {
        let ledger = LoadLedger()
        let due = (0..<100).map { Double($0) }
        ledger.beginSend(dueSeconds: due, at: 100)
        _ = ledger.acknowledge(due.map { _ in .random() }, dueSeconds: due, at: 100)
        var seen: Set<Int> = []
        for _ in 0..<40 { seen.formUnion(ledger.window(max: 10).keys) }
        #expect(seen.count == 100)
        ledger.finish([3, 50], at: 110)
        #expect(ledger.openCount == 98)
        #expect(ledger.totals.latencies.count == 2)
        #expect(abs(ledger.totals.latencies.maxSeconds - 107) < 0.2)
    }

    // MARK: The proof

    @Test func aRemovedAndADoubledRecordAreFound() throws {
        try withDatabase { database in
            let session = try database.session()
            let ids: [TaskID] = try session.query(
                .measure("spawn_many"),
                [
                    .texts(Array(repeating: "q", count: 6)), .texts(Array(repeating: "echo", count: 6)),
                    .jsonbs(Array(repeating: Array("{}".utf8), count: 6)),
                ]
            ).map { try $0.get(0) }
            #expect(try LoadCheck(ids, session).unfinished == 6)
            for _ in ids { try session.query(PostgresStatement(Self.finishOne)) }
            let whole = try LoadCheck(ids, session)
            #expect(whole.isWhole && whole.completed == 6 && whole.successRatio == 1)

            try session.query("DELETE FROM absurd.tasks_done WHERE task_id = $1", [.uuid(ids[0])])
            try session.query(PostgresStatement(Self.doubleOne), [.uuid(ids[1])])
            let damaged = try LoadCheck(ids + [ids[2]], session)
            #expect(damaged.lost == 1)
            #expect(damaged.doubled == 2, "one has two records, one was acknowledged twice")
            #expect(damaged.completed == 4)
            #expect(!damaged.isWhole)
            #expect(Set(damaged.suspects) == [ids[0], ids[1]])
        }
    }

    private static let finishOne =
        "SELECT absurd.complete_task((SELECT task_id FROM absurd.claim_task('q', 'w')), '{}')"
    private static let doubleOne = """
        INSERT INTO absurd.tasks_ready (task_id, created_at, priority, max_retries, queue_name, task_name, params)
        SELECT task_id, created_at, priority, max_retries, queue_name, task_name, params FROM absurd.tasks_done
        WHERE task_id = $1
        """

    // MARK: The whole

    @Test func aQueueThatNobodyServesIsRefusedByName() throws {
        try withDatabase { database in
            let plan = try LoadPlan(queue: "lonely", ratePerSecond: 50, tasks: 5)
            do {
                _ = try LoadRun(plan, database.settings).run()
                Issue.record("it ran without a leader")
            } catch let refusal as Refusal {
                #expect(refusal.exit == .unavailable)
                #expect(refusal.description.contains("queue lonely: no leader serves it"))
            }
        }
    }

    @Test func aLoadOnARealLeaderEndsWithEveryTaskAccountedFor() throws {
        try withDatabase { database in
            let state = try TestCluster.temporaryDirectory("load")
            defer { try? FileManager.default.removeItem(atPath: state) }
            let leader = try LeaderProcess(
                executable: try Programs.absurd(in: state), databaseURL: database.url, stateDirectory: state,
                queue: "q", workers: 2, concurrency: 1, diesWithThread: false,
                environment: Programs.environment(state))
            defer { leader.stop() }
            let report = try LoadRun(
                LoadPlan(queue: "q", ratePerSecond: 200, tasks: 300, producers: 3), database.settings
            ).run()
            #expect(report.isWhole)
            #expect(report.check.acknowledged == 300 && report.check.completed == 300 && report.refused == 0)
            #expect(report.latencies.count == 300 && report.spawns.count == 300)
            #expect(report.latencies.percentile(50) >= report.spawns.percentile(50) / 2)
            #expect(report.latencies.percentile(99) <= report.latencies.maxSeconds)
            let json = try JSONValue(parsing: report.json(asking: .development).jsonText)
            #expect(json["completed"] == 300 && json["lost"] == 0 && json["latency"]?["count"] == 300)
        }
    }
}
