import Absurd
import AbsurdClient
import AbsurdHost
import AbsurdStore
import Foundation
import Glibc
import TestSupport
import Testing

@testable import AbsurdLeader

/// Real Postgres, real workers, real signals.
@Suite(.serialized) struct EndToEndTests {
    @Test func aThousandTasksCompleteOverAtMostThreeConnections() async throws {
        try await Node.run { node in
            let ids = try await node.client.spawnMany(
                (0..<1000).map { NewTask(queue: "q", name: "echo", params: ["number": .integer($0)]) })
            let connections: Int64 = try node.database.session().query(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND application_name LIKE 'absurd leader%'",
                [.text(node.database.name)])[0].get(0)
            #expect((1...3).contains(connections))
            let records = try await node.client.wait(ids, timeoutSeconds: 60)
            #expect(records.allSatisfy { $0.state == .completed && $0.attempt == 1 })
            for (number, record) in records.enumerated() {
                let result = try JSONValue(parsing: record.result ?? "")
                #expect(result["outputs"]?["echo"]?["number"] == .integer(Int64(number)))
                #expect(result["resources"]?["cpu_seconds"]?.double != nil)
            }
        }
    }

    @Test func aKilledWorkerCostsItsAttemptOnlyAndTheHistoryShowsBoth() async throws {
        try await Node.run { node in
            let marker = node.state + "/second"
            let script = "if [ -e \(marker) ]; then exit 0; fi; touch \(marker); exec sleep 1000"
            let id = try await node.spawn("command", ["command": ["sh", "-c", .string(script)]])
            let worker = try await node.workerRunning(id)
            try await eventually("the command has begun") { access(marker, F_OK) == 0 }
            kill(worker, SIGKILL)
            let record = try await node.client.wait(id, timeoutSeconds: 60)
            #expect(record.state == .completed)
            #expect(try node.outcomes(id) == ["crashed", "completed"])
            #expect(node.processes(of: id).isEmpty, "the command died with its worker")
            try await eventually("nothing is left of its files") {
                !FileManager.default.fileExists(atPath: "\(node.state)/work/\(id)")
            }
        }
    }

    @Test func aRunningTaskCancelledByPlainSQLIsStoppedWithAllItsProcesses() async throws {
        try await Node.run { node in
            let id = try await node.spawn(
                "command", ["command": ["sh", "-c", "trap '' TERM; sleep 1000 & sleep 1001; sleep 1002"]])
            try await eventually("its processes run") { node.processes(of: id).count >= 3 }
            try node.database.session().query(.cancelByClient, [.uuid(id)])
            let start = ContinuousClock.now
            try await eventually("its processes are gone") { node.processes(of: id).isEmpty }
            let took = ContinuousClock.now - start
            #expect(took < .seconds(5), "a second on an idle machine")
            #expect(try await node.client.task(id)?.state == .cancelled)
            try await eventually("the seat is free") { await node.leader.ask(.status)["running"]?.int == 0 }
        }
    }

    @Test func aTaskThatOutlivesItsTimeIsKilledThoughItIgnoresTerm() async throws {
        try await Node.run { node in
            let id = try await node.spawn(
                "command", ["command": ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]], timeout: 1, retries: 0)
            let record = try await node.client.wait(id, timeoutSeconds: 60)
            #expect(record.state == .failed)
            #expect(try node.outcomes(id) == ["timed_out"])
            #expect(node.processes(of: id).isEmpty)
        }
    }

    @Test func aHungWorkerIsReplacedWhenItsTaskIsOutOfTime() async throws {
        try await Node.run(workers: 1, concurrency: 1) { node in
            let id = try await node.spawn("sleep", ["seconds": 1000], timeout: 2, retries: 0)
            let worker = try await node.workerRunning(id)
            kill(worker, SIGSTOP)
            let record = try await node.client.wait(id, timeoutSeconds: 60)
            #expect(record.state == .failed)
            #expect(try node.outcomes(id) == ["timed_out"])
            let next = try await node.spawn("echo")
            #expect(try await node.client.wait(next, timeoutSeconds: 60).state == .completed)
        }
    }

    @Test func aFailureIsRetriedAndThenFinal() async throws {
        try await Node.run { node in
            let once = try await node.spawn("fail", ["times": 1], retries: 2)
            let ever = try await node.spawn("fail", ["message": "no luck"], retries: 1)
            let hopeless = try await node.spawn("fail", ["permanent": true], retries: 5)
            #expect(try await node.client.wait(once, timeoutSeconds: 60).state == .completed)
            let failed = try await node.client.wait(ever, timeoutSeconds: 60)
            #expect(failed.state == .failed && failed.error == "no luck")
            #expect(try node.outcomes(ever) == ["failed", "failed"])
            #expect(try await node.client.wait(hopeless, timeoutSeconds: 60).attempt == 1)
        }
    }

    @Test func aPoisonTaskThatKillsItsWorkerStopsAtTheCap() async throws {
        try await Node.run { node in
            try node.database.session().script("UPDATE absurd.settings SET crashes_max = 2")
            let id = try await node.spawn("fail", ["crash": true])
            let record = try await node.client.wait(id, timeoutSeconds: 60)
            #expect(record.state == .failed)
            #expect(try node.outcomes(id) == ["crashed", "crashed", "crashed"])
        }
    }

    @Test func stoppingLetsRunningTasksEndAndGivesTheRestBack() async throws {
        try await Node.run(workers: 1, concurrency: 1) { node in
            let first = try await node.spawn("sleep", ["seconds": 1])
            try await node.untilRunning(first)
            let rest = try await node.client.spawnMany(
                (0..<5).map { _ in NewTask(queue: "q", name: "sleep", params: ["seconds": 1]) })
            await node.leader.stop()
            #expect(node.leader.isOver)
            #expect(try await node.client.task(first)?.state == .completed)
            let states = try await node.client.tasks(rest).map(\.state)
            #expect(states.allSatisfy { $0 == .pending })
        }
    }

    @Test func idleWorkersUseNoCPU() async throws {
        try await Node.run { node in
            let id = try await node.spawn("echo")
            _ = try await node.client.wait(id, timeoutSeconds: 60)
            let pids = (await node.leader.ask(.workers)["workers"]?.items ?? []).compactMap { $0["pid"]?.int }
            #expect(pids.count == 2)
            let before = pids.map(Self.ticks)
            try await Task.sleep(for: .seconds(1))
            #expect(pids.map(Self.ticks) == before)
        }
    }

    @Test func brokenConnectionsCostNoTask() async throws {
        try await Node.run { node in
            let slow = try await node.spawn("sleep", ["seconds": 2])
            try await node.untilRunning(slow)
            for _ in 0..<3 {
                try node.database.session().query(.terminateLeaders, [.text(node.database.name)])
                let quick = try await node.spawn("echo")
                #expect(try await node.client.wait(quick, timeoutSeconds: 60).state == .completed)
            }
            let record = try await node.client.wait(slow, timeoutSeconds: 60)
            #expect(record.state == .completed)
            #expect(record.attempt == 1, "it went on while the database was away")
        }
    }

    static func ticks(_ process: Int64) -> [Substring] {
        let text = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        guard let end = text.lastIndex(of: ")") else { return [] }
        return Array(text[text.index(after: end)...].split(separator: " ")[11...12])
    }
}

extension PostgresStatement {
    /// As today's clients cancel.
    fileprivate static let cancelByClient: PostgresStatement = """
        UPDATE absurd.tasks SET status = 'cancelled', completed_at = now(), error = 'not wanted'
        WHERE task_id = $1 AND status IN ('pending', 'claimed')
        """

    fileprivate static let terminateLeaders: PostgresStatement = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = $1 AND application_name LIKE 'absurd leader%'
        """
}

/// The stage's process, played by a shell script that speaks its protocol.
@Suite(.serialized) struct StageRunnerTests {
    private static let answer = #"""
        echo '{"progress":0.5,"message":"half"}' >&3
        echo '{"result":{"status":"success","outputs":{"picture":"there"},"message":"painted","errors":[]}}' >&3
        """#

    @Test func aStagesFilesAppearUnderTheirFinalNameOrNotAtAll() async throws {
        let script = "cat > request.json; echo sky > picture; echo said this\n" + Self.answer
        try await Node.run(stage: script) { node in
            let id = try await node.spawn("painting", ["inputs": ["colour": "blue"]])
            let record = try await node.client.wait(id, timeoutSeconds: 60)
            #expect(record.state == .completed, "\(record.error ?? "")")
            let directory = "\(node.state)/products/painting/\(id)/1"
            #expect(try String(contentsOfFile: directory + "/picture", encoding: .utf8) == "sky\n")
            let request = try JSONValue(
                parsing: try String(contentsOfFile: directory + "/request.json", encoding: .utf8))
            #expect(request["params"]?["inputs"]?["colour"] == "blue")
            #expect(request["final_dir"]?.text == directory)
            #expect(request["cpus"]?.items?.isEmpty == false)
            let log = try String(contentsOfFile: "\(node.state)/logs/tasks/\(id)/1.log", encoding: .utf8)
            #expect(log.contains("said this"))
            let result = try JSONValue(parsing: record.result ?? "")
            #expect(result["outputs"]?["picture"] == "there")
            #expect((result["resources"]?["max_rss_bytes"]?.int ?? 0) > 0)
            #expect(!FileManager.default.fileExists(atPath: "\(node.state)/work/\(id)"))
            let scratch = try FileManager.default.contentsOfDirectory(atPath: node.state + "/scratch")
            #expect(scratch.isEmpty)
        }
    }

    @Test func aStageThatSaysErrorHasFailedAndPublishesNothing() async throws {
        let script = #"""
            cat > /dev/null; echo half > picture
            echo '{"result":{"status":"error","outputs":{},"message":"no paint","errors":["no paint"]}}' >&3
            """#
        try await Node.run(stage: script) { node in
            let id = try await node.spawn("painting", retries: 1)
            let record = try await node.client.wait(id, timeoutSeconds: 60)
            #expect(record.state == .failed && record.error == "no paint")
            #expect(try node.outcomes(id) == ["failed", "failed"])
            #expect(!FileManager.default.fileExists(atPath: "\(node.state)/products/painting"))
            #expect(!FileManager.default.fileExists(atPath: "\(node.state)/work/\(id)"))
        }
    }

    @Test func aStageThatCrashesCostsItsAttemptAndNotItsWorker() async throws {
        let script =
            "cat > /dev/null; if [ -e ../../../done ]; then\n\(Self.answer)\nelse touch ../../../done; kill -SEGV $$; fi"
        try await Node.run(stage: script) { node in
            let id = try await node.spawn("painting")
            let record = try await node.client.wait(id, timeoutSeconds: 60)
            #expect(record.state == .completed, "\(record.error ?? "")")
            #expect(try node.outcomes(id) == ["crashed", "completed"])
            #expect(await node.leader.ask(.status)["worker_deaths_total"] == 0)
        }
    }

    @Test func aStageThatEndsWithoutAResultSaysSoWithItsLastWords() async throws {
        try await Node.run(stage: "cat > /dev/null; echo cannot open the file >&2; exit 3") { node in
            let id = try await node.spawn("painting", retries: 0)
            let record = try await node.client.wait(id, timeoutSeconds: 60)
            #expect(record.state == .failed)
            #expect(record.error?.contains("exit code 3") == true)
            #expect(record.error?.contains("cannot open the file") == true)
        }
    }
}
