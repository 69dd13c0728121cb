"""What a handler does with events in every contender that is handed them."""

from collections.abc import Sequence

import asyncpg

import schemas
from benchmarks.testbed import PLATFORM, SOURCE
from db import Contention, Fact
from db.ledger import events


async def settle(pool: asyncpg.Pool, payloads: Sequence[bytes]) -> None:
    """Enter events in one transaction; where another was in the way, do it again.

    Without that, a library that acknowledges what failed would lose events.
    """
    facts = [Fact(schemas.decode(payload), payload) for payload in payloads]
    while True:
        try:
            async with pool.acquire() as conn, conn.transaction():
                await events.settle(conn, PLATFORM, SOURCE, facts)
        except Contention:
            continue
        return
