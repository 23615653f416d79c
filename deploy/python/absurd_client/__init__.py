"""A thin asyncio client of the Absurd task queue.

    from absurd_client import AbsurdClient

    async with AbsurdClient("postgresql:///sky") as client:
        task_id = await client.spawn_task("dsa110-pipeline", "echo", {"inputs": {"word": "hi"}})
        print((await client.wait_task(task_id))["result"])

The calls are those that pipelines have always made, with the same arguments; wait_task and spawn_many are new. Every call
may be made from any number of asyncio tasks at once. Errors are asyncpg's; what the queue refuses has an SQLSTATE that
begins with AB and a message that says what, why and what to do.
"""
from __future__ import annotations

import asyncio
import json
from typing import Any, Dict, List, Optional, Sequence
from uuid import UUID

import asyncpg

__all__ = ["AbsurdClient"]

_COLUMNS = (
    "task_id, queue_name, task_name, params, priority, timeout_sec, status, worker_id, attempt, max_retries, result, error, "
    "created_at, claimed_at, completed_at, wait_time_sec, execution_time_sec"
)
_ENDED = ("completed", "failed", "cancelled")
_POLL_SEC = 1.0
_WATCH_SEC = 30.0


class AbsurdClient:
    """A pool of connections and the queue's calls. Pool sizes: small 2..10, medium 5..20, large 10..50."""

    def __init__(self, database_url: str, pool_min_size: int = 2, pool_max_size: int = 10) -> None:
        self._database_url = database_url
        self._sizes = (pool_min_size, pool_max_size)
        self._pool: Optional[asyncpg.Pool] = None

    async def connect(self) -> None:
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                self._database_url, min_size=self._sizes[0], max_size=self._sizes[1]
            )

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def __aenter__(self) -> "AbsurdClient":
        await self.connect()
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    def _connected(self) -> asyncpg.Pool:
        if self._pool is None:
            raise RuntimeError("not connected: use `async with`, or await connect() first")
        return self._pool

    async def spawn_task(
        self,
        queue_name: str,
        task_name: str,
        params: Dict[str, Any],
        priority: int = 0,
        timeout_sec: Optional[int] = None,
        max_retries: int = 3,
    ) -> UUID:
        """Spawns one task; it is durable when this returns."""
        return await self._connected().fetchval(
            "SELECT absurd.spawn_task($1, $2, $3::jsonb, $4, $5, $6)",
            queue_name, task_name, json.dumps(params), priority, timeout_sec, max_retries,
        )

    async def spawn_many(self, queue_name: str, task_name: str, params: Sequence[Dict[str, Any]]) -> List[UUID]:
        """Spawns one task for each params, all or none, and returns their ids in order."""
        count = len(params)
        rows = await self._connected().fetch(
            "SELECT absurd.spawn_many($1, $2, $3::text[]::jsonb[], $4, $5, $6) AS task_id",
            [queue_name] * count, [task_name] * count, [json.dumps(p) for p in params], [0] * count, [None] * count,
            [None] * count,
        )
        return [row["task_id"] for row in rows]

    async def get_task(self, task_id: UUID) -> Optional[Dict[str, Any]]:
        """The task's columns, JSON decoded; None when there is no such task."""
        row = await self._connected().fetchrow(f"SELECT {_COLUMNS} FROM absurd.tasks WHERE task_id = $1", task_id)
        return None if row is None else _decoded(row)

    async def list_tasks(
        self, queue_name: Optional[str] = None, status: Optional[str] = None, limit: int = 100
    ) -> List[Dict[str, Any]]:
        """The newest tasks, of one queue and status if given."""
        conditions, values = ["true"], []
        for column, value in (("queue_name", queue_name), ("status", status)):
            if value is not None:
                values.append(value)
                conditions.append(f"{column} = ${len(values)}")
        values.append(limit)
        rows = await self._connected().fetch(
            f"SELECT {_COLUMNS} FROM absurd.tasks WHERE {' AND '.join(conditions)} "
            f"ORDER BY created_at DESC LIMIT ${len(values)}",
            *values,
        )
        return [_decoded(row) for row in rows]

    async def cancel_task(self, task_id: UUID) -> bool:
        """True when it was cancelled, a running one with its processes; False when it had ended."""
        return await self._connected().fetchval("SELECT absurd.cancel_task($1)", task_id)

    async def retry_task(self, task_id: UUID) -> bool:
        """Makes a failed or cancelled task pending again."""
        return await self._connected().fetchval("SELECT absurd.retry_task($1)", task_id)

    async def get_queue_stats(self, queue_name: str) -> Dict[str, int]:
        """Counts: pending, claimed, completed, failed, cancelled, retrying, total."""
        return dict(await self._connected().fetchrow("SELECT * FROM absurd.get_queue_stats($1)", queue_name))

    async def wait_task(self, task_id: UUID, timeout: Optional[float] = None) -> Dict[str, Any]:
        """Returns the task when it has ended. Raises LookupError, or asyncio.TimeoutError; the task goes on then."""
        return await asyncio.wait_for(self._wait(task_id), timeout)

    async def _wait(self, task_id: UUID) -> Dict[str, Any]:
        async with self._connected().acquire() as connection:
            bell = asyncio.Event()

            def ring(*_: Any) -> None:
                bell.set()

            await connection.add_listener("absurd_finished", ring)
            try:
                while True:
                    bell.clear()
                    await connection.execute("SELECT absurd.await_finish($1)", _WATCH_SEC)
                    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM absurd.tasks WHERE task_id = $1", task_id)
                    if row is None:
                        raise LookupError(f"no task {task_id}: there is none, or it has been archived")
                    if row["status"] in _ENDED:
                        return _decoded(row)
                    try:
                        await asyncio.wait_for(bell.wait(), _POLL_SEC)
                    except asyncio.TimeoutError:
                        pass
            finally:
                await connection.remove_listener("absurd_finished", ring)


def _decoded(row: asyncpg.Record) -> Dict[str, Any]:
    task = dict(row)
    for column in ("params", "result"):
        if isinstance(task[column], str):
            task[column] = json.loads(task[column])
    return task
