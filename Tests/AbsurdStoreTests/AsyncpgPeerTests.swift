import Absurd
import AbsurdStore
import TestSupport
import Testing

@Suite struct `A client written for the system before` {
    /// Each is a function of asyncpg_client.py.
    static let scenarios = [
        "spawns_with_five_arguments_and_reads_the_row", "spawns_with_defaults_and_by_hand",
        "claims_highest_priority_first_then_oldest", "completes_what_it_claimed_once",
        "a_result_that_says_error_is_a_failure", "fails_what_it_claimed_and_it_is_retried",
        "fails_for_good_without_retries_and_may_be_retried_by_hand", "sends_heartbeats_only_for_what_runs",
        "cancels_by_function", "cancels_by_update_pending_and_running_never_finished",
        "cancels_by_update_with_returning", "prunes_by_delete_returning_one", "lists_and_counts_with_its_own_sql",
        "shares_a_queue_among_many_workers_without_a_task_twice", "works_beside_a_leader_until_nothing_is_left",
        "keeps_text_as_it_is",
    ]

    @Test(arguments: scenarios) func `finds all it calls as it was`(scenario: String) throws {
        try withDatabase { database in
            let (status, text) = try PeerPython.run("asyncpg_client.py", [database.url, scenario])
            #expect(status == 0, "\(text)")
        }
    }

    @Test func `shares a queue with a leader: each task is done once, by one of them`() async throws {
        try await withDatabase { database in
            let session = try database.session()
            let queues: PostgresParameter = .texts(["dsa110-pipeline"])
            let node: TaskID = try session.query(
                "SELECT absurd.node_register('n1', $1, '{}', 60)", [queues])[0].get(0)
            try session.query(
                "SELECT absurd.spawn_task('dsa110-pipeline', 'echo', '{}') FROM generate_series(1, 300)")
            func claim(_ limit: Int32) throws -> PostgresRows {
                try session.query(
                    "SELECT task_id, attempt, token FROM absurd.claim_batch('n1', $1, $2, NULL, $3)",
                    [.uuid(node), queues, .int4(limit)])
            }
            // Claimed before the other begins, and finished once it has begun: each has a share however fast the other is.
            var held = try claim(40)
            let first: TaskID = try held.get(0, 0)
            let stolen: Bool = try session.query("SELECT absurd.complete_task($1, '{}')", [.uuid(first)])[0].get(0)
            #expect(!stolen, "what a leader holds is out of a foreign worker's reach")
            let foreign = Task.detached {
                try PeerPython.run(
                    "asyncpg_client.py", [database.url, "works_beside_a_leader_until_nothing_is_left"])
            }
            while try session.query("SELECT FROM absurd.tasks WHERE status = 'completed' LIMIT 1").isEmpty {
                await Task.yield()
            }
            var ours = 0
            while !held.isEmpty {
                let finished = try session.query(
                    """
                    SELECT count(*) FILTER (WHERE accepted) FROM absurd.finish_batch('n1', $1, $2, $3, $4, $5, $6, $7)
                    """,
                    [
                        .uuid(node), .uuids(try held.map { try $0.get(0) }), .int4s(try held.map { try $0.get(1) }),
                        .uuids(try held.map { try $0.get(2) }), .texts(held.map { _ in "completed" }),
                        .jsonbs(held.map { _ in Array(#"{"status": "success", "message": "leader"}"#.utf8) }),
                        .texts(held.map { _ in nil }),
                    ])
                #expect(try finished.get(0, 0) == held.count, "every result of the leader is accepted")
                ours += held.count
                held = try claim(5)
            }
            let (status, text) = try await foreign.value
            #expect(status == 0, "\(text)")
            let theirs = Int(text.split(separator: "\n").last ?? "") ?? -1
            #expect(ours + theirs == 300)
            #expect(ours > 0 && theirs > 0)
            let recorded = try session.query(
                """
                SELECT count(*), count(*) FILTER (WHERE result ->> 'message' = 'leader'), max(attempt)
                FROM absurd.tasks WHERE status = 'completed'
                """)
            #expect(try recorded.get(0, 0) == 300)
            #expect(try recorded.get(0, 1) == ours)
            #expect(try recorded.get(0, 2) == 1, "nothing was done twice")
        }
    }

    @Test func `is played whole: every scenario of the script is run`() throws {
        let listed = try PeerPython.run("asyncpg_client.py", ["none", "list"])
        #expect(listed.text.split(separator: "\n").map(String.init) == Self.scenarios, "\(listed.text)")
    }

    @Test func `works with the rights of absurd_client alone`() throws {
        try withDatabase { database in
            for scenario in [
                "completes_what_it_claimed_once", "cancels_by_update_pending_and_running_never_finished",
                "prunes_by_delete_returning_one", "lists_and_counts_with_its_own_sql",
            ] {
                try database.session().query("DELETE FROM absurd.tasks")
                let url = database.url + "&options=-c%20role%3Dabsurd_client"
                let (status, text) = try PeerPython.run("asyncpg_client.py", [url, scenario])
                #expect(status == 0, "\(scenario): \(text)")
            }
        }
    }

    @Test func `may be the thin Python client of this release`() throws {
        try withDatabase { database in
            let (status, text) = try PeerPython.run(
                "thin_client.py", [database.url],
                environment: ["PYTHONPATH": PeerPython.repository + "/deploy/python", "PYTHONDONTWRITEBYTECODE": "1"])
            #expect(status == 0, "\(text)")
        }
    }
}
