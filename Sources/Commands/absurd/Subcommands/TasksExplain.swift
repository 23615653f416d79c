import Absurd
import AbsurdClient
import AbsurdOperate
import AbsurdStore
import ArgumentParser

struct TasksExplain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say why a task is pending, slow or failed.",
        discussion: """
            Example:
              absurd tasks explain 0198c0de-0000-7000-8000-000000000001
            """)

    @Argument(help: "The task.")
    var task: TaskID

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await database.withClient { client in
            let record = try await find(task, client)
            let failures = try await Attempt.all(of: task, client).filter { attempt in
                attempt.error != nil && (attempt.number != record.attempt || !record.state.isTerminal)
            }
            let reasons =
                try await explanation(record, client).reasons + failures.map { "attempt \($0.line)" }
            if output.json {
                let json: JSONValue = [
                    "task_id": .string("\(task)"), "status": .string(record.state.rawValue),
                    "reasons": .array(reasons.map { .string($0) }),
                ]
                return Console.out(json.jsonText)
            }
            Console.out("\(record.name) \(record.id) is \(Console.coloured(record.state))")
            for reason in reasons { Console.out("  \(reason)") }
        }
    }

    private func explanation(_ record: TaskRecord, _ client: TaskClient) async throws -> Explanation {
        guard let row = try await client.postgres.query(.named("explain"), [.uuid(record.id)]).first else {
            return Explanation(
                id: record.id, name: record.name, queue: record.queue, state: record.state, now: record.createdAt)
        }
        var facts = Explanation(
            id: record.id, name: record.name, queue: record.queue, state: record.state, now: try row.get(13))
        func whole(_ column: Int) throws -> Int? { try row.get(column, as: Int32?.self).map { Int($0) } }
        facts.attempt = Int(record.attempt)
        facts.retriesMax = Int(record.retriesMax)
        facts.error = record.error
        facts.claimedAt = record.claimedAt
        facts.completedAt = record.completedAt
        facts.dueAt = record.dueAt
        facts.waitSeconds = record.waitSeconds
        facts.runSeconds = record.executionSeconds
        facts.progress = record.progress
        facts.message = record.progressMessage
        facts.isPaused = try row.get(0)
        facts.runningMax = try whole(1)
        facts.keyMax = try whole(2)
        facts.key = try row.get(3)
        facts.outcome = try row.get(4)
        facts.timeoutSeconds = try whole(5)
        facts.ahead = try row.get(6)
        facts.runningNow = try row.get(7)
        facts.keyNow = try row.get(8)
        if let p50 = try row.get(10, as: Double?.self), let p95 = try row.get(11, as: Double?.self),
            let p99 = try row.get(12, as: Double?.self)
        {
            facts.usual = .init(count: try row.get(9), p50: p50, p95: p95, p99: p99)
        }
        facts.nodes = try await Nodes.all(client)
        facts.place = Nodes.place(of: record, facts.nodes)
        let parents = try await client.tasks(record.dependsOn)
        facts.parents = parents.map { .init(id: $0.id, name: $0.name, state: $0.state) }
        facts.parentsGone = record.dependsOn.count - parents.count
        return facts
    }
}

/// The nodes as the database knows them.
enum Nodes {
    static func all(_ client: TaskClient) async throws -> [NodeFacts] {
        try await client.postgres.query(.named("nodes")).map { row in
            let info: String = try row.get(4)
            var node = NodeFacts(
                name: try row.get(0), isAlive: try row.get(1), leaseSeconds: try row.get(2), queues: try row.get(3),
                info: (try? JSONValue(parsing: info)) ?? [:])
            node.secondsSinceRenewal = try row.get(5)
            return node
        }
    }

    /// The node and, as far as it has told, its worker.
    static func place(of record: TaskRecord, _ nodes: [NodeFacts]) -> String? {
        guard let name = record.worker else { return nil }
        let workers = nodes.first { $0.name == name }?.workers ?? []
        let worker = workers.first { $0.tasks.contains { $0.id == "\(record.id)" } }
        return name + (worker.map { "/\($0.index)" } ?? "")
    }
}
