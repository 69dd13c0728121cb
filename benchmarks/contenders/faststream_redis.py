"""FastStream on Redis Streams: a message at a time, eight at a time, and in batches."""

import asyncio
import time
from typing import Any

import asyncpg
import msgspec
from faststream.redis import BinaryMessageFormatV1, RedisBroker, StreamSub

from benchmarks.testbed import BATCH, KEYS, SOURCE, STREAM, Start, fill
from bus import connect

from .event_handler import settle

GROUP = KEYS.group(SOURCE)
QUIET: dict[str, Any] = {"logger": None, "message_format": BinaryMessageFormatV1}


async def drain(start: Start, *, workers: int = 1) -> float:
    """Apply every event, a transaction each. Returns the seconds it took."""
    return await _drain(start, StreamSub(STREAM, group=GROUP, consumer="c"), workers=workers)


async def drain_in_batches(start: Start) -> float:
    """Apply every event, up to 500 in a transaction. Returns the seconds it took."""
    sub = StreamSub(STREAM, group=GROUP, consumer="c", batch=True, max_records=BATCH)
    return await _drain(start, sub, workers=1)


async def _drain(start: Start, sub: StreamSub, *, workers: int) -> float:
    await _fill(start)
    pool = await asyncpg.create_pool(start.database_url, min_size=workers, max_size=workers)
    broker = RedisBroker(start.redis_url, **QUIET)
    all_done = asyncio.Event()
    done = 0

    async def many(payloads: list[str]) -> None:
        nonlocal done
        await settle(pool, [payload.encode() for payload in payloads])
        done += len(payloads)
        if done >= len(start.payloads):
            all_done.set()

    async def one(payload: str) -> None:
        await many([payload])

    # FastStream shares a subscriber among workers only without batches.
    options: dict[str, Any] = {} if workers == 1 else {"max_workers": workers}
    broker.subscriber(stream=sub, **options)(many if sub.batch else one)
    began = time.perf_counter()
    async with broker:
        await broker.start()
        await all_done.wait()
        took_s = time.perf_counter() - began
    await pool.close()
    return took_s


async def _fill(start: Start) -> None:
    """Add the payloads as FastStream's own publisher writes them, but in a pipeline.

    Payloads are strings: FastStream would decode JSON, and the handler would have to encode the
    events again.
    """
    messages = [
        await BinaryMessageFormatV1.encode(
            message=msgspec.json.encode(payload.decode()),
            reply_to=None,
            headers=None,
            correlation_id=str(number),
        )
        for number, payload in enumerate(start.payloads)
    ]
    redis = connect(start.redis_url, name="benchmarks")
    await fill(redis, tuple(messages), field=b"__data__")
    await redis.aclose()
