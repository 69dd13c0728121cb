"""`python -m benchmarks.bare_consumers`: a loop for each platform that applies bare entries.

A batch is a statement: it writes an entry of the ledger for each event, and completes the event.
Nothing is checked, no books are kept, and no fault is survived. It prints a line once it reads.
"""

import asyncio
import os
from typing import Any, Final

import asyncpg
import uvloop

import schemas
from bus import SOURCES, connect_reader, ensure_group
from db import Platform, open_pool
from db.ledger.envelopes import Envelope

from .testbed import BATCH, KEYS

BLOCK_MS: Final = 1_000
_APPLY: Final = """
    WITH applied AS (
        INSERT INTO transactions (platform, idempotency_key, source, type, account_id, delta_xp,
            reason, entity_id, occurred_at)
        SELECT $2, u.key, $1, 'xp.changed', u.account, u.amount, u.why, u.entity, u.at
        FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[],
            $8::timestamptz[]) AS u (key, account, amount, why, entity, at)
    )
    UPDATE sync_events SET status = 'completed', payload = NULL, published_at = now(),
        processed_by = $2, processed_at = now()
    WHERE idempotency_key = ANY ($3)
"""


async def main() -> None:
    redis: Any = connect_reader(os.environ["REDIS_URL"], name="benchmarks")
    async with await open_pool(os.environ["DATABASE_URL"], name="benchmarks") as pool:
        for source in SOURCES:
            await ensure_group(redis, KEYS.subscription(source))
        print("started", flush=True)
        await asyncio.gather(*(apply(redis, pool, source) for source in SOURCES))


async def apply(redis: Any, pool: asyncpg.Pool, source: Platform) -> None:
    [platform] = (one for one in SOURCES if one != source)
    stream, group = KEYS.stream(source), KEYS.group(source)
    while True:
        read = await redis.xreadgroup(group, "bare", {stream: ">"}, count=BATCH, block=BLOCK_MS)
        for _, entries in read:
            payloads = [fields[b"e"] for _, fields in entries]
            rows = [Envelope(schemas.decode(one), one).as_row() for one in payloads]
            await pool.execute(
                _APPLY,
                source,
                platform,
                [row.idempotency_key for row in rows],
                [row.account_id for row in rows],
                [row.delta_xp for row in rows],
                [row.reason for row in rows],
                [row.entity_id for row in rows],
                [row.occurred_at for row in rows],
            )
            await redis.xack(stream, group, *(entry_id for entry_id, _ in entries))


if __name__ == "__main__":
    uvloop.run(main())
