import AbsurdObserve
import Testing

@Suite struct `The judgement` {
    private func observation(
        pending: Int = 0, claimed: Int = 0, oldest: Double? = nil, since: Double? = nil, paused: Bool = false,
        workers: Int = 4, active: Int = 4, latency: Double? = 0.01, canary: Double? = 30
    ) -> Observation {
        Observation(
            queues: [
                .init(
                    name: "q", pending: pending, claimed: claimed, oldestPendingSeconds: oldest,
                    secondsSinceCompletion: since, isPaused: paused)
            ], workers: workers, activeWorkers: active, databaseLatencySeconds: latency, canaryAgeSeconds: canary)
    }

    private func words(_ observation: Observation) -> [String] {
        observation.findings().map { "\($0.severity) \($0.cause.rawValue)" }
    }

    @Test func `of an idle system is healthy, and of one without a database down`() {
        #expect(observation().findings().isEmpty)
        #expect(Health(databaseIsUp: true, findings: []) == .healthy)
        #expect(Health(databaseIsUp: false, findings: []) == .down)
    }

    @Test func `warns beyond the warning and alerts beyond the alert, not at them`() {
        #expect(words(observation(pending: 400, claimed: 100)) == [])
        #expect(words(observation(pending: 401, claimed: 100)) == ["warning depth"])
        #expect(words(observation(pending: 1001)) == ["alert depth"])
        #expect(words(observation(pending: 1, oldest: 601, since: 10)) == ["warning oldest_pending"])
        #expect(words(observation(latency: 0.6)) == ["warning database_latency"])
        #expect(words(observation(latency: 1.1)) == ["alert database_latency"])
        #expect(words(observation(canary: 200)) == ["warning canary"])
    }

    @Test func `calls a queue stalled only when a backlog could have moved`() {
        #expect(words(observation(pending: 1, oldest: 301, since: 1000)) == ["alert stalled"])
        #expect(words(observation(pending: 1, oldest: 301)) == ["alert stalled"])
        #expect(words(observation(pending: 1, oldest: 5, since: 90_000)) == [])
        #expect(words(observation(pending: 1, oldest: 301, since: 1000, paused: true)) == [])
        #expect(words(observation(pending: 0, since: 90_000)) == [])
    }

    @Test func `asks for workers only while there is work for them`() {
        #expect(words(observation(workers: 0, active: 0)) == [])
        #expect(words(observation(pending: 1, workers: 0, active: 0)) == ["alert no_workers"])
        #expect(words(observation(pending: 1, workers: 4, active: 0)) == ["alert no_workers"])
        #expect(words(observation(workers: 4, active: 1)) == ["warning few_workers"])
        #expect(words(observation(workers: 4, active: 2)) == [])
    }

    @Test func `puts alerts first and makes one word of them`() {
        let found = observation(pending: 1200, oldest: 700, since: 1).findings()
        #expect(found.map(\.severity) == [.alert, .warning])
        #expect(Health(databaseIsUp: true, findings: found) == .critical)
        #expect(Health(databaseIsUp: true, findings: [found[1]]) == .degraded)
        #expect(found[0].message == "queue q: 1200 tasks pending or claimed (> 1000)")
    }

    @Test func `gives the best tier whose every measured figure is met`() {
        func tier(_ rate: Double?, _ p50: Double?, _ p95: Double?, _ success: Double?) -> TargetTier? {
            TargetTier.best(throughputPerSecond: rate, p50Seconds: p50, p95Seconds: p95, successRatio: success)
        }
        #expect(tier(200, 0.004, 0.01, 1) == .highPerformance)
        #expect(tier(200, 0.004, 0.15, 1) == .production)
        #expect(tier(6, 0.004, 0.15, 1) == .development)
        #expect(tier(6, nil, nil, nil) == .development)
        #expect(tier(200, 0.004, 0.01, 0.5) == nil)
    }
}
