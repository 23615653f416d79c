/// Time-outs: those that cut work off, those that fit too closely, those that notice a hang too late.
enum Timeouts {
    static let checks = [Check("timeout", "do the time-outs fit what the tasks take?", fit)]

    /// Fewer observed attempts than this prove nothing about the slowest of a hundred.
    static let attemptsMin: Int64 = 20

    static func fit(_ facts: Facts) -> [Diagnosis]? {
        facts.database?.kinds?.compactMap(judge)
    }

    static func judge(_ kind: DatabaseFacts.TaskKind) -> Diagnosis? {
        let limit = Double(kind.timeoutSeconds)
        let slowest = kind.p99 ?? 0
        let took =
            "\(kind.ended) ended attempts of the last day took p50 \(seconds(kind.p50)), p95 \(seconds(kind.p95)), "
            + "p99 \(seconds(kind.p99)), at most \(seconds(kind.longest))"
        if kind.timedOut > 0 {
            let proposal = rounded(max(2 * limit, 2 * (kind.longest ?? 0)))
            return Diagnosis(
                "timeout", .warning, cause: "the time-out of \(kind.name) (\(kind.timeoutSeconds) s) cuts attempts off",
                evidence: "\(kind.timedOut) timed out; \(took)", remedy: remedy(kind.name, proposal))
        }
        guard kind.ended >= attemptsMin else { return nil }
        if slowest > 0.8 * limit {
            let proposal = rounded(max(2 * slowest, 1.25 * (kind.longest ?? 0)))
            return Diagnosis(
                "timeout", .warning,
                cause: "the time-out of \(kind.name) (\(kind.timeoutSeconds) s) is close to what it takes",
                evidence: took, remedy: remedy(kind.name, proposal))
        }
        if limit > 600, limit > 20 * max(slowest, 1) {
            let proposal = rounded(max(4 * slowest, 60))
            return Diagnosis(
                "timeout", .note, cause: "a hang of \(kind.name) is noticed late, after \(kind.timeoutSeconds) s",
                evidence: took, remedy: remedy(kind.name, proposal))
        }
        return nil
    }

    /// Up to the next 5 s below a minute, 30 s below ten, a minute above.
    static func rounded(_ seconds: Double) -> Int {
        let step = seconds < 60 ? 5.0 : seconds < 600 ? 30 : 60
        return Int((seconds / step).rounded(.up) * step)
    }

    private static func remedy(_ name: String, _ proposal: Int) -> String {
        "set it to \(proposal) s: " + Remedy.sql("set_timeout", ["NAME": name, "SECONDS": "\(proposal)"])
    }

    private static func seconds(_ value: Double?) -> String {
        value.map { "\(($0 * 10).rounded() / 10) s" } ?? "-"
    }
}
