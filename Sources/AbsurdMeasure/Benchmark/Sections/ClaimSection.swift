import Absurd
import AbsurdStore

/// Claiming and completing, by one and by a leader's batch, against an UPDATE of a plain table. One run gives both
/// sections, because what is completed must have been claimed.
enum ClaimSection {
    private struct Turn {
        var claims = Latencies()
        var finishes = Latencies()
        var claimSeconds = 0.0
        var finishSeconds = 0.0
        var tasks = 0
        var claimRate: Double { Double(tasks) / max(claimSeconds, 1e-9) }
        var finishRate: Double { Double(tasks) / max(finishSeconds, 1e-9) }
    }

    static func measure(_ system: BenchmarkSystem) throws -> [SectionReport] {
        let session = try system.session()
        let node = try BenchmarkNode("benchmark-claim", "claim", session)
        var claim = SectionReport("claim", "claim")
        var complete = SectionReport("complete", "complete")
        for (label, batch) in [("one", 1), ("by \(system.plan.batch)", system.plan.batch)] {
            var ours: [Turn] = []
            var floors: [Turn] = []
            for _ in 0..<system.plan.lengths.rounds {
                ours.append(try turn(system.plan, node, batch))
                floors.append(try floorTurn(system.plan, session, batch))
            }
            if batch == 1 {
                var claims = Latencies()
                var finishes = Latencies()
                for turn in ours {
                    claims.merge(turn.claims)
                    finishes.merge(turn.finishes)
                }
                claim.add(label, claims)
                complete.add(label, finishes)
                claim.goals["one p95"] = .atMost(GuideLimits.claimP95Milliseconds)
            }
            claim.add(label, median(ours.map(\.claimRate)), "tasks/s", moreIsBetter: true)
            complete.add(label, median(ours.map(\.finishRate)), "tasks/s", moreIsBetter: true)
            let pairs = Array(zip(ours, floors))
            claim.ratios.append(
                Ratio(
                    "rate \(label)", against: "UPDATE of a plain table",
                    rounds: pairs.map { ($0.claimRate, $1.claimRate) }))
            complete.ratios.append(
                Ratio(
                    "rate \(label)", against: "UPDATE of a plain table",
                    rounds: pairs.map { ($0.finishRate, $1.finishRate) }))
        }
        try node.leave()
        return [claim, complete]
    }

    private static func turn(_ plan: BenchmarkPlan, _ node: BenchmarkNode, _ batch: Int) throws -> Turn {
        var turn = Turn()
        let start = monotonicSeconds()
        while monotonicSeconds() - start < plan.lengths.turnSeconds * 2 {
            let tasks = max(batch, 100)
            try node.session.spawn(tasks, "claim")
            for _ in 0..<tasks / batch {
                var claimed = BenchmarkNode.Claim()
                let claimSeconds = try timed { claimed = try node.claim("claim", batch) }
                var accepted = 0
                let finishSeconds = try timed { accepted = try node.finish(claimed) }
                guard accepted == batch else {
                    throw Refusal.unexpected("\(accepted) of \(batch) results were accepted")
                }
                turn.claims.record(seconds: claimSeconds)
                turn.finishes.record(seconds: finishSeconds)
                turn.claimSeconds += claimSeconds
                turn.finishSeconds += finishSeconds
                turn.tasks += batch
            }
        }
        return turn
    }

    private static func floorTurn(_ plan: BenchmarkPlan, _ session: PostgresSession, _ batch: Int) throws -> Turn {
        var turn = Turn()
        let start = monotonicSeconds()
        while monotonicSeconds() - start < plan.lengths.turnSeconds * 2 {
            let tasks = max(batch, 100)
            try session.query(.measure("floor_spawn_many"), PostgresSession.spawnParameters("claim", tasks))
            for _ in 0..<tasks / batch {
                var ids: [TaskID] = []
                var results: [[UInt8]] = []
                turn.claimSeconds += try timed {
                    for row in try session.query(.measure("floor_claim"), [.text("claim"), .int8(Int64(batch))]) {
                        ids.append(try row.get(0))
                        results.append(try row.get(4))
                    }
                }
                turn.finishSeconds += try timed {
                    try session.query(.measure("floor_finish"), [.uuids(ids), .jsonbs(results)])
                }
                turn.tasks += ids.count
            }
        }
        return turn
    }
}

extension Refusal {
    /// The system under measurement did something wrong: no figure is worth anything then.
    static func unexpected(_ what: String) -> Refusal {
        Refusal("benchmark", why: what, remedy: "run `absurd doctor`", exit: .no)
    }
}
