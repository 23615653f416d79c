import Absurd
import AbsurdClient
import AbsurdLeader
import AbsurdPipeline
import Glibc

/// The standard pipeline on one observation, watched: from spawning the workflow to its last task's end.
struct DemoRun {
    let system: LocalSystem
    let chain: Workflow
    let workflow: TaskID

    /// How often the picture is drawn anew while stages run; what it shows comes from the leader's memory.
    private static let redrawSeconds = 0.25

    static func start(_ system: LocalSystem, observation: String) async throws -> DemoRun {
        guard let chain = Workflows.named("standard-pipeline") else {
            preconditionFailure("the standard pipeline is one of the chains")
        }
        let params = JSONValue.object([
            "inputs": ["input_path": .string(observation)],
            // Coarser than the standard tier's cell: the beam is 5 pixels wide, and the demo is for two cores.
            "config": [
                "imaging": [
                    "cell": 6, "imsize": 2000, "niter": 20000, "auto_mask": 6, "auto_threshold": 3,
                    "gridder": "wstacking",
                ]
            ],
        ])
        let id: TaskID = try await system.client.postgres.query(
            "SELECT absurd.workflow_run($1, $2, $3, $4, $5)",
            [
                .text(chain.name), .jsonb(params.jsonBytes), .text(system.configuration.queues[0]), .int4(0),
                // Nobody waits through a back-off: a failure ends the demo with its reason. Crashes cost no retry.
                .int4(0),
            ])[0].get(0)
        return DemoRun(system: system, chain: chain, workflow: id)
    }

    /// Draws until every task has ended.
    ///
    /// - Returns: the tasks in the chain's order.
    func watch() async throws -> [TaskRecord] {
        var drawn = 0
        var said: [String: String] = [:]
        while true {
            let records = try await records()
            let rows = await rows(records)
            let board = StageBoard(rows: rows, width: Self.terminalWidth, isColoured: Console.hasColour)
            if Console.outIsTerminal {
                // Up over the lines drawn before, each cleared to its end.
                let up = drawn > 0 ? "\u{1B}[\(drawn)A" : ""
                let lines = board.lines()
                Console.out(up + lines.map { "\u{1B}[2K" + $0 }.joined(separator: "\n"))
                drawn = lines.count
            } else {
                sayChanges(rows, &said)
            }
            if records.allSatisfy({ $0.state.isTerminal }) { return records }
            if system.leader.isOver {
                // Or the next run on this database would go on with it beside its own.
                try await system.client.postgres.query("SELECT absurd.workflow_cancel($1)", [.uuid(workflow)])
                throw Refusal("demo", why: "it was stopped before its end", remedy: "run it again", exit: .tryAgain)
            }
            try await Task.sleep(for: .seconds(Self.redrawSeconds))
        }
    }

    private func records() async throws -> [TaskRecord] {
        let all = try await system.client.tasks(TaskFilter(workflow: workflow))
        return chain.tasks.compactMap { name in all.first { $0.name == name } }
    }

    private func rows(_ records: [TaskRecord]) async -> [StageBoard.Row] {
        var places: [TaskID: (place: String, fraction: Double, message: String)] = [:]
        let workers = records.contains { $0.state == .claimed } ? await system.leader.ask(.workers) : .null
        for worker in workers["workers"]?.items ?? [] {
            for task in worker["running"]?.items ?? [] {
                guard let id = task["task_id"]?.text.flatMap({ TaskID($0) }) else { continue }
                let cpus = task["cpus"]?.text ?? worker["cpus"]?.text ?? ""
                places[id] = (
                    "worker \(worker["worker"]?.int ?? 0), CPUs \(cpus)", task["progress"]?.double ?? 0,
                    task["message"]?.text ?? ""
                )
            }
        }
        let now = Timestamp.now
        return records.map { record in
            let live = places[record.id]
            var row = StageBoard.Row(name: record.name, state: record.state)
            row.fraction = live?.fraction ?? record.progress ?? 0
            row.seconds =
                record.state == .claimed
                ? record.claimedAt.map { now.seconds(since: $0) } : record.executionSeconds
            row.attempt = Int(max(record.attempt, 1))
            row.place = live?.place ?? (record.state.isTerminal ? record.worker ?? "" : "")
            row.message = live?.message ?? record.error ?? ""
            let result = record.state == .completed ? record.result.flatMap { try? JSONValue(parsing: $0) } : nil
            row.warnings = (result?["warnings"]?.items ?? []).compactMap(\.text)
            return row
        }
    }

    private func sayChanges(_ rows: [StageBoard.Row], _ said: inout [String: String]) {
        for row in rows where [.claimed, .completed, .failed, .cancelled, .retrying].contains(row.state) {
            let key = "\(row.state.rawValue) \(row.attempt)"
            // The place is known a moment after the claim.
            guard said[row.name] != key, row.state != .claimed || !row.place.isEmpty else { continue }
            said[row.name] = key
            let seconds = row.state == .claimed ? "" : row.seconds.map { " in " + StageBoard.seconds($0) } ?? ""
            let verb = row.state == .claimed ? "runs on \(row.place)" : row.state.rawValue + seconds
            let attempt = row.attempt > 1 ? " (attempt \(row.attempt))" : ""
            let error = row.state == .failed || row.state == .retrying ? ": \(row.message)" : ""
            Console.out("  \(row.name) \(verb)\(attempt)\(error)")
            for warning in row.warnings { Console.out("    warning: \(warning)") }
        }
    }

    private static var terminalWidth: Int {
        var size = winsize()
        return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 40 ? Int(size.ws_col) : 120
    }
}
