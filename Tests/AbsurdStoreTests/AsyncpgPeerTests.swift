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
        "shares_a_queue_among_many_workers_without_a_task_twice", "keeps_text_as_it_is",
    ]

    @Test(arguments: scenarios) func `finds all it calls as it was`(scenario: String) throws {
        try withDatabase { database in
            let (status, text) = try PeerPython.run("asyncpg_client.py", [database.url, scenario])
            #expect(status == 0, "\(text)")
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
