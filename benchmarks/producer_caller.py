"""`python -m benchmarks.producer_caller SOURCE RATE SECONDS FIRST_RATE FIRST_S`: single calls.

A bot creates each event with a call of its own, in concurrent tasks.
The first ones, at a rate of their own, are not measured. In the end it prints when each other event
was due and when its call began (Unix seconds), by key, as JSON.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

import uvloop

import schemas
from bus import SOURCES, Publisher, connect
from config import set_up_logs
from db import Platform, Producer, open_pool

from .testbed import KEYS, MEMBERS

Called = dict[str, tuple[float, float]]


async def main(
    source: Platform, rate: float, seconds: float, first_rate: float, first_s: float
) -> None:
    redis = connect(os.environ["REDIS_URL"], name="benchmarks")
    pool = await open_pool(os.environ["DATABASE_URL"], name="benchmarks")
    producer = Producer(pool, schemas, Publisher(redis, KEYS))

    async def create(number: int) -> str:
        recorded = await producer.create_xp_change_event(
            user_id=number % MEMBERS + 1,
            delta_xp=1,
            source=source,
            reason="game_guess",
            entity_id=str(number),
        )
        return recorded.idempotency_key

    warm_up = int(first_rate * first_s)
    await play(create, range(warm_up), first_rate)
    called = await play(create, range(warm_up, warm_up + int(rate * seconds)), rate)
    await producer.close()
    await redis.aclose()
    await pool.close()
    print(json.dumps(called))


async def play(
    create: Callable[[int], Awaitable[str]], numbers: Sequence[int], rate: float
) -> Called:
    """Create events at an even rate; a late answer does not delay the next.

    `create` returns the key of its event. Returns when each event was due, and when its call began.
    """
    called: Called = {}

    async def one(number: int, due: float) -> None:
        at = time.time()
        called[await create(number)] = due, at

    began = time.time()
    async with asyncio.TaskGroup() as group:
        for place, number in enumerate(numbers):
            due = began + place / rate
            await asyncio.sleep(max(0.0, due - time.time()))
            group.create_task(one(number, due))
    return called


if __name__ == "__main__":
    set_up_logs(level="error", style="console")
    [source] = (one for one in SOURCES if one == sys.argv[1])
    uvloop.run(main(source, *map(float, sys.argv[2:])))
