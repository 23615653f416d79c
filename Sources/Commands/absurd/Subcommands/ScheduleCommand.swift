import Absurd
import AbsurdClient
import AbsurdStore
import ArgumentParser

struct ScheduleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "Spawn tasks by the clock: cron entries with time zones.",
        discussion: """
            Example:
              absurd schedule add nightly-backup '0 3 * * *' dsa110-pipeline backup-database --timezone America/Los_Angeles
            """,
        subcommands: [
            ScheduleAdd.self, ScheduleList.self, SchedulePause.self, ScheduleResume.self, ScheduleTrigger.self,
            ScheduleRemove.self,
        ])
}

struct ScheduleAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add an entry, or change the one of that name.",
        discussion: """
            Example:
              absurd schedule add health '15 * * * *' dsa110-pipeline health-check

            Five fields: minute, hour, day of month, month, day of week (0 and 7 are Sunday; names, ranges, steps).
            """)

    @Argument(help: "The entry's name.")
    var name: String
    @Argument(help: "The five fields, quoted.")
    var cron: String
    @Argument(help: "The queue.")
    var queue: String
    @Argument(help: "The task's name.")
    var task: String
    @Option(help: "The params: JSON, or @FILE.")
    var params: String?
    @Option(help: "Time zone.")
    var timezone = "UTC"
    @Option(help: "Higher first.")
    var priority: Int32 = 0
    @Option(help: "Time-out in seconds.")
    var timeout: Int32?
    @Option(help: "Retries.")
    var maxRetries: Int32?

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        let text = try Params.text(params)
        try Params.check(text, task: task, warn: { Console.say("absurd: warning: \($0)") })
        try await database.withClient { client in
            let next: Timestamp? = try await client.postgres.query(
                .named("schedule_add"),
                [
                    .text(name), .text(queue), .text(task), .json(text), .text(cron), .text(timezone), .int4(priority),
                    .int4(orNull: timeout), .int4(orNull: maxRetries),
                ])[0].get(0)
            Console.out("\(name) next runs at \(next.map { "\($0)" } ?? "no time: it is paused")")
        }
    }
}

struct ScheduleList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the entries.",
        discussion: """
            Example:
              absurd schedule list
            """)

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await database.withClient { client in
            var cells: [[String]] = []
            for row in try await client.postgres.query(.named("schedule_list")) {
                let texts = try (0..<6).map { try row.get($0, as: String.self) }
                let last: Timestamp? = try row.get(6)
                let next: Timestamp? = try row.get(7)
                if output.json {
                    let names = ["name", "queue_name", "task_name", "cron_expression", "timezone", "state"]
                    var json = Dictionary(uniqueKeysWithValues: zip(names, texts.map { JSONValue.string($0) }))
                    json["last_run_at"] = last.map { .string("\($0)") } ?? .null
                    json["next_run_at"] = next.map { .string("\($0)") } ?? .null
                    Console.out(JSONValue.object(json).jsonText)
                }
                cells.append(texts + [next.map { "\($0)" } ?? "-"])
            }
            if !output.json { Console.table(["NAME", "QUEUE", "TASK", "CRON", "ZONE", "STATE", "NEXT"], cells) }
        }
    }
}

struct SchedulePause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Stop an entry from firing.",
        discussion: """
            Example:
              absurd schedule pause health
            """)

    @Argument(help: "The entry.")
    var name: String
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        try await database.withClient { client in
            let rows = try await client.postgres.query(.named("schedule_state"), [.text(name), .text("paused")])
            guard !rows.isEmpty else { throw noSchedule(name) }
            Console.out("\(name) is paused")
        }
    }
}

struct ScheduleResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Let a paused entry fire again.",
        discussion: """
            Example:
              absurd schedule resume health
            """)

    @Argument(help: "The entry.")
    var name: String
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        try await database.withClient { client in
            let rows = try await client.postgres.query(.named("schedule_state"), [.text(name), .text("active")])
            guard let row = rows.first else { throw noSchedule(name) }
            let next: Timestamp? = try row.get(0)
            Console.out("\(name) next runs at \(next.map { "\($0)" } ?? "-")")
        }
    }
}

struct ScheduleTrigger: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trigger", abstract: "Fire an entry now; its times stay as they are.",
        discussion: """
            Example:
              absurd schedule trigger health
            """)

    @Argument(help: "The entry.")
    var name: String
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        try await database.withClient { client in
            let id: TaskID? = try await client.postgres.query(
                "SELECT absurd.schedule_trigger($1)", [.text(name)])[0].get(0)
            guard let id else { throw noSchedule(name) }
            Console.out("\(id)")
        }
    }
}

struct ScheduleRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove an entry; tasks that it spawned stay.",
        discussion: """
            Example:
              absurd schedule remove health
            """)

    @Argument(help: "The entry.")
    var name: String
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        try await database.withClient { client in
            let rows = try await client.postgres.query(.named("schedule_remove"), [.text(name)])
            guard !rows.isEmpty else { throw noSchedule(name) }
            Console.out("\(name) removed")
        }
    }
}

private func noSchedule(_ name: String) -> Refusal {
    Refusal("schedule \(name)", why: "there is none", remedy: "see schedule list", exit: .no)
}
