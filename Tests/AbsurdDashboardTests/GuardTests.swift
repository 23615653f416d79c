import Testing

@testable import AbsurdDashboard

@Suite struct `The guard` {
    private let secret = "0123456789abcdef0123456789abcdef"
    private var guarded: RequestGuard {
        RequestGuard(address: "127.0.0.1", port: 8110, names: ["sky.example"], token: secret)
    }

    private func status(_ headers: [String: String], isWrite: Bool = false, token: String? = "set") -> Int {
        var gate = guarded
        if token == nil { gate.token = nil }
        do throws(Problem) {
            try gate.check(Request(method: "POST", segments: [], headers: headers), isWrite: isWrite)
            return 200
        } catch { return error.status }
    }

    @Test func `answers to its own names only, so that no foreign name can be bent to it`() {
        for host in [
            "127.0.0.1:8110", "localhost:8110", "LOCALHOST:8110", "[::1]:8110", "sky.example", "sky.example:8110",
        ] {
            #expect(status(["host": host]) == 200, "\(host)")
        }
        for host in ["evil.example", "evil.example:8110", "127.0.0.1", "127.0.0.1:80", ""] {
            #expect(status(["host": host]) == 403, "\(host)")
        }
        #expect(status([:]) == 403)
    }

    @Test func `refuses what a foreign page sends`() {
        let host = ["host": "localhost:8110"]
        #expect(status(host.merging(["origin": "http://localhost:8110"]) { $1 }) == 200)
        #expect(status(host.merging(["origin": "https://sky.example"]) { $1 }) == 200)
        for origin in ["http://evil.example", "null", "http://localhost:9000", "http://localhost:8110.evil.example"] {
            #expect(status(host.merging(["origin": origin]) { $1 }) == 403, "\(origin)")
        }
        let bearer = ["authorization": "Bearer \(secret)", "sec-fetch-site": "cross-site"]
        #expect(status(host.merging(bearer) { $1 }, isWrite: true) == 403)
    }

    @Test func `lets write with the token only`() {
        let host = ["host": "localhost:8110"]
        #expect(status(host, isWrite: true) == 401)
        #expect(status(host.merging(["authorization": "Bearer \(secret)"]) { $1 }, isWrite: true) == 200)
        #expect(status(host.merging(["authorization": "Bearer \(secret)x"]) { $1 }, isWrite: true) == 401)
        #expect(status(host.merging(["authorization": "Bearer "]) { $1 }, isWrite: true) == 401)
        #expect(status(host.merging(["authorization": "Basic \(secret)"]) { $1 }, isWrite: true) == 401)
        #expect(status(host.merging(["authorization": "Bearer \(secret)"]) { $1 }, isWrite: true, token: nil) == 403)
    }

    @Test func `takes the cookie from its own pages only`() {
        let headers = ["host": "localhost:8110", "cookie": "a=b; absurd_token=\(secret)"]
        #expect(status(headers, isWrite: true) == 403)
        #expect(status(headers.merging(["origin": "http://localhost:8110"]) { $1 }, isWrite: true) == 200)
        #expect(status(headers.merging(["origin": "http://evil.example"]) { $1 }, isWrite: true) == 403)
        #expect(status(headers.merging(["sec-fetch-site": "same-origin"]) { $1 }, isWrite: true) == 200)
        let wrong = ["host": "localhost:8110", "cookie": "absurd_token=x", "origin": "http://localhost:8110"]
        #expect(status(wrong, isWrite: true) == 401)
    }
}
