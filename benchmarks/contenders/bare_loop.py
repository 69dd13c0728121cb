"""The bare loop: read, decode, the SQL, acknowledge, and nothing else. It survives no fault."""

import time
from typing import Any

import asyncpg

import schemas
from benchmarks.testbed import BATCH, KEYS, PLATFORM, SOURCE, STREAM, Start, fill
from bus import connect_reader
from db.ledger import events
from db.ledger.envelopes import Envelope

GROUP = KEYS.group(SOURCE)


async def drain(start: Start) -> float:
    """Apply every event. Returns the seconds it took."""
    #: Any, because redis-py types its replies as those of both protocols at once.
    redis: Any = connect_reader(start.redis_url, name="bare")
    await fill(redis, start.payloads)
    conn = await asyncpg.connect(start.database_url)
    began, done = time.perf_counter(), 0
    while done < len(start.payloads):
        [(_, entries)] = await redis.xreadgroup(GROUP, "bare", {STREAM: ">"}, count=BATCH)
        envelopes = [Envelope(schemas.decode(fields[b"e"]), fields[b"e"]) for _, fields in entries]
        async with conn.transaction():
            await events.settle(conn, PLATFORM, SOURCE, envelopes)
        await redis.xack(STREAM, GROUP, *(entry_id for entry_id, _ in entries))
        done += len(entries)
    took_s = time.perf_counter() - began
    await conn.close()
    await redis.aclose()
    return took_s
