"""taskiq on Redis Streams: each event is a task, acknowledged after its execution."""

import asyncio
import time

import asyncpg
from taskiq.api import run_receiver_task
from taskiq_redis import RedisStreamBroker

from benchmarks.testbed import BATCH, Start

from .event_handler import settle

WORKERS = 8


async def drain(start: Start) -> float:
    """Apply every event, a transaction each. Returns the seconds it took."""
    pool = await asyncpg.create_pool(start.database_url, min_size=WORKERS, max_size=WORKERS)
    broker = RedisStreamBroker(start.redis_url, xread_count=BATCH)
    all_done = asyncio.Event()
    done = 0

    async def one(payload: str) -> None:
        nonlocal done
        await settle(pool, [payload.encode()])
        done += 1
        if done >= len(start.payloads):
            all_done.set()

    task = broker.task(task_name="settle")(one)
    await broker.startup()
    for payload in start.payloads:
        await task.kiq(payload.decode())
    began = time.perf_counter()
    receiving = asyncio.create_task(run_receiver_task(broker, max_async_tasks=WORKERS))
    await all_done.wait()
    took_s = time.perf_counter() - began
    receiving.cancel()
    await asyncio.wait([receiving])
    await broker.shutdown()
    await pool.close()
    return took_s
