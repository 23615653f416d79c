import AbsurdClient
import AbsurdStore
import TestSupport
import Testing

@Suite struct `The client library` {
    /// Completes a task as a worker that knows only the old functions.
    private func work(_ database: TestDatabase, _ queue: String, result: String = #"{"status": "success"}"#) throws {
        let session = try database.session()
        let id: TaskID = try session.query("SELECT task_id FROM absurd.claim_task($1, 'w')", [.text(queue)])[0].get(0)
        let done: Bool = try session.query("SELECT absurd.complete_task($1, $2)", [.uuid(id), .json(result)])[0].get(0)
        try #require(done)
    }

    private func withClient(_ body: (TaskClient, TestDatabase) async throws -> Void) async throws {
        try await withDatabase { database in
            let client = TaskClient(database.settings(role: "absurd_client"))
            defer { client.close() }
            try await body(client, database)
        }
    }

    @Test func `spawns a task with everything it can have and reads it back`() async throws {
        try await withClient { client, _ in
            let parent = try await client.spawn(NewTask(queue: "q", name: "echo"))
            var child = NewTask(queue: "q", name: "echo", params: #"{"n": 9007199254740993, "x": 0.10}"#)
            child.priority = -3
            child.timeoutSeconds = 77
            child.retriesMax = 0
            child.after = [parent]
            let id = try await client.spawn(child)
            let record = try #require(try await client.task(id))
            #expect(record.params == #"{"n": 9007199254740993, "x": 0.10}"#)
            #expect(record.state == .blocked)
            #expect((record.priority, record.timeoutSeconds, record.retriesMax) == (-3, 77, 0))
            #expect(record.dependsOn == [parent])
            #expect(record.attempt == 0 && record.worker == nil && record.result == nil)
            let missing = try await client.task(.random())
            #expect(missing == nil)
        }
    }

    @Test func `a known idempotency key gives the first task's id`() async throws {
        try await withClient { client, _ in
            var task = NewTask(queue: "q", name: "echo")
            task.idempotencyKey = "2026-11-25T09:30:00"
            let first = try await client.spawn(task)
            let second = try await client.spawn(task)
            #expect(first == second)
            let tasks = try await client.tasks(TaskFilter(queue: "q"))
            #expect(tasks.count == 1)
        }
    }

    @Test func `spawns many in order, all or none`() async throws {
        try await withClient { client, _ in
            let plain = (0..<500).map { NewTask(queue: "bulk", name: "echo", params: "{\"n\": \($0)}") }
            let ids = try await client.spawnMany(plain)
            let records = try await client.tasks(ids)
            let byID = Dictionary(uniqueKeysWithValues: records.map { ($0.id, $0.params) })
            #expect(ids.map { byID[$0] } == plain.map(\.params))

            var mixed = Array(plain.prefix(3))
            mixed[2].after = [ids[0]]
            mixed[1].params = #"{"big": 123456789012345678901234567890}"#
            let more = try await client.spawnMany(mixed)
            let blocked = try await client.task(more[2])
            #expect(blocked?.state == .blocked)
            let big = try await client.task(more[1])
            #expect(big?.params == #"{"big": 123456789012345678901234567890}"#)

            var wrong = plain
            wrong[499].name = ""
            await #expect(throws: Refusal.self) { try await client.spawnMany(wrong) }
            let stats = try await client.queueStats("bulk")
            #expect(stats.total == 503)
            let none = try await client.spawnMany([])
            #expect(none.isEmpty)
        }
    }

    @Test func `pages through a list without a gap or a repetition`() async throws {
        try await withClient { client, _ in
            let ids = try await client.spawnMany((0..<25).map { _ in NewTask(queue: "q", name: "echo") })
            _ = try await client.spawn(NewTask(queue: "other", name: "echo"))
            var filter = TaskFilter(queue: "q", states: [.pending], name: "echo", limit: 10)
            var seen: [TaskID] = []
            while true {
                let page = try await client.tasks(filter)
                seen += page.map(\.id)
                guard page.count == 10, let last = page.last else { break }
                filter.behind = .init(of: last)
            }
            #expect(seen.count == 25)
            #expect(Set(seen) == Set(ids))
            let none = try await client.tasks(TaskFilter(queue: "q", states: [.failed]))
            #expect(none.isEmpty)
        }
    }

    @Test func `waits until a task ends`() async throws {
        try await withClient { client, database in
            let id = try await client.spawn(NewTask(queue: "q", name: "echo"))
            let waiting = Task { try await client.wait(id, timeoutSeconds: 60) }
            try work(database, "q", result: #"{"status": "success", "outputs": {"a": 1}}"#)
            let record = try await waiting.value
            #expect(record.state == .completed)
            #expect(try JSONValue(parsing: record.result ?? "")["outputs"]?["a"]?.int == 1)
            #expect(record.executionSeconds != nil && record.waitSeconds != nil)
        }
    }

    @Test func `is woken by the finish, not by its own poll`() async throws {
        try await withClient { client, database in
            let id = try await client.spawn(NewTask(queue: "q", name: "echo"))
            let watcher = PostgresClient(database.settings)
            var bells = watcher.listen(["absurd_finished"]).makeAsyncIterator()
            #expect(await bells.next() == .listening)
            let waiting = Task { try await client.wait(id, timeoutSeconds: 60) }
            // The waiter is registered once the database knows of it.
            let session = try database.session()
            while try session.query("SELECT FROM absurd.waiters").isEmpty { await Task.yield() }
            try work(database, "q")
            guard case .notification = await bells.next() else {
                Issue.record("no bell")
                return
            }
            _ = try await waiting.value
        }
    }

    @Test func `waits for several, and gives up in time or when there is nothing to wait for`() async throws {
        try await withClient { client, database in
            let ids = try await client.spawnMany((0..<3).map { _ in NewTask(queue: "q", name: "echo") })
            let waiting = Task { try await client.wait(ids + ids, timeoutSeconds: 60) }
            for _ in 0..<3 { try work(database, "q") }
            let records = try await waiting.value
            #expect(records.map(\.id) == ids + ids)
            let slow = try await client.spawn(NewTask(queue: "q", name: "echo"))
            let late = await #expect(throws: Refusal.self) { try await client.wait(slow, timeoutSeconds: 0.05) }
            #expect(late?.exit == .tryAgain)
            let missing = await #expect(throws: Refusal.self) { try await client.wait(.random()) }
            #expect(missing?.exit == .no)
        }
    }

    @Test func `cancels and retries`() async throws {
        try await withClient { client, _ in
            let id = try await client.spawn(NewTask(queue: "q", name: "echo"))
            let answers = [
                try await client.cancel(id), try await client.cancel(id), try await client.retry(id),
                try await client.retry(id),
            ]
            #expect(answers == [true, false, true, false])
        }
    }

    @Test func `tells each task that ends`() async throws {
        try await withClient { client, database in
            let early = try await client.spawn(NewTask(queue: "q", name: "echo"))
            try work(database, "q")
            var events = client.events(queue: "q").makeAsyncIterator()
            let ids = try await client.spawnMany((0..<3).map { _ in NewTask(queue: "q", name: "echo") })
            // The stream begins at its first look, which shows as a registration.
            let session = try database.session()
            while try session.query("SELECT FROM absurd.waiters").isEmpty { await Task.yield() }
            for _ in 0..<3 { try work(database, "q") }
            var seen: Set<TaskID> = []
            while seen.count < 3, let record = try await events.next() { seen.insert(record.id) }
            #expect(seen == Set(ids))
            #expect(!seen.contains(early))
        }
    }

    @Test func `says in one line what the queue refuses, and why`() async throws {
        try await withClient { client, database in
            let name = await #expect(throws: Refusal.self) {
                try await client.spawn(NewTask(queue: "", name: "echo"))
            }
            #expect(name?.exit == .badData)
            #expect(name?.description.hasPrefix("queue name: ") == true)
            let json = await #expect(throws: Refusal.self) {
                try await client.spawn(NewTask(queue: "q", name: "echo", params: "{nonsense"))
            }
            #expect(json?.exit == .badData, "\(String(describing: json))")
            let reader = TaskClient(database.settings(role: "absurd_reader"))
            let denied = await #expect(throws: Refusal.self) {
                try await reader.spawn(NewTask(queue: "q", name: "echo"))
            }
            #expect(denied?.exit == .notAllowed)
            let nowhere = TaskClient(ConnectionSettings(socketDirectory: "/nonexistent", database: "x", user: "x"))
            let away = await #expect(throws: Refusal.self) { try await nowhere.queueStats("q") }
            #expect(away?.exit == .unavailable)
        }
    }

    @Test func `without a schema says how to make one`() async throws {
        try await withDatabase(migrated: false) { database in
            let refusal = await #expect(throws: Refusal.self) {
                try await TaskClient(database.settings).spawn(NewTask(queue: "q", name: "echo"))
            }
            #expect(refusal?.exit == .configuration)
            #expect(refusal?.remedy.contains("absurd init") == true)
        }
    }
}
