"""The event handler of the contenders that are libraries."""

from collections.abc import Sequence

import asyncpg

import schemas
from benchmarks.testbed import PLATFORM, SOURCE
from db import Contention
from db.ledger import events
from db.ledger.envelopes import Envelope


async def settle(pool: asyncpg.Pool, payloads: Sequence[bytes]) -> None:
    """Settle events in one transaction; retry after a conflict with another one.

    Without the retry, a library that acknowledges failed messages would lose events.
    """
    envelopes = [Envelope(schemas.decode(payload), payload) for payload in payloads]
    while True:
        try:
            async with pool.acquire() as conn, conn.transaction():
                await events.settle(conn, PLATFORM, SOURCE, envelopes)
        except Contention:
            continue
        return
