"""Uses each call of deploy/python's AbsurdClient against the database in argv[1]; exit 1 when one does not keep its word."""
import asyncio
import json
import sys
from uuid import uuid4

import asyncpg
from absurd_client import AbsurdClient

QUEUE = "q"


async def main(url):
    worker = await asyncpg.connect(url)
    async with AbsurdClient(url, 1, 4) as client:
        task = await client.spawn_task(QUEUE, "echo", {"inputs": {"n": 1}}, priority=2, timeout_sec=30)
        found = await client.get_task(task)
        assert (found["params"], found["priority"], found["timeout_sec"], found["status"]) == (
            {"inputs": {"n": 1}}, 2, 30, "pending"), found
        many = await client.spawn_many(QUEUE, "echo", [{"n": n} for n in range(3)])
        assert len(set(many)) == 3
        assert [(await client.get_task(t))["params"]["n"] for t in many] == [0, 1, 2]
        assert len(await client.list_tasks(QUEUE, "pending")) == 4
        assert len(await client.list_tasks(limit=2)) == 2
        assert await client.list_tasks("elsewhere") == []

        waiting = asyncio.create_task(client.wait_task(task, timeout=60))
        claimed = await worker.fetchrow("SELECT * FROM absurd.claim_task($1, 'w')", QUEUE)
        assert claimed["task_id"] == task
        assert await worker.fetchval(
            "SELECT absurd.complete_task($1, $2)", task, json.dumps({"status": "success", "outputs": {"a": 1}}))
        ended = await waiting
        assert (ended["status"], ended["result"]["outputs"]) == ("completed", {"a": 1}), ended

        assert await client.cancel_task(many[0]) is True
        assert await client.cancel_task(many[0]) is False
        assert await client.retry_task(many[0]) is True
        stats = await client.get_queue_stats(QUEUE)
        assert stats == {"pending": 3, "claimed": 0, "completed": 1, "failed": 0, "cancelled": 0, "retrying": 0, "total": 4}, stats

        assert await client.get_task(uuid4()) is None
        try:
            await client.wait_task(uuid4(), timeout=60)
            raise AssertionError("waited for a task that is not there")
        except LookupError:
            pass
        try:
            await client.wait_task(many[1], timeout=0.2)
            raise AssertionError("a pending task has not ended")
        except asyncio.TimeoutError:
            pass
        try:
            await client.spawn_task("", "echo", {})
            raise AssertionError("a queue without a name")
        except asyncpg.PostgresError as error:
            assert error.sqlstate == "AB003", error.sqlstate
    await worker.close()


asyncio.run(main(sys.argv[1]))
