"""procrastinate, a queue of jobs in Postgres: each event is a job of its own, without Redis."""

import time
from typing import Any

import asyncpg
from procrastinate import App, PsycopgConnector

from benchmarks.testbed import BATCH, Start

from .event_handler import settle

WORKERS = 8
#: The worker's own connections: one listens for new jobs, the others take and finish jobs.
CONNECTIONS = WORKERS + 1


async def drain(start: Start) -> float:
    """Apply every event, a transaction each. Returns the seconds it took."""
    pool = await asyncpg.create_pool(start.database_url, min_size=WORKERS, max_size=WORKERS)
    app = App(connector=PsycopgConnector(conninfo=start.database_url, max_size=CONNECTIONS))

    async def one(payload: str) -> None:
        await settle(pool, [payload.encode()])

    task = app.task(name="settle")(one)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for first in range(0, len(start.payloads), BATCH):
            some = start.payloads[first : first + BATCH]
            jobs: list[dict[str, Any]] = [{"payload": payload.decode()} for payload in some]
            await task.batch_defer_async(*jobs)
        # Otherwise Postgres would plan the taking of a job for an empty table.
        await pool.execute("ANALYZE")
        began = time.perf_counter()
        # Without `wait`, the worker ends after the last job.
        await app.run_worker_async(wait=False, concurrency=WORKERS, install_signal_handlers=False)
        took_s = time.perf_counter() - began
    await pool.close()
    return took_s
