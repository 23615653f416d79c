import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `Values cross the wire in binary` {
    @Test func `every scalar comes back as it went`() throws {
        try withDatabase(migrated: false) { database in
            let session = try database.session()
            let id = TaskID.random()
            let time = Timestamp(microseconds: 1_795_600_000_123_456)
            let rows = try session.query(
                "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10",
                [
                    .text("ä\u{1F52D}"), .bytea([0, 1, 255]), .bool(true), .int2(-2), .int4(.min), .int8(.max),
                    .float8(-0.1), .uuid(id), .timestamptz(time), .json(#"{"n": 9007199254740993}"#),
                ])
            let row = rows[0]
            #expect(try row.get(0) == "ä\u{1F52D}")
            #expect(try row.get(1) == [0, 1, 255] as [UInt8])
            #expect(try row.get(2) == true)
            #expect(try row.get(3) == -2 as Int16)
            #expect(try row.get(4) == Int32.min)
            #expect(try row.get(5) == Int64.max)
            #expect(try row.get(6) == -0.1)
            #expect(try row.get(7) == id)
            #expect(try row.get(8) == time)
            #expect(try row.get(9) == #"{"n": 9007199254740993}"#)
        }
    }

    @Test func `arrays keep order, nulls and emptiness`() throws {
        try withDatabase(migrated: false) { database in
            let session = try database.session()
            let ids: [TaskID?] = [.random(), nil, .random()]
            let rows = try session.query(
                "SELECT $1, $2, $3, $4, $5, $6, $7",
                [
                    .uuids(ids), .int4s([1, nil]), .texts(["", nil, "x"]), .jsonbs([Array("{}".utf8), nil]),
                    .float8s([1.5]), .texts([]), .int8s([nil]),
                ])
            #expect(try rows.get(0, 0) == ids)
            #expect(try rows.get(0, 1) == [1, nil] as [Int32?])
            #expect(try rows.get(0, 2) == ["", nil, "x"] as [String?])
            #expect(try rows.get(0, 3) == ["{}", nil] as [String?])
            #expect(try rows.get(0, 4) == [1.5])
            #expect(try rows.get(0, 5) == [] as [String])
            #expect(try rows.get(0, 6) == [nil] as [Int64?])
        }
    }

    @Test func `NULL is not an empty text`() throws {
        try withDatabase(migrated: false) { database in
            let rows = try database.session().query("SELECT $1::text, $2::text, $1 IS NULL", [.text(""), .null])
            #expect(try rows.get(0, 0) == "" as String?)
            #expect(try rows.get(0, 1) == nil as String?)
            #expect(try rows.get(0, 2) == false)
        }
    }

    @Test func `the wrong type is an error, never a guess`() throws {
        try withDatabase(migrated: false) { database in
            let rows = try database.session().query("SELECT 1::int8 AS n, NULL::text AS t, 70000 AS big")
            #expect(throws: PostgresError.self) { try rows[0].get("n", as: String.self) }
            #expect(throws: PostgresError.self) { try rows[0].get("t", as: String.self) }
            #expect(throws: PostgresError.self) { try rows[0].get("big", as: Int16.self) }
            #expect(throws: PostgresError.self) { try rows[0].get("missing", as: Int.self) }
        }
    }

    @Test func `a reused arena sends the same as the parameters it replaces`() throws {
        try withDatabase(migrated: false) { database in
            let connection = try PostgresConnection.start(database.settings)
            var arena = ParameterArena()
            for round in 0..<3 {
                arena.removeAll()
                arena.append(.int4(Int32(round)))
                arena.beginArray(of: PostgresType.text)
                for word in 0..<round { arena.append(text: "w\(word)") }
                arena.appendNull()
                arena.endArray()
                let rows = try settle(connection) {
                    try connection.send("SELECT $1, cardinality($2), $2[$1]", arena, tag: UInt64(round))
                }
                #expect(try rows.get(0, 0) == Int32(round))
                #expect(try rows.get(0, 1) == Int32(round + 1))
                #expect(try rows.get(0, 2) == (round == 0 ? nil : "w\(round - 1)"))
            }
        }
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"), (951_782_399_999_999, "2000-02-28T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
        ] as [(Int64, String)]) func `times print as ISO 8601`(microseconds: Int64, text: String)
    {
        #expect(Timestamp(microseconds: microseconds).description == text)
    }
}
