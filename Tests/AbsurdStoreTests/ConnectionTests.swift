import Absurd
import AbsurdStore
import Glibc
import TestSupport
import Testing

@Suite struct `A connection` {
    @Test func `keeps the statements of a pipeline apart: one fails, its neighbours commit`() throws {
        try withDatabase(migrated: false) { database in
            try database.session().script("CREATE TABLE t (n int PRIMARY KEY)")
            let connection = try PostgresConnection.start(database.settings)
            _ = try settle(connection) { try connection.send("SELECT 1", tag: 0) }
            let insert = PostgresStatement(name: "insert", "INSERT INTO t VALUES ($1)")
            for (tag, value) in [1, 1, 2].enumerated() {
                try connection.send(insert, [.int4(Int32(value))], tag: UInt64(tag + 1))
            }
            let events = try drive(connection) { if case .completed(3, _) = $0 { true } else { false } }
            #expect(outcomes(events) == ["1 ok", "2 23505", "3 ok"])
            #expect(connection.pendingCount == 0)
            let rows = try database.session().query("SELECT array_agg(n ORDER BY n) FROM t")
            #expect(try rows.get(0, 0) == [1, 2] as [Int32])
        }
    }

    @Test func `runs a group as one transaction`() throws {
        try withDatabase(migrated: false) { database in
            let session = try database.session()
            try session.script("CREATE TABLE t (n int PRIMARY KEY)")
            let insert: PostgresStatement = "INSERT INTO t VALUES ($1)"
            #expect(throws: PostgresError.self) {
                try session.run([(insert, [.int4(1)]), (insert, [.int4(2)]), (insert, [.int4(1)])])
            }
            let results = try session.run([(insert, [.int4(7)]), ("SELECT count(*) FROM t", [])])
            #expect(try results[1].get(0, 0) == 1 as Int64)
            #expect(results[0].affectedCount == 1)
        }
    }

    @Test func `prepares a failed statement anew`() throws {
        try withDatabase(migrated: false) { database in
            let session = try database.session()
            let select = PostgresStatement(name: "late", "SELECT n FROM late")
            #expect(throws: PostgresError.self) { try session.query(select) }
            try session.script("CREATE TABLE late (n int); INSERT INTO late VALUES (5)")
            #expect(try session.query(select).get(0, 0) == 5 as Int32)
            #expect(try session.query(select).get(0, 0) == 5 as Int32)
        }
    }

    @Test func `keeps a statement that was prepared and then failed to run`() throws {
        try withDatabase(migrated: false) { database in
            let session = try database.session()
            let divide = PostgresStatement(name: "divide", "SELECT 1 / $1::int")
            let parse = PostgresStatement(name: "parse", "SELECT $1::jsonb")
            for _ in 0..<2 {
                let error = #expect(throws: PostgresError.self) {
                    try session.run([(divide, [.int4(0)]), (parse, [.json("{}")])])
                }
                #expect(error?.sqlState == "22012")
                let malformed = #expect(throws: PostgresError.self) { try session.query(parse, [.json("{nonsense")]) }
                #expect(malformed?.sqlState == "22P02")
            }
            #expect(try session.query(divide, [.int4(1)]).get(0, 0) == 1 as Int32)
        }
    }

    @Test func `reports what the server says: state, message, detail, constraint`() throws {
        try withDatabase(migrated: false) { database in
            let session = try database.session()
            try session.script("CREATE TABLE t (n int CONSTRAINT only_once UNIQUE); INSERT INTO t VALUES (4)")
            let error = #expect(throws: PostgresError.self) { try session.query("INSERT INTO t VALUES (4)") }
            #expect(error?.sqlState == "23505")
            #expect(error?.constraint == "only_once")
            #expect(error?.detail == "Key (n)=(4) already exists.")
            #expect(error?.isConnectionLoss == false)
        }
    }

    @Test func `that the server ends fails what is under way and then reports the loss, once`() throws {
        try withDatabase(migrated: false) { database in
            let connection = try PostgresConnection.start(database.settings)
            _ = try settle(connection) { try connection.send("SELECT 1", tag: 0) }
            try connection.send("SELECT pg_sleep(600)", tag: 1)
            try connection.send("SELECT 2", tag: 2)
            var killed = false
            let victim = connection.serverProcessID
            let events = try drive(connection) { event in
                if case .lost = event { return true }
                return false
            } eachTurn: {
                if killed { return }
                killed = true
                try database.session().query("SELECT pg_terminate_backend($1)", [.int4(victim)])
            }
            #expect(outcomes(events) == ["1 57P01", "2 57P01", "lost 57P01"])
            var more: [PostgresConnection.Event] = []
            connection.advance(into: &more)
            #expect(more.isEmpty)
            #expect(!connection.wantsRead && !connection.wantsWrite)
            #expect(throws: PostgresError.self) { try connection.send("SELECT 1", tag: 3) }
        }
    }

    @Test func `takes a megabyte of parameters while a megabyte of results comes back`() throws {
        try withDatabase(migrated: false) { database in
            let connection = try PostgresConnection.start(database.settings)
            _ = try settle(connection) { try connection.send("SELECT 1", tag: 0) }
            let text = String(repeating: "x", count: 1 << 20)
            for tag in 1...20 { try connection.send("SELECT $1", [.text(text)], tag: UInt64(tag)) }
            let events = try drive(connection) { if case .completed(20, _) = $0 { true } else { false } }
            var bytes = 0
            for case .completed(_, let results) in events {
                bytes += try results[0].get(0, 0, as: String.self).utf8.count
            }
            #expect(bytes == 20 << 20)
        }
    }

    @Test func `hears notifications while idle`() throws {
        try withDatabase(migrated: false) { database in
            let listener = try database.session()
            try listener.query("LISTEN bell")
            try database.session().query("SELECT pg_notify('bell', 'ding')")
            let news = try listener.notifications(waitingSeconds: 30)
            #expect(news.map(\.channel) == ["bell"])
            #expect(news.map(\.payload) == ["ding"])
            #expect(try listener.notifications(waitingSeconds: 0).isEmpty)
        }
    }

    @Test func `copies rows in and out, and survives a sender or a reader that gives up`() throws {
        struct Stop: Error {}
        try withDatabase(migrated: false) { database in
            let session = try database.session()
            try session.script("CREATE TABLE t (n int, word text)")
            var lines = (0..<1000).map { Array("\($0)\tword \($0)\n".utf8) }[...]
            #expect(try session.copyIn("COPY t FROM STDIN") { lines.popFirst() } == 1000)
            #expect(throws: Stop.self) { try session.copyIn("COPY t FROM STDIN") { throw Stop() } }
            var seen: [String] = []
            try session.copyOut("COPY (SELECT * FROM t ORDER BY n LIMIT 2) TO STDOUT") {
                seen.append(String(decoding: $0, as: UTF8.self))
            }
            #expect(seen == ["0\tword 0\n", "1\tword 1\n"])
            #expect(throws: Stop.self) { try session.copyOut("COPY t TO STDOUT") { _ in throw Stop() } }
            var wrong: [[UInt8]] = [Array("x\ty\n".utf8)]
            let error = #expect(throws: PostgresError.self) {
                try session.copyIn("COPY t FROM STDIN") { wrong.popLast() }
            }
            #expect(error?.sqlState == "22P02")
            #expect(try session.query("SELECT count(*) FROM t").get(0, 0) == 1000 as Int64)
        }
    }

    @Test func `obeys statement and lock time-outs`() throws {
        try withDatabase(migrated: false) { database in
            try database.session().script("CREATE TABLE t ()")
            var settings = database.settings
            settings.statementTimeoutMilliseconds = 60_000
            settings.lockTimeoutMilliseconds = 50
            let session = try PostgresSession(settings)
            #expect(try session.query("SHOW statement_timeout").get(0, 0) == "1min")
            let other = try database.session()
            try other.script("BEGIN; LOCK TABLE t")
            let error = #expect(throws: PostgresError.self) { try session.query("SELECT FROM t") }
            #expect(error?.sqlState == "55P03")
            #expect(error?.isWorthRepeating == true)
        }
    }

    @Test func `works without named statements and session settings, as behind a pooler`() throws {
        try withDatabase(migrated: false) { database in
            var settings = database.settings
            settings.hasSession = false
            settings.statementTimeoutMilliseconds = 60_000
            let session = try PostgresSession(settings)
            let statement = PostgresStatement(name: "kept", "SELECT $1::int + 1")
            #expect(try session.query(statement, [.int4(1)]).get(0, 0) == 2 as Int32)
            #expect(try session.query("SELECT count(*) FROM pg_prepared_statements").get(0, 0) == 0 as Int64)
            #expect(try session.query("SHOW statement_timeout").get(0, 0) == "0")
        }
    }
}

/// `tag ok`, `tag SQLSTATE`, `lost SQLSTATE`.
func outcomes(_ events: [PostgresConnection.Event]) -> [String] {
    events.compactMap { event in
        switch event {
        case .completed(let tag, _): "\(tag) ok"
        case .failed(let tag, let error): "\(tag) \(error.sqlState)"
        case .lost(let error): "lost \(error.sqlState)"
        default: nil
        }
    }
}
