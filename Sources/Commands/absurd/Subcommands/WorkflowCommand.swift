import Absurd
import AbsurdClient
import AbsurdPipeline
import AbsurdStore
import ArgumentParser

struct WorkflowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workflow", abstract: "Run a chain of stages, look at it, and run again what failed of it.",
        discussion: """
            Example:
              absurd workflow run standard-pipeline --input input_path=/data/incoming --input start_time=2026-01-01T00:00:00
            """,
        subcommands: [
            WorkflowRun.self, WorkflowList.self, WorkflowGet.self, WorkflowCancel.self, WorkflowRetry.self,
        ])
}

struct WorkflowRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Spawn a chain's stages, each behind the one before.",
        discussion: """
            Example:
              absurd workflow run quick-imaging --input input_path=/data/incoming --config '{"imaging": {"imsize": 512}}'

            Chains: \(Workflows.all.map(\.name).joined(separator: ", ")). Prints the workflow's id.
            """)

    @Argument(help: "The chain.")
    var name: String

    @Option(help: "An input as NAME=VALUE; VALUE is taken as JSON where it is JSON. Repeat it.")
    var input: [String] = []

    @Option(help: "Options a stage, as a JSON object: {STAGE: {OPTION: VALUE}}, or @FILE.")
    var config: String?

    @Option(help: "The queue ($ABSURD_QUEUE_NAME; default dsa110-pipeline).")
    var queueName: String?

    @Option(help: "Higher first.")
    var priority: Int32 = 0

    @Option(help: "Retries of each stage.")
    var maxRetries: Int32?

    @Flag(help: "Wait for its end; exit 1 when it does not complete.")
    var wait = false

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard let chain = Workflows.named(name) else {
            throw Refusal(
                "workflow \(name)", why: "there is none",
                remedy: "use one of \(Workflows.all.map(\.name).joined(separator: ", "))", exit: .badData)
        }
        let params = try params()
        for stage in params["config"]?.members?.keys.sorted() ?? [] where !chain.tasks.contains(stage) {
            throw Refusal(
                "workflow \(name)", why: "it has no stage \(stage)",
                remedy: "it has \(chain.tasks.joined(separator: ", "))", exit: .badData)
        }
        try Workflows.check(inputs: params["inputs"]?.members ?? [:], of: chain)
        let queue = queueName ?? Paths.environment["ABSURD_QUEUE_NAME"] ?? "dsa110-pipeline"
        try await database.withClient { client in
            let id: TaskID = try await client.postgres.query(
                "SELECT absurd.workflow_run($1, $2, $3, $4, $5)",
                [
                    .text(name), .jsonb(params.jsonBytes), .text(queue), .int4(priority), .int4(orNull: maxRetries),
                ])[0].get(0)
            Console.out(output.json ? JSONValue.object(["workflow_id": .string("\(id)")]).jsonText : "\(id)")
            guard wait else { return }
            let stages = try await WorkflowStage.all(of: id, client)
            let records = try await client.wait(stages.map(\.task))
            for record in records { Console.say("\(record.name) \(record.summary)") }
            if records.contains(where: { $0.state != .completed }) { throw AnswerIsNo() }
        }
    }

    private func params() throws -> JSONValue {
        var inputs: [String: JSONValue] = [:]
        for pair in input {
            guard let equals = pair.firstIndex(of: "="), equals != pair.startIndex else {
                throw Refusal("input \(pair)", why: "not NAME=VALUE", remedy: "see --help", exit: .usage)
            }
            let text = String(pair[pair.index(after: equals)...])
            inputs[String(pair[..<equals])] = (try? JSONValue(parsing: text)) ?? .string(text)
        }
        var members: [String: JSONValue] = ["inputs": .object(inputs)]
        if config != nil {
            do {
                members["config"] = try JSONValue(parsing: try Params.text(config))
            } catch let error as JSONSyntaxError {
                throw Refusal("--config", why: "not JSON: \(error)", remedy: "quote it for the shell", exit: .badData)
            }
        }
        return .object(members)
    }
}

/// One task of a workflow.
struct WorkflowStage {
    var position: Int32
    var task: TaskID
    var name: String
    var status: String
    var attempt: Int32
    var progress: Double?
    var error: String?

    static func all(of workflow: TaskID, _ client: TaskClient) async throws -> [WorkflowStage] {
        try await client.postgres.query(.named("workflow_stages"), [.uuid(workflow)]).map { row in
            WorkflowStage(
                position: try row.get(0), task: try row.get(1), name: try row.get(2), status: try row.get(3),
                attempt: try row.get(4), progress: try row.get(5), error: try row.get(6))
        }
    }

    var json: JSONValue {
        [
            "position": .integer(Int64(position)), "task_id": .string("\(task)"), "task_name": .string(name),
            "status": .string(status), "attempt": .integer(Int64(attempt)),
            "progress": progress.map { .number($0) } ?? .null, "error": error.map { .string($0) } ?? .null,
        ]
    }
}

struct WorkflowList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List workflows, newest first.",
        discussion: """
            Example:
              absurd workflow list --limit 10
            """)

    @Option(help: "At most so many.")
    var limit: Int32 = 20

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await database.withClient { client in
            let rows = try await client.postgres.query(.named("workflow_list"), [.int4(limit)])
            var cells: [[String]] = []
            for row in rows {
                let id: TaskID = try row.get(0)
                let name: String = try row.get(1)
                let status: String = try row.get(2)
                let total: Int32 = try row.get(3)
                let completed: Int32 = try row.get(4)
                let failed: Int32 = try row.get(5)
                let created: Timestamp = try row.get(6)
                if output.json {
                    let json: JSONValue = [
                        "id": .string("\(id)"), "name": .string(name), "status": .string(status),
                        "total_tasks": .integer(Int64(total)), "completed_tasks": .integer(Int64(completed)),
                        "failed_tasks": .integer(Int64(failed)), "created_at": .string("\(created)"),
                    ]
                    Console.out(json.jsonText)
                }
                cells.append(["\(id)", name, status, "\(completed)/\(total)", "\(failed)", "\(created)"])
            }
            if !output.json { Console.table(["WORKFLOW", "NAME", "STATUS", "DONE", "FAILED", "CREATED"], cells) }
        }
    }
}

struct WorkflowGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show a workflow's stages.",
        discussion: """
            Example:
              absurd workflow get 0198c0de-0000-7000-8000-000000000001
            """)

    @Argument(help: "The workflow.")
    var workflow: TaskID

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await database.withClient { client in
            let stages = try await WorkflowStage.all(of: workflow, client)
            guard !stages.isEmpty else {
                throw Refusal("workflow \(workflow)", why: "there is none", remedy: "see workflow list", exit: .no)
            }
            if output.json {
                for stage in stages { Console.out(stage.json.jsonText) }
                return
            }
            Console.table(
                ["STAGE", "TASK", "STATUS", "ATTEMPT", "PROGRESS", "ERROR"],
                stages.map { stage in
                    [
                        stage.name, "\(stage.task)", stage.status, "\(stage.attempt)",
                        stage.progress.map { "\(Int($0 * 100)) %" } ?? "-", String((stage.error ?? "").prefix(80)),
                    ]
                })
        }
    }
}

struct WorkflowCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel what has not ended of a workflow.",
        discussion: """
            Example:
              absurd workflow cancel 0198c0de-0000-7000-8000-000000000001
            """)

    @Argument(help: "The workflow.")
    var workflow: TaskID

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        try await change("SELECT absurd.workflow_cancel($1)", workflow, "cancelled", database)
    }
}

struct WorkflowRetry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Run again only what failed or was cancelled of a workflow.",
        discussion: """
            Example:
              absurd workflow retry 0198c0de-0000-7000-8000-000000000001
            """)

    @Argument(help: "The workflow.")
    var workflow: TaskID

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        try await change("SELECT absurd.workflow_retry($1)", workflow, "to run again", database)
    }
}

private func change(
    _ statement: PostgresStatement, _ workflow: TaskID, _ what: String, _ database: DatabaseOptions
) async throws {
    try await database.withClient { client in
        let count: Int32 = try await client.postgres.query(statement, [.uuid(workflow)])[0].get(0)
        Console.out("\(count) tasks \(what)")
        if count == 0 { throw AnswerIsNo() }
    }
}
