"""Plays a client that was written for the system before: each of its calls and direct statements, on asyncpg.

    asyncpg_client.py DATABASE_URL SCENARIO

A scenario that does not find what it was promised raises, and the exit code is 1. JSON travels as text, as it did there.
"""
import asyncio
import inspect
import json
import sys
from datetime import datetime, timedelta, timezone

import asyncpg

QUEUE = "dsa110-pipeline"
COLUMNS = [
    "task_id", "queue_name", "task_name", "params", "priority", "timeout_sec", "status", "worker_id", "attempt",
    "max_retries", "result", "error", "created_at", "claimed_at", "completed_at", "wait_time_sec", "execution_time_sec",
]
SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def equal(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r}, not {wanted!r}")


def holds(condition, what):
    if not condition:
        raise AssertionError(what)


async def spawn(c, name="echo", params=None, priority=0, timeout=None):
    return await c.fetchval(
        "SELECT absurd.spawn_task($1, $2, $3::jsonb, $4, $5)", QUEUE, name, json.dumps(params or {}), priority, timeout
    )


async def claim(c, worker="peer-1"):
    return await c.fetchrow("SELECT * FROM absurd.claim_task($1, $2)", QUEUE, worker)


async def row(c, task_id):
    return await c.fetchrow(f"SELECT {', '.join(COLUMNS)} FROM absurd.tasks WHERE task_id = $1", task_id)


@scenario
async def spawns_with_five_arguments_and_reads_the_row(c):
    before = datetime.now(timezone.utc) - timedelta(seconds=5)
    task = await spawn(c, "imaging", {"inputs": {"big": 9007199254740993}}, priority=7, timeout=60)
    r = await row(c, task)
    equal(json.loads(r["params"]), {"inputs": {"big": 9007199254740993}}, "params")
    found = {k: r[k] for k in ("queue_name", "task_name", "priority", "timeout_sec", "status", "attempt", "max_retries")}
    equal(found, {"queue_name": QUEUE, "task_name": "imaging", "priority": 7, "timeout_sec": 60, "status": "pending",
                  "attempt": 0, "max_retries": 3}, "row")
    holds(before < r["created_at"] < before + timedelta(seconds=60), "created_at is now")
    for column in ("worker_id", "result", "error", "claimed_at", "completed_at", "wait_time_sec", "execution_time_sec"):
        equal(r[column], None, column)


@scenario
async def spawns_with_defaults_and_by_hand(c):
    task = await c.fetchval("SELECT absurd.spawn_task($1, $2, $3)", QUEUE, "echo", "{}")
    equal((await row(c, task))["priority"], 0, "default priority")
    task = await c.fetchval("SELECT absurd.spawn_task($1, $2, $3, $4, $5, $6)", QUEUE, "echo", "{}", 1, None, 9)
    equal((await row(c, task))["max_retries"], 9, "max_retries")


@scenario
async def claims_highest_priority_first_then_oldest(c):
    low = await spawn(c, "a", priority=0)
    high = await spawn(c, "b", priority=5)
    high_later = await spawn(c, "c", priority=5)
    claimed = [await claim(c) for _ in range(3)]
    equal([r["task_id"] for r in claimed], [high, high_later, low], "order")
    equal(list(claimed[0].keys()), ["task_id", "queue_name", "task_name", "params", "task_priority", "timeout_sec",
                                    "status", "worker_id", "attempt", "max_retries", "created_at", "claimed_at"], "columns")
    equal((claimed[0]["status"], claimed[0]["worker_id"], claimed[0]["task_priority"], claimed[0]["attempt"]),
          ("claimed", "peer-1", 5, 1), "claimed row")
    empty = await claim(c)
    holds(empty is None or empty["task_id"] is None, "an empty queue gives nothing")


@scenario
async def completes_what_it_claimed_once(c):
    task = await spawn(c)
    await claim(c)
    result = {"status": "success", "outputs": {"ms_path": "/x.ms"}, "message": "ok", "errors": []}
    equal(await c.fetchval("SELECT absurd.complete_task($1, $2::jsonb)", task, json.dumps(result)), True, "complete")
    r = await row(c, task)
    equal((r["status"], json.loads(r["result"])), ("completed", result), "row")
    holds(r["wait_time_sec"] >= 0 and r["execution_time_sec"] >= 0, "times are measured")
    equal(await c.fetchval("SELECT absurd.complete_task($1, $2::jsonb)", task, "{}"), False, "a second completion")


@scenario
async def a_result_that_says_error_is_a_failure(c):
    task = await spawn(c)
    await claim(c)
    bad = {"status": "error", "outputs": {}, "message": "no sub-bands", "errors": ["no sub-bands"]}
    await c.fetchval("SELECT absurd.complete_task($1, $2::jsonb)", task, json.dumps(bad))
    r = await row(c, task)
    holds(r["status"] in ("retrying", "failed"), f"status is {r['status']}")
    holds("no sub-bands" in r["error"], "the reason is kept")


@scenario
async def fails_what_it_claimed_and_it_is_retried(c):
    task = await spawn(c)
    await claim(c)
    equal(await c.fetchval("SELECT absurd.fail_task($1, $2)", task, "boom"), True, "fail")
    r = await row(c, task)
    equal((r["status"], r["error"], r["attempt"]), ("retrying", "boom", 1), "row")
    equal(await c.fetchval("SELECT absurd.fail_task($1, $2)", task, "again"), False, "not claimed any more")


@scenario
async def fails_for_good_without_retries_and_may_be_retried_by_hand(c):
    task = await c.fetchval("SELECT absurd.spawn_task($1, $2, $3, $4, $5, $6)", QUEUE, "echo", "{}", 0, None, 0)
    await claim(c)
    equal(await c.fetchval("SELECT absurd.fail_task($1, $2)", task, "boom"), True, "fail")
    equal((await row(c, task))["status"], "failed", "status")
    equal(await c.fetchval("SELECT absurd.retry_task($1)", task), True, "retry")
    equal((await row(c, task))["status"], "pending", "status after retry")
    equal(await c.fetchval("SELECT absurd.retry_task($1)", task), False, "nothing to retry")


@scenario
async def sends_heartbeats_only_for_what_runs(c):
    task = await spawn(c)
    equal(await c.fetchval("SELECT absurd.heartbeat_task($1)", task), False, "not claimed")
    await claim(c)
    equal(await c.fetchval("SELECT absurd.heartbeat_task($1)", task), True, "claimed")


@scenario
async def cancels_by_function(c):
    task = await spawn(c)
    equal(await c.fetchval("SELECT absurd.cancel_task($1)", task), True, "cancel")
    equal((await row(c, task))["status"], "cancelled", "status")
    equal(await c.fetchval("SELECT absurd.cancel_task($1)", task), False, "twice")


@scenario
async def cancels_by_update_pending_and_running_never_finished(c):
    update = ("UPDATE absurd.tasks SET status='cancelled', completed_at=now(), error=$2 "
              "WHERE task_id=$1 AND status IN ('pending','claimed')")
    pending = await spawn(c)
    equal(await c.execute(update, pending, "by hand"), "UPDATE 1", "pending")
    r = await row(c, pending)
    equal((r["status"], r["error"], r["completed_at"] is not None), ("cancelled", "by hand", True), "row")
    running = await spawn(c)
    await claim(c)
    equal(await c.execute(update, running, "by hand"), "UPDATE 1", "running")
    equal((await row(c, running))["status"], "cancelled", "status")
    equal(await c.fetchval("SELECT absurd.complete_task($1, $2::jsonb)", running, "{}"), False, "its worker is too late")
    equal(await c.execute(update, running, "again"), "UPDATE 0", "finished")


@scenario
async def cancels_by_update_with_returning(c):
    task = await spawn(c)
    found = await c.fetchrow(
        "UPDATE absurd.tasks SET status='cancelled', completed_at=now(), error='x' "
        "WHERE task_id=$1 AND status IN ('pending','claimed') RETURNING task_id, status", task)
    equal((found["task_id"], found["status"]), (task, "cancelled"), "returned")


@scenario
async def prunes_by_delete_returning_one(c):
    done, cancelled, kept = [await spawn(c) for _ in range(3)]
    claimed = await claim(c)
    equal(claimed["task_id"], done, "the oldest")
    await c.fetchval("SELECT absurd.complete_task($1, $2::jsonb)", done, "{}")
    await c.fetchval("SELECT absurd.cancel_task($1)", cancelled)
    delete = "DELETE FROM absurd.tasks WHERE completed_at < $1 AND status = ANY($2) RETURNING 1"
    past = datetime.now(timezone.utc) - timedelta(hours=1)
    future = datetime.now(timezone.utc) + timedelta(hours=1)
    equal(len(await c.fetch(delete, past, ["completed", "failed", "cancelled"])), 0, "nothing is that old")
    equal(len(await c.fetch(delete, future, ["completed", "failed"])), 1, "the completed one")
    equal(await row(c, done), None, "gone")
    holds(await row(c, cancelled) is not None, "the other status stays")
    holds(await row(c, kept) is not None, "what is pending stays")


@scenario
async def lists_and_counts_with_its_own_sql(c):
    tasks = [await spawn(c, f"t{i}") for i in range(5)]
    await c.fetchval("SELECT absurd.spawn_task($1, $2, $3)", "elsewhere", "t", "{}")
    await claim(c)
    rows = await c.fetch(
        f"SELECT {', '.join(COLUMNS)} FROM absurd.tasks WHERE queue_name = $1 AND status = $2 "
        "ORDER BY created_at DESC LIMIT $3", QUEUE, "pending", 3)
    equal([r["task_id"] for r in rows], tasks[:1:-1], "the newest three pending")
    counts = await c.fetch("SELECT status, COUNT(*) AS n FROM absurd.tasks WHERE queue_name = $1 GROUP BY status", QUEUE)
    equal({r["status"]: r["n"] for r in counts}, {"pending": 4, "claimed": 1}, "counts")
    stats = await c.fetchrow("SELECT * FROM absurd.get_queue_stats($1)", QUEUE)
    equal(dict(stats), {"pending": 4, "claimed": 1, "completed": 0, "failed": 0, "cancelled": 0, "retrying": 0,
                        "total": 5}, "stats")


@scenario
async def shares_a_queue_among_many_workers_without_a_task_twice(c, url):
    for i in range(60):
        await spawn(c, f"t{i}")
    seen = []

    async def worker(name):
        connection = await asyncpg.connect(url)
        try:
            while True:
                r = await claim(connection, name)
                if r is None or r["task_id"] is None:
                    return
                seen.append(r["task_id"])
                holds(await connection.fetchval("SELECT absurd.complete_task($1, $2::jsonb)", r["task_id"],
                                                '{"status": "success"}'), "complete")
        finally:
            await connection.close()

    await asyncio.gather(*(worker(f"peer-{n}") for n in range(6)))
    equal((len(seen), len(set(seen))), (60, 60), "each once")
    equal(await c.fetchval("SELECT count(*) FROM absurd.tasks WHERE status = 'completed'"), 60, "completed")


@scenario
async def works_beside_a_leader_until_nothing_is_left(c):
    finished = 0
    while await c.fetchval("SELECT count(*) FROM absurd.tasks WHERE status IN ('pending', 'claimed')"):
        r = await claim(c, "foreign")
        if r is None or r["task_id"] is None:
            await asyncio.sleep(0.01)
            continue
        holds(await c.fetchval("SELECT absurd.complete_task($1, $2::jsonb)", r["task_id"],
                               '{"status": "success", "message": "foreign"}'), "complete")
        finished += 1
    print(finished)


@scenario
async def keeps_text_as_it_is(c):
    params = {"name": "'; DROP TABLE absurd.tasks; --", "star": "\u2605", "deep": [[[[{"a": [1.5, None, True]}]]]]}
    task = await spawn(c, "x'; SELECT 1; --", params)
    r = await row(c, task)
    equal((json.loads(r["params"]), r["task_name"]), (params, "x'; SELECT 1; --"), "row")


async def main():
    url, name = sys.argv[1:]
    if name == "list":
        print("\n".join(SCENARIOS))
        return
    connection = await asyncpg.connect(url)
    function = SCENARIOS[name]
    try:
        if "url" in inspect.signature(function).parameters:
            await function(connection, url)
        else:
            await function(connection)
    finally:
        await connection.close()


asyncio.run(main())
