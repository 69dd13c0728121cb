"""A polled table, without a bus: select the oldest rows, apply them, sleep."""

import asyncio
import time

import asyncpg

import schemas
from benchmarks.testbed import PLATFORM, SOURCE, Start
from db.ledger import events
from db.ledger.envelopes import Envelope

ROWS = 100


async def drain(start: Start, *, pause_s: float = 0.0, count: int | None = None) -> float:
    """Apply every event, or the first `count`. Returns the seconds it took."""
    conn = await asyncpg.connect(start.database_url)
    wanted = count or len(start.payloads)
    began, done = time.perf_counter(), 0
    while done < wanted:
        async with conn.transaction():
            rows = await conn.fetch(
                """
                SELECT payload FROM sync_events WHERE status = 'published' AND source = $1
                ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
                """,
                SOURCE,
                ROWS,
            )
            payloads = [payload.encode() for (payload,) in rows]
            envelopes = [Envelope(schemas.decode(payload), payload) for payload in payloads]
            await events.settle(conn, PLATFORM, SOURCE, envelopes)
        done += len(rows)
        await asyncio.sleep(pause_s)
    took_s = time.perf_counter() - began
    await conn.close()
    return took_s
