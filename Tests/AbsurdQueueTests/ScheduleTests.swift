import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `A cron expression` {
    struct Case: Sendable, CustomTestStringConvertible {
        var expression: String
        var zone = "UTC"
        var after: String
        var firings: [String]
        var testDescription: String { "\(expression) in \(zone) after \(after)" }
    }

    static let cases: [Case] = [
        Case(
            expression: "* * * * *", after: "2027-06-01 12:00:30+00", firings: ["2027-06-01 12:01", "2027-06-01 12:02"]),
        Case(
            expression: "15 * * * *", after: "2027-06-01 12:15+00", firings: ["2027-06-01 13:15", "2027-06-01 14:15"]),
        Case(expression: "0 3 * * *", after: "2027-12-31 03:00+00", firings: ["2028-01-01 03:00"]),
        Case(
            expression: "*/20 8-9 * * *", after: "2027-06-01 08:30+00",
            firings: ["2027-06-01 08:40", "2027-06-01 09:00"]),
        Case(
            expression: "5/25 0 * * *", after: "2027-06-01 00:00+00",
            firings: ["2027-06-01 00:05", "2027-06-01 00:30", "2027-06-01 00:55"]),
        Case(
            expression: "0 0 1,15 JAN-mar *", after: "2027-02-15 00:00+00",
            firings: ["2027-03-01 00:00", "2027-03-15 00:00", "2028-01-01 00:00"]),
        // 2027-06-06 is a Sunday.
        Case(
            expression: "0 12 * * 0", after: "2027-06-01 00:00+00", firings: ["2027-06-06 12:00", "2027-06-13 12:00"]),
        Case(
            expression: "0 12 * * 7", after: "2027-06-01 00:00+00", firings: ["2027-06-06 12:00", "2027-06-13 12:00"]),
        Case(
            expression: "0 12 * * sun-tue", after: "2027-06-05 00:00+00",
            firings: ["2027-06-06 12:00", "2027-06-07 12:00", "2027-06-08 12:00", "2027-06-13 12:00"]),
        Case(
            expression: "0 12 * * 5-7", after: "2027-06-05 13:00+00", firings: ["2027-06-06 12:00", "2027-06-11 12:00"]),
        // Day and weekday both given: either.
        Case(
            expression: "0 0 13 * fri", after: "2027-06-12 00:00+00", firings: ["2027-06-13 00:00", "2027-06-18 00:00"]),
        Case(
            expression: "0 0 29 2 *", after: "2027-01-01 00:00+00", firings: ["2028-02-29 00:00", "2032-02-29 00:00"]),
        Case(expression: "0 0 29 2 *", after: "2096-03-01 00:00+00", firings: ["2104-02-29 00:00"]),
        Case(
            expression: "0 0 31 * *", after: "2027-03-31 00:00+00", firings: ["2027-05-31 00:00", "2027-07-31 00:00"]),
        Case(expression: "@daily", after: "2027-06-01 00:00+00", firings: ["2027-06-02 00:00"]),
        // Los Angeles, 2027-03-14: 02:00 becomes 03:00. 2027-11-07: 02:00 becomes 01:00.
        Case(
            expression: "0 3 * * *", zone: "America/Los_Angeles", after: "2027-03-13 12:00+00",
            firings: ["2027-03-14 10:00", "2027-03-15 10:00"]),
        Case(
            expression: "30 2 * * *", zone: "America/Los_Angeles", after: "2027-03-13 12:00+00",
            firings: ["2027-03-14 10:00", "2027-03-15 09:30"]),
        Case(
            expression: "30 1 * * *", zone: "America/Los_Angeles", after: "2027-11-07 00:00+00",
            firings: ["2027-11-07 08:30", "2027-11-08 09:30"]),
        Case(
            expression: "30 * * * *", zone: "America/Los_Angeles", after: "2027-11-07 07:45+00",
            firings: ["2027-11-07 08:30", "2027-11-07 09:30", "2027-11-07 10:30"]),
        Case(
            expression: "30 * * * *", zone: "America/Los_Angeles", after: "2027-03-14 08:45+00",
            firings: ["2027-03-14 09:30", "2027-03-14 10:30", "2027-03-14 11:30"]),
        Case(
            expression: "0 0 * * *", zone: "Asia/Kathmandu", after: "2027-06-01 12:00+00", firings: ["2027-06-01 18:15"]
        ),
        // Lord Howe shifts by half an hour: 2027-04-04 02:00 becomes 01:30.
        Case(
            expression: "45 1 * * *", zone: "Australia/Lord_Howe", after: "2027-04-03 12:00+00",
            firings: ["2027-04-03 14:45", "2027-04-04 15:15"]),
        Case(
            expression: "15 2 * * *", zone: "Australia/Lord_Howe", after: "2027-10-02 12:00+00",
            firings: ["2027-10-02 15:30", "2027-10-03 15:15"]),
    ]

    @Test(arguments: cases)
    func `fires at these times`(example: Case) throws {
        try withRig { (rig) throws in
            var after = example.after
            for firing in example.firings {
                let next = try rig.one(
                    "SELECT (absurd.cron_next($1, $2, $3::text::timestamptz) AT TIME ZONE 'UTC')::text",
                    .text(example.expression), .text(example.zone), .text(after))
                #expect(next == firing + ":00")
                after = firing + "+00"
            }
        }
    }

    @Test(arguments: [
        "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8",
        "5-1 * * * *", "*/0 * * * *", "a * * * *", "* * * foo *", "1,,2 * * * *", "1- * * * *", "0 0 31 2 *",
        "-1 * * * *",
    ])
    func `that makes no sense is refused`(expression: String) throws {
        try withRig { (rig) throws in
            expectRefusal("AB003") { try rig.run("SELECT absurd.cron_next($1, 'UTC', now())", .text(expression)) }
        }
    }

    @Test func `in a time zone that nobody knows is refused`() throws {
        try withRig { (rig) throws in
            expectRefusal("AB003") { try rig.run("SELECT absurd.cron_next('* * * * *', 'Mars/Olympus', now())") }
        }
    }
}

@Suite struct `A schedule` {
    private func add(_ rig: QueueRig, _ name: String = "s", cron: String = "*/5 * * * *", missed: String = "once")
        throws
    {
        try rig.run(
            """
            INSERT INTO absurd.scheduled_tasks (name, queue_name, task_name, cron_expression, missed)
            VALUES ($1, 'q', 'health-check', $2, $3)
            """, .text(name), .text(cron), .text(missed))
    }

    @Test func `fires once per tick over all leaders`() async throws {
        try await withDatabase { database in
            let rig = try QueueRig(database)
            try add(rig)
            for tick in 1...10 {
                try rig.advance("5 min")
                let now = try rig.one("SELECT absurd.current_time()::text") ?? ""
                let fired = try await withThrowingTaskGroup(of: Int32.self) { group in
                    for _ in 0..<5 { group.addTask { try QueueRig(database, at: now).maintain().fired } }
                    return try await group.reduce(0, +)
                }
                #expect(fired == 1)
                #expect(try rig.count("SELECT count(*) FROM absurd.tasks") == tick)
            }
            #expect(
                try rig.one("SELECT (next_run_at - last_run_at)::text FROM absurd.scheduled_tasks") == "00:05:00")
        }
    }

    @Test(arguments: [("once", 1), ("skip", 0)])
    func `that was missed follows its policy`(policy: String, firings: Int) throws {
        try withRig { (rig) throws in
            try add(rig, missed: policy)
            try rig.advance("3 hours 2 min")
            #expect(Int(try rig.maintain().fired) == firings)
            #expect(try rig.count("SELECT count(*) FROM absurd.tasks") == firings)
            try rig.advance("3 min")
            #expect(try rig.maintain().fired == 1)
        }
    }

    @Test func `that is paused does not fire; resumed, it goes on with the next tick`() throws {
        try withRig { (rig) throws in
            try add(rig)
            try rig.run("UPDATE absurd.scheduled_tasks SET state = 'paused'")
            try rig.advance("1 hour")
            #expect(try rig.maintain().fired == 0)
            try rig.run("UPDATE absurd.scheduled_tasks SET state = 'active'")
            #expect(try rig.maintain().fired == 0)
            try rig.advance("5 min")
            #expect(try rig.maintain().fired == 1)
        }
    }

    @Test func `can be triggered by hand`() throws {
        try withRig { (rig) throws in
            try add(rig)
            let task: TaskID = try rig.run("SELECT absurd.schedule_trigger('s')").get(0, 0)
            #expect(try rig.status(task) == "pending")
            #expect(try rig.one("SELECT last_task_id::text FROM absurd.scheduled_tasks") == task.description)
            expectRefusal("AB005") { try rig.run("SELECT absurd.schedule_trigger('unknown')") }
        }
    }

    @Test func `with a bad expression is not taken`() throws {
        try withRig { (rig) throws in
            expectRefusal("AB003") { try add(rig, cron: "61 * * * *") }
            try add(rig)
            expectRefusal("AB003") { try rig.run("UPDATE absurd.scheduled_tasks SET timezone = 'Nowhere'") }
        }
    }

    @Test func `wakes the leader in time`() throws {
        try withRig { (rig) throws in
            try add(rig)
            #expect(
                try rig.one("SELECT (next_due AT TIME ZONE 'UTC')::text FROM absurd.maintain('n1')")
                    == "2027-06-01 12:05:00")
        }
    }
}
