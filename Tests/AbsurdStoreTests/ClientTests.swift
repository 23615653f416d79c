import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `The async client` {
    @Test func `serves many callers with at most its maximum of connections`() async throws {
        try await withDatabase(migrated: false) { database in
            let client = PostgresClient(database.settings, pool: PoolSize(connectionsMin: 0, connectionsMax: 3))
            try await withThrowingTaskGroup(of: Int32.self) { group in
                for number in 0..<40 {
                    group.addTask { try await client.query("SELECT $1", [.int4(Int32(number))]).get(0, 0) }
                }
                var sum: Int32 = 0
                for try await value in group { sum += value }
                #expect(sum == 780)
            }
            #expect(client.connectionCount <= 3)
            let rows = try await client.query(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            #expect(try rows.get(0, 0, as: Int.self) <= 3)
        }
    }

    @Test func `rolls a transaction back when its body throws`() async throws {
        struct Stop: Error {}
        try await withDatabase(migrated: false) { database in
            let client = PostgresClient(database.settings)
            try await client.query("CREATE TABLE t (n int)")
            await #expect(throws: Stop.self) {
                try await client.transaction { session in
                    try session.query("INSERT INTO t VALUES (1)")
                    throw Stop()
                }
            }
            try await client.transaction { try $0.query("INSERT INTO t VALUES (2)") }
            #expect(try await client.query("SELECT array_agg(n) FROM t").get(0, 0) == [2] as [Int32])
        }
    }

    @Test func `cancels the statement of a cancelled task, and the connection goes on`() async throws {
        try await withDatabase(migrated: false) { database in
            let client = PostgresClient(database.settings, pool: PoolSize(connectionsMin: 0, connectionsMax: 1))
            let task = Task { try await client.query("SELECT pg_sleep(600)") }
            let other = try database.session()
            while try other.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%sleep(600)' AND state = 'active'")
                .isEmpty
            { await Task.yield() }
            let waiter = Task { try await client.query("SELECT 1") }
            waiter.cancel()
            await #expect(throws: (any Error).self) { try await waiter.value }
            task.cancel()
            let outcome = await task.result
            #expect(throws: PostgresError.self) { try outcome.get() }
            #expect(try await client.query("SELECT 3").get(0, 0) == 3 as Int32)
        }
    }

    @Test func `opens a new connection after a loss`() async throws {
        try await withDatabase(migrated: false) { database in
            let client = PostgresClient(database.settings, pool: PoolSize(connectionsMin: 0, connectionsMax: 1))
            let error = await #expect(throws: PostgresError.self) {
                try await client.query("SELECT pg_terminate_backend(pg_backend_pid())")
            }
            #expect(error?.isConnectionLoss == true)
            let rows = try await client.query("SELECT 1")
            #expect(try rows.get(0, 0) == 1 as Int32)
        }
    }

    @Test func `refuses work once closed`() async throws {
        try await withDatabase(migrated: false) { database in
            let client = PostgresClient(database.settings)
            try await client.query("SELECT 1")
            client.close()
            await #expect(throws: PostgresError.self) { try await client.query("SELECT 1") }
        }
    }

    @Test func `listens again after its connection is lost, and says so`() async throws {
        try await withDatabase(migrated: false) { database in
            let client = PostgresClient(database.settings)
            var events = client.listen(["bell", "odd \"name"]).makeAsyncIterator()
            #expect(await events.next() == .listening)
            try await client.query("SELECT pg_notify('odd \"name', 'a')")
            guard case .notification(let first) = await events.next() else {
                Issue.record("no notification")
                return
            }
            #expect(first.payload == "a")
            try await client.query(
                "SELECT pg_terminate_backend($1)", [.int4(first.serverProcessID == 0 ? 0 : try listenerPID(database))])
            guard case .away(let error) = await events.next() else {
                Issue.record("no loss")
                return
            }
            #expect(error.isConnectionLoss)
            #expect(await events.next() == .listening)
            try await client.query("NOTIFY bell")
            guard case .notification(let second) = await events.next() else {
                Issue.record("deaf")
                return
            }
            #expect(second.channel == "bell")
        }
    }

    private func listenerPID(_ database: TestDatabase) throws -> Int32 {
        try database.session().query(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        ).get(0, 0)
    }
}

@Suite struct `The pool` {
    @Test func `hands a released connection to the longest waiter`() {
        let pool = PoolProbe(sizeMin: 0, sizeMax: 1)
        #expect(pool.lease() == "open 1")
        #expect(pool.lease() == "wait 2")
        #expect(pool.lease() == "wait 3")
        #expect(pool.release(1) == "hand 1 to 2")
        #expect(pool.release(1) == "hand 1 to 3")
        #expect(pool.release(1) == "none")
        #expect(pool.lease() == "use 1")
    }

    @Test func `opens another for a waiter when a connection ends, and never counts one twice`() {
        let pool = PoolProbe(sizeMin: 0, sizeMax: 1)
        #expect(pool.lease() == "open 1")
        #expect(pool.lease() == "wait 2")
        #expect(pool.ended(1) == "open 3 for 2")
        #expect(pool.release(1) == "none", "its user lets go of it after it ended")
        #expect(pool.ended(1) == "none")
        #expect(pool.connectionCount == 1)
    }

    @Test func `retires idle connections down to the minimum, never one in use`() {
        let pool = PoolProbe(sizeMin: 1, sizeMax: 3)
        _ = pool.lease()
        _ = pool.lease()
        #expect(!pool.retire(1), "in use")
        _ = pool.release(1)
        _ = pool.release(2)
        #expect(pool.retire(1))
        #expect(!pool.retire(2), "the minimum")
    }

    @Test func `forgets a waiter that gives up`() {
        let pool = PoolProbe(sizeMin: 0, sizeMax: 1)
        _ = pool.lease()
        #expect(pool.lease() == "wait 2")
        #expect(pool.giveUp(2))
        #expect(!pool.giveUp(2))
        #expect(pool.release(1) == "none")
    }
}
