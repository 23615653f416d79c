import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `The database clock` {
    @Test func `is the server's, until a test sets it`() throws {
        try withDatabase { database in
            let session = try database.session()
            #expect(
                try session.query("SELECT absurd.current_time() BETWEEN now() AND clock_timestamp()").get(0, 0) == true)
            try session.script("SET absurd.fake_now = '2027-02-28 23:59:59+00'")
            let time: Timestamp = try session.query("SELECT absurd.current_time()").get(0, 0)
            #expect(time.description == "2027-02-28T23:59:59.000000Z")
            try session.script("SET absurd.fake_now = ''")
            #expect(try session.query("SELECT absurd.current_time() >= now()").get(0, 0) == true)
        }
    }
}
