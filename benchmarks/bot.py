"""`python -m benchmarks.bot RATE COUNT BATCH`: the producer's side, in its own process.

It prints "ready", waits for a line, creates the events, prints "done", and waits for another line.
"""

import asyncio
import os
import sys
import time

import uvloop

import schemas
from bus import Publisher, connect, ensure_group
from config import set_up_logs
from db import Producer, open_pool

from .steady_load import SteadyLoad
from .testbed import KEYS, SOURCE


async def main(rate: float, count: int, batch: int) -> None:
    redis = connect(os.environ["REDIS_URL"], name="benchmarks")
    await ensure_group(redis, KEYS.subscription(SOURCE))
    pool = await open_pool(os.environ["DATABASE_URL"], name="benchmarks")
    producer = Producer(pool, schemas, Publisher(redis, KEYS))
    load = SteadyLoad(pool, producer, batch=batch)
    await _print_and_wait("ready")
    due = time.time()
    for _ in range(count // batch):
        await load.create(due)
        due += batch / rate
        await asyncio.sleep(max(0.0, due - time.time()))
    await load.published()
    await producer.close()
    await _print_and_wait("done")
    await redis.aclose()
    await pool.close()


async def _print_and_wait(word: str) -> None:
    """Print a word, and wait for a line."""
    print(word, flush=True)
    await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    set_up_logs(level="error", style="console")
    uvloop.run(main(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
