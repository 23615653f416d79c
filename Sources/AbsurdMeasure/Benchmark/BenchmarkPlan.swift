import Absurd

/// How much to measure.
public struct BenchmarkPlan: Sendable {
    public var isQuick: Bool
    /// Clients side by side, one run for each number.
    public var concurrency: [Int]
    /// The program `absurd`, absolute: its leader is what is measured.
    public var executable: String
    /// pgmq's own SQL; nil: its statements on tables of its shape.
    public var pgmqSQL: String?
    /// Where the private cluster lies; nil: `$TMPDIR`, else /tmp.
    var scratch: String?
    public var say: @Sendable (String) -> Void

    public init(
        isQuick: Bool, concurrency: [Int] = [1, 2, 4, 8], executable: String, pgmqSQL: String? = nil,
        say: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.isQuick = isQuick
        lengths = isQuick ? .quick : .full
        self.concurrency = concurrency
        self.executable = executable
        self.pgmqSQL = pgmqSQL
        self.say = say
    }

    var lengths: Lengths

    struct Lengths: Sendable {
        var rounds: Int
        /// Of the short sections: one side of one round.
        var turnSeconds: Double
        var dispatchSeconds: Double
        /// Tasks of one round of dispatch; the first runs find how many keep it busy for its time.
        var dispatchTasks: ClosedRange<Int>
        /// A slow machine gets fewer rounds rather than a longer run; one at least.
        var dispatchBudgetSeconds: Double
        var latencySamples: Int
        var statisticsTasks: Int
        var idleWorkers = 16
        var settleSeconds: Double
        var idleSeconds: Double

        static let full = Lengths(
            rounds: 7, turnSeconds: 1.5, dispatchSeconds: 3, dispatchTasks: 10_000...200_000,
            dispatchBudgetSeconds: 200, latencySamples: 1200,
            statisticsTasks: 100_000, settleSeconds: 12, idleSeconds: 30)
        static let quick = Lengths(
            rounds: 3, turnSeconds: 0.2, dispatchSeconds: 0.7, dispatchTasks: 4000...40_000,
            dispatchBudgetSeconds: 12, latencySamples: 100,
            statisticsTasks: 10_000, settleSeconds: 3, idleSeconds: 5)
        /// For tests of the measuring itself.
        static let shortest = Lengths(
            rounds: 1, turnSeconds: 0.01, dispatchSeconds: 0.01, dispatchTasks: 2000...2000,
            dispatchBudgetSeconds: 0, latencySamples: 5,
            statisticsTasks: 2000, idleWorkers: 2, settleSeconds: 0, idleSeconds: 0.2)
    }

    /// As the leader claims at most.
    var batch: Int { Limits.claimBatchMax }

    /// - Parameter text: such as `4` or `1,2,4,8`.
    public static func concurrency(_ text: String) throws(Refusal) -> [Int] {
        let numbers = text.split(separator: ",").map { Int($0) ?? 0 }
        guard !numbers.isEmpty, numbers.allSatisfy({ (1...Limits.loadProducersMax).contains($0) }) else {
            throw Refusal(
                "concurrency \"\(text)\"", why: "not numbers from 1 to \(Limits.loadProducersMax)",
                remedy: "write --concurrency 4, or 1,2,4,8", exit: .usage)
        }
        return numbers
    }
}
