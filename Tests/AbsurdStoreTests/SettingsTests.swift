import Absurd
import AbsurdStore
import Glibc
import TestSupport
import Testing

@Suite struct `Connection settings` {
    @Test func `never show the password`() throws {
        let settings = try ConnectionSettings(url: "postgresql://me:s3cret@db.example:6432/sky", environment: [:])
        #expect("\(settings)" == "postgresql://me@db.example:6432/sky")
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(!dumped.contains("s3cret"))
        #expect(!String(reflecting: settings).contains("s3cret"))
    }

    @Test func `refuse a malformed URL without quoting it`() {
        let refusal = #expect(throws: Refusal.self) {
            try ConnectionSettings(url: "postgresql://me:s3cret@host:port:port/x?nonsense=1", environment: [:])
        }
        #expect(refusal?.exit == .configuration)
        #expect(refusal?.description.contains("s3cret") == false)
    }

    @Test func `an error of a failed connection does not hold the password`() throws {
        let settings = try ConnectionSettings(
            url: "postgresql://me:s3cret@/x?host=/nonexistent/s3cret", environment: [:])
        let error = #expect(throws: PostgresError.self) { try PostgresSession(settings) }
        #expect(error?.isConnectionLoss == true)
        #expect(error?.description.contains("s3cret") == false)
    }

    @Test func `take the password from a file that the environment names`() throws {
        let directory = try TestCluster.temporaryDirectory("password")
        defer { rmdir(directory) }
        let path = directory + "/absurd-database-password"
        try #require(fopen(path, "w").map { fputs("fromfile\n", $0) >= 0 && fclose($0) == 0 } == true)
        defer { unlink(path) }
        let url = "postgresql://me@db/x"
        let given = try ConnectionSettings(url: "postgresql://me:fromfile@db/x", environment: [:])
        #expect(try ConnectionSettings(url: url, environment: ["ABSURD_DATABASE_PASSWORD_FILE": path]) == given)
        #expect(try ConnectionSettings(url: url, environment: ["CREDENTIALS_DIRECTORY": directory]) == given)
        #expect(try ConnectionSettings(url: url, environment: [:]) != given)
        let refusal = #expect(throws: Refusal.self) {
            try ConnectionSettings(url: url, environment: ["ABSURD_DATABASE_PASSWORD_FILE": path + "x"])
        }
        #expect(refusal?.exit == .configuration)
    }

    @Test(arguments: [
        "postgresql://h/x?pooler=transaction", "postgresql://h/x?pooler=transaction&connect_timeout=3",
        "postgresql://h/x?connect_timeout=3&pooler=transaction",
    ]) func `know a pooler by the URL`(url: String) throws {
        #expect(try !ConnectionSettings(url: url, environment: [:]).hasSession)
    }

    @Test func `pass several hosts on: the first that answers and may be written wins`() throws {
        try withDatabase(migrated: false) { database in
            let socket = database.cluster.socketDirectory
            let settings = try ConnectionSettings(
                url: "host=/nonexistent,\(socket) dbname=\(database.name) user=absurd target_session_attrs=read-write",
                environment: [:])
            #expect(try PostgresSession(settings).query("SELECT 1").get(0, 0) == 1 as Int32)
        }
    }
}

@Suite struct `Several hosts` {
    @Test func `are tried from another one each time`() throws {
        let first = try ConnectionSettings(url: "postgresql://me@a:1,b:2,c:3/x", environment: [:])
        let orders = [first.startingWithNextHost(), first.startingWithNextHost().startingWithNextHost()]
        #expect(
            orders == [
                try ConnectionSettings(url: "postgresql://me@b:2,c:3,a:1/x", environment: [:]),
                try ConnectionSettings(url: "postgresql://me@c:3,a:1,b:2/x", environment: [:]),
            ])
        #expect(orders[1].startingWithNextHost() == first)
        let one = try ConnectionSettings(url: "postgresql://me@a:1/x", environment: [:])
        #expect(one.startingWithNextHost() == one)
    }

    @Test func `a silent first host does not keep a session from the second`() throws {
        try withDatabase(migrated: false) { database in
            let silent = try SilentHost()
            defer { silent.close() }
            var settings = try ConnectionSettings(
                url:
                    "host=127.0.0.1,\(database.cluster.socketDirectory) port=\(silent.port),5432 user=absurd dbname=\(database.name)",
                environment: [:])
            settings.connectTimeoutSeconds = 2  // libpq's least
            let session = try PostgresSession(settings)
            #expect(try session.query("SELECT 1").get(0, 0) == 1 as Int32)
        }
    }
}

/// A TCP port of this machine that accepts and then says nothing.
private struct SilentHost {
    let descriptor: Int32
    let port: UInt16

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = descriptor
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, length) | listen(listener, 16) | getsockname(listener, generic, &length)
            }
        }
        try #require(status == 0)
        port = UInt16(bigEndian: address.sin_port)
    }

    func close() { _ = Glibc.close(descriptor) }
}

@Suite struct `Reconnecting` {
    @Test func `tries at once, then ever later up to the ceiling, and forgets after a success`() {
        var policy = ReconnectPolicy(nowSeconds: 100)
        var now = 100.0
        let begun = [policy.begin(nowSeconds: now), policy.begin(nowSeconds: now)]
        #expect(begun == [true, false], "one attempt at a time")
        var spans: [Double] = []
        for _ in 0..<12 {
            policy.failed(nowSeconds: now, chance: 0.999_999)
            let delay = policy.delaySeconds(nowSeconds: now) ?? -1
            spans.append(delay)
            let early = policy.begin(nowSeconds: now + delay * 0.9)
            now += delay
            let inTime = policy.begin(nowSeconds: now)
            #expect(!early && inTime)
        }
        #expect(spans == spans.sorted())
        #expect(spans[0] < 0.2 && spans[11] > 9 && spans[11] <= policy.ceilingSeconds + policy.floorSeconds)
        policy.succeeded()
        #expect(policy.delaySeconds(nowSeconds: now) == nil)
        policy.failed(nowSeconds: now, chance: 0)
        #expect(policy.delaySeconds(nowSeconds: now).map { $0 <= 0.051 } == true)
    }

    @Test func `spreads a fleet over the whole span`() {
        func delay(chance: Double) -> Double {
            var policy = ReconnectPolicy(nowSeconds: 0)
            for _ in 0..<8 {
                _ = policy.begin(nowSeconds: 1e9)
                policy.failed(nowSeconds: 0, chance: chance)
            }
            return policy.delaySeconds(nowSeconds: 0) ?? -1
        }
        #expect(delay(chance: 0.5) > 2 * delay(chance: 0.1))
    }
}
