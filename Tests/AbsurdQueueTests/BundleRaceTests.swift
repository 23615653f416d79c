import Absurd
import AbsurdStore
import Foundation
import Synchronization
import TestSupport
import Testing

/// Several connections at one bundle, each step taken when the other side is known to wait.
@Suite struct `At one bundle` {
    /// Runs `body` on a connection and a thread of its own, and returns when it waits for a lock or is done.
    private func waiting<Value: Sendable>(
        _ rig: QueueRig, _ body: @escaping @Sendable (QueueRig) throws -> Value
    ) throws -> Answer<Value> {
        let other = try rig.other()
        let backend = Int32(try other.count("SELECT pg_backend_pid()::bigint"))
        let answer = Answer<Value>()
        nonisolated(unsafe) let session = other
        Thread.detachNewThread { answer.give(Result { try body(session) }) }
        while !answer.isGiven,
            try rig.count("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = $1", .int4(backend)) == 0
        {}
        return answer
    }

    @Test func `a cancel that waits for a claim finds the task claimed and stops it`() throws {
        try withRig { (rig) throws in
            let tasks = try rig.spawnMany(40)
            let session = try rig.register()
            try rig.session.script("BEGIN")
            let attempts = try rig.claim(session, limit: 10)
            let cancel = try waiting(rig.other()) {
                try $0.one("SELECT absurd.cancel_task($1)::text", .uuid(tasks[4]))
            }
            #expect(try rig.status(tasks[4]) == "claimed")
            try rig.session.script("COMMIT")
            #expect(try cancel.get() == "true")
            #expect(try rig.renew(session) == ["\(tasks[4]) cancelled"])
            #expect(try rig.finish(session, attempts).map(\.accepted) == attempts.map { $0.task != tasks[4] })
        }
    }

    @Test func `a cancel that waits for a report comes too late for its tasks`() throws {
        try withRig { (rig) throws in
            let tasks = try rig.spawnMany(40)
            let session = try rig.register()
            let attempts = try rig.claim(session, limit: 10)
            try rig.session.script("BEGIN")
            _ = try rig.finish(session, Array(attempts[..<5]))
            let cancel = try waiting(rig.other()) {
                try $0.one(
                    "SELECT cardinality(absurd.cancel_now($1, 'no', absurd.current_time()))::text", .uuids(tasks))
            }
            try rig.session.script("COMMIT")
            #expect(try cancel.get() == "35")
            #expect(try rig.census() == ["cancelled 35", "completed 5"])
            #expect(try rig.finish(session, attempts).map(\.accepted) == (0..<10).map { $0 < 5 })
            #expect(try rig.bundleRows() == "0/0/0")
        }
    }

    @Test func `a claim passes by a cancel under way, and later takes all but what was cancelled`() throws {
        try withRig { (rig) throws in
            let tasks = try rig.spawnMany(40)
            let session = try rig.register()
            let other = try rig.other()
            try other.session.script("BEGIN")
            #expect(try other.one("SELECT absurd.cancel_task($1)::text", .uuid(tasks[4])) == "true")
            try rig.spawn("single")
            #expect(try rig.claim(session).map(\.name) == ["single"])
            #expect(try rig.claim(session).isEmpty, "it waits 20 ms for the bundle and goes home")
            try other.session.script("COMMIT")
            #expect(try rig.claim(session).map(\.task) == tasks.filter { $0 != tasks[4] })
        }
    }

    @Test func `a second leader takes the next bundle, or waits a moment for the only one`() throws {
        try withRig { (rig) throws in
            let tasks = try rig.spawnMany(40)
            let first = try rig.register()
            let second = try rig.register("n2")
            try rig.session.script("BEGIN")
            #expect(try rig.claim(first, limit: 10).map(\.task) == Array(tasks[..<10]))
            let other = try rig.other()
            try other.advance("1 s")
            let later = try other.spawnMany(40)
            #expect(try other.claim(second, node: "n2", limit: 40).map(\.task) == later)
            let rest = try waiting(rig.other()) { try $0.claim(second, node: "n2").map(\.task) }
            try rig.session.script("COMMIT")
            // It may have given up after its 20 ms before this COMMIT: then the next claim finds them.
            let found = try rest.get()
            #expect(try found + (found.isEmpty ? rig.claim(second, node: "n2").map(\.task) : []) == Array(tasks[10...]))
        }
    }

    @Test func `a claim or report whose connection dies before COMMIT never was`() throws {
        try withRig { (rig) throws in
            let tasks = try rig.spawnMany(40)
            let session = try rig.register()
            func lose(_ body: (QueueRig) throws -> Void) throws {
                let doomed = try rig.other()
                let backend = try doomed.count("SELECT pg_backend_pid()::bigint")
                try doomed.session.script("BEGIN")
                try body(doomed)
                try rig.run("SELECT pg_terminate_backend($1, 10000)", .int4(Int32(backend)))
            }
            try lose { (doomed) throws in #expect(try doomed.claim(session, limit: 10).count == 10) }
            #expect(try rig.census() == ["pending 40"])
            #expect(try rig.bundleRows() == "1/40/0")
            let attempts = try rig.claim(session, limit: 10)
            #expect(attempts.map(\.task) == Array(tasks[..<10]))
            try lose { (doomed) throws in #expect(try doomed.finish(session, attempts).allSatisfy(\.accepted)) }
            #expect(try rig.census() == ["claimed 10", "pending 30"])
            #expect(try rig.finish(session, attempts).allSatisfy(\.accepted))
            #expect(try rig.finish(session, attempts).allSatisfy(\.accepted), "told twice, accepted twice")
            #expect(try rig.census() == ["completed 10", "pending 30"])
        }
    }

    @Test func `rescue that meets a report loses nothing and ends nothing twice`() throws {
        try withRig { (rig) throws in
            try rig.spawnMany(40)
            let session = try rig.register()
            let attempts = try rig.claim(session)
            try rig.session.script("BEGIN")
            _ = try rig.finish(session, Array(attempts[..<15]))
            let rescue = try waiting(rig.other()) { try $0.register() }
            try rig.session.script("COMMIT")
            let next = try rescue.get()
            #expect(try rig.census() == ["completed 15", "pending 25"])
            #expect(try rig.finish(session, Array(attempts[15...])).contains { $0.accepted } == false)
            #expect(try rig.claim(next).map(\.number) == Array(repeating: 2, count: 25))
        }
    }

    @Test func `everybody at once claims, reports, cancels and waits, and each task ends once`() async throws {
        try await withDatabase { database in
            let rig = try QueueRig(database)
            try rig.run("UPDATE absurd.settings SET crashes_max = 1000")
            let tasks = try rig.spawnMany(2_400)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<3 {
                    group.addTask { try Self.work(database, "n\(number)", limit: Int32(20 + 13 * number)) }
                }
                group.addTask {
                    let rig = try QueueRig(database)
                    for start in stride(from: 0, to: 2_400, by: 40) {
                        try rig.run("SELECT absurd.cancel_task($1)", .uuid(tasks[start]))
                        try rig.spawn("child", queue: "later", after: [tasks[start + 20]])
                    }
                }
                try await group.waitForAll()
            }
            let ended = try rig.all(
                """
                SELECT (count(DISTINCT task_id) = count(*)) || ' ' || count(*) || ' ' || bool_or(status = 'failed')
                FROM absurd.tasks_done WHERE queue_name = 'q'
                """)
            #expect(ended == ["true 2400 false"])
            #expect(
                try rig.all("SELECT queue_name || ' ' || count(*) FROM absurd.tasks GROUP BY queue_name ORDER BY 1")
                    == ["later 60", "q 2400"])
            #expect(
                try rig.all("SELECT DISTINCT status FROM absurd.tasks WHERE queue_name = 'later'") == ["pending"])
            #expect(try rig.bundleRows() == "0/0/0")
        }
    }

    /// A node that reports in three parts, loses some attempts to a restart, and goes on until nothing is left.
    private static func work(_ database: TestDatabase, _ node: String, limit: Int32) throws {
        let rig = try QueueRig(database)
        var session = try rig.register(node)
        var round = 0
        while true {
            let batch = try rig.claim(session, node: node, limit: limit)
            round += 1
            if round % 9 == 0 { session = try rig.register(node) }
            for part in 0..<3 {
                let attempts = batch.enumerated().filter { $0.offset % 3 == part }.map(\.element)
                let outcomes = attempts.map { _ in part == 2 && round % 4 == 0 ? "released" : "completed" }
                _ = try rig.finish(session, attempts, outcomes)
            }
            if batch.isEmpty,
                try rig.count(
                    "SELECT pending + claimed FROM absurd.queue_depths('q')") == 0
            {
                return
            }
        }
    }
}

/// What a thread will have found.
private final class Answer<Value: Sendable>: Sendable {
    private let found = Mutex<Result<Value, any Error>?>(nil)
    private let ready = DispatchSemaphore(value: 0)

    func give(_ result: Result<Value, any Error>) {
        found.withLock { $0 = result }
        ready.signal()
    }

    var isGiven: Bool { found.withLock { $0 != nil } }

    func get() throws -> Value {
        ready.wait()
        ready.signal()
        return try found.withLock { try $0!.get() }
    }
}
