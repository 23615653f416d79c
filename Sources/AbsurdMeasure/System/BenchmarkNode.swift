import Absurd
import AbsurdStore

/// A node that is nothing but a session: claims and finishes with the leader's own statements, one commit each.
final class BenchmarkNode {
    struct Claim {
        var tasks: [TaskID] = []
        var attempts: [Int32] = []
        var tokens: [TaskID] = []
        var params: [[UInt8]] = []
    }

    let name: String
    let session: PostgresSession
    private(set) var token: TaskID

    init(_ name: String, _ queue: String, _ session: PostgresSession) throws {
        self.name = name
        self.session = session
        token = try session.query(.measure("node_register"), [.text(name), .text(queue)])[0].get(0)
    }

    func claim(_ queue: String, _ limit: Int) throws -> Claim {
        let rows = try session.query(
            .measure("claim_batch"), [.text(name), .uuid(token), .text(queue), .int4(Int32(limit))])
        var claim = Claim()
        for row in rows {
            claim.tasks.append(try row.get(0))
            claim.attempts.append(try row.get(1))
            claim.tokens.append(try row.get(2))
            claim.params.append(try row.get(5))
        }
        return claim
    }

    /// - Returns: how many were accepted.
    func finish(_ claim: Claim) throws -> Int {
        let count = claim.tasks.count
        guard count > 0 else { return 0 }
        return try session.query(
            .measure("finish_batch"),
            [
                .text(name), .uuid(token), .uuids(claim.tasks), .int4s(claim.attempts), .uuids(claim.tokens),
                .texts(Array(repeating: "completed", count: count)), .jsonbs(claim.params),
                .texts(Array(repeating: nil, count: count)),
            ]
        ).count { try $0.get(0, as: Bool.self) }
    }

    func leave() throws { try session.query(.measure("node_leave"), [.text(name), .uuid(token)]) }
}
