"""The checker of histories is itself checked: a sound history passes, and each mutation of it is refused by its name."""

import copy
import random
import unittest

import history


def sound(seed=1, tasks=60):
    """A history as a correct queue could write it: retries, crashes, cancels, completions, interleaved at random."""
    dice = random.Random(seed)
    threads, acked, runs = [], [], []
    for number in range(tasks):
        task = f"task-{number}"
        acked.append(task)
        steps = [[("ready", "insert", 0, None, None)]]
        for attempt in range(1, dice.randint(1, 3) + 1):
            token = f"token-{number}-{attempt}"
            steps.append([("ready", "delete", attempt - 1, None, None), ("running", "insert", attempt, token, None)])
            runs.append({"task": task, "attempt": attempt})
            leave = ("running", "delete", attempt, token, None)
            if attempt < 3 and dice.random() < 0.4:
                steps.append([leave, ("ready", "insert", attempt, None, None)])
                continue
            steps.append([leave, ("done", "insert", attempt, token, "completed")])
            break
        else:
            steps.append([("ready", "delete", attempt, None, None), ("done", "insert", attempt, None, "cancelled")])
        threads.append((task, steps))
    events, xid = [], 0
    while threads:
        task, steps = threads[dice.randrange(len(threads))]
        xid += 1
        for place, op, attempt, token, outcome in steps.pop(0):
            directory = f"/products/command/{task}/{attempt}" if outcome == "completed" else None
            events.append(dict(n=len(events), xid=str(xid), place=place, op=op, task=task, attempt=attempt, token=token,
                               node="a", outcome=outcome, directory=directory))
        threads = [thread for thread in threads if thread[1]]
    return acked, events, runs


class Checker(unittest.TestCase):
    def kinds(self, acked, events, runs):
        return {kind for kind, _ in history.judge(acked, events, runs)[0]}

    def completed(self, events):
        return next(i for i, e in enumerate(events) if e["place"] == "done" and e["outcome"] == "completed")

    def test_a_sound_history_passes(self):
        for seed in range(50):
            self.assertEqual(self.kinds(*sound(seed)), set())

    def test_a_task_that_vanished_is_lost(self):
        acked, events, runs = sound()
        self.assertEqual(self.kinds(acked, [e for e in events if e["task"] != "task-7"], runs), {"lost"})

    def test_a_task_that_never_ended_is_lost(self):
        acked, events, runs = sound()
        self.assertEqual(
            self.kinds(acked, [e for e in events if not (e["task"] == "task-7" and e["place"] == "done")], runs), {"lost"})

    def test_two_terminal_records_are_seen(self):
        acked, events, runs = sound()
        twice = copy.deepcopy(events)
        again = dict(events[self.completed(events)], n=len(events), xid="later")
        self.assertIn("two ends", self.kinds(acked, twice + [again], runs))

    def test_a_result_under_another_token_is_stale(self):
        acked, events, runs = sound()
        events[self.completed(events)]["token"] = "forged"
        self.assertEqual(self.kinds(acked, events, runs), {"stale"})

    def test_a_result_of_an_earlier_attempt_is_stale(self):
        acked, events, runs = sound()
        events[self.completed(events)]["directory"] = "/products/command/x/0"
        self.assertEqual(self.kinds(acked, events, runs), {"stale"})

    def test_a_result_without_a_claim_in_its_transaction_is_stale(self):
        acked, events, runs = sound()
        events[self.completed(events)]["xid"] = "another"
        self.assertEqual(self.kinds(acked, events, runs), {"stale"})

    def test_a_claim_after_the_end_is_seen(self):
        acked, events, runs = sound()
        done = events[self.completed(events)]
        claim = dict(done, n=len(events), place="running", attempt=9, outcome=None)
        self.assertIn("run after end", self.kinds(acked, events + [claim], runs))

    def test_an_attempt_claimed_twice_is_seen(self):
        acked, events, runs = sound()
        claim = next(e for e in events if e["place"] == "running" and e["op"] == "insert")
        events.insert(events.index(claim) + 1, dict(claim))
        self.assertIn("double claim", self.kinds(acked, [dict(e, n=i) for i, e in enumerate(events)], runs))

    def moved(self, **changes):
        """A claim whose row leaves for another row of the same place, with changes in where it arrives."""
        acked, events, runs = sound()
        claim = next(e for e in events if e["place"] == "running" and e["op"] == "insert")
        there = events.index(claim) + 1
        events[there:there] = [dict(claim, op="delete", xid="move"), dict(claim, xid="move") | changes]
        return self.kinds(acked, [dict(e, n=i) for i, e in enumerate(events)], runs)

    def test_a_claim_that_moves_to_another_row_in_one_transaction_goes_on(self):
        self.assertEqual(self.moved(), set())

    def test_a_claim_that_comes_back_later_or_with_another_token_is_a_second_one(self):
        self.assertIn("double claim", self.moved(xid="later"))
        self.assertIn("double claim", self.moved(token="forged"))

    def test_a_task_in_two_places_is_seen(self):
        acked, events, runs = sound()
        gone = next(e for e in events if e["place"] == "ready" and e["op"] == "delete")
        events.remove(gone)
        self.assertIn("two places", self.kinds(acked, events, runs))

    def test_a_completion_that_no_command_ran_for_is_seen(self):
        acked, events, runs = sound()
        done = events[self.completed(events)]
        fewer = [r for r in runs if (r["task"], r["attempt"]) != (done["task"], done["attempt"])]
        self.assertEqual(self.kinds(acked, events, fewer), {"never ran"})

    def test_a_row_that_leaves_where_it_never_was_is_seen(self):
        acked, events, runs = sound()
        first = next(e for e in events if e["place"] == "ready" and e["op"] == "insert")
        events.remove(first)
        self.assertIn("impossible", self.kinds(acked, events, runs))


if __name__ == "__main__":
    unittest.main()
