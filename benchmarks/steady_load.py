"""A steady load: events at a constant rate, in batches, retried when a call fails."""

import asyncio
import contextlib
import time
from typing import Final

import asyncpg

from db import Contention, Producer, Recorded, StorageUnavailable
from db.ledger import events
from db.ledger.envelopes import Envelope

from .testbed import MEMBERS, SOURCE, envelope

RETRY_S: Final = 0.02
CALL_S_MAX: Final = 10.0
#: Errors of a bot's own transaction while Postgres is unavailable.
AWAY: Final = (
    *(Contention, StorageUnavailable, asyncpg.PostgresError, asyncpg.InterfaceError),
    *(asyncpg.InternalClientError, OSError, TimeoutError),
)


class SteadyLoad:
    """Creates events. A failed call is retried with the same keys until it succeeds."""

    def __init__(self, pool: asyncpg.Pool, producer: Producer, *, batch: int) -> None:
        #: The due time of each event (Unix seconds), by key.
        self.due: dict[str, float] = {}
        self._pool = pool
        self._producer = producer
        self._batch = batch
        self._created = 0
        self._publishing: set[asyncio.Task[None]] = set()

    async def play(self, rate: float, *, stop: asyncio.Event) -> None:
        """Create `rate` events per second until `stop` is set, and catch up after delays."""
        due = time.time()
        while not stop.is_set():
            await self.create(due)
            due += self._batch / rate
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - time.time())):
                    await stop.wait()
        await self.published()

    async def published(self) -> None:
        """Wait until all events are published, or left to the relay."""
        while self._publishing:
            await asyncio.wait(self._publishing)

    async def create(self, due: float) -> None:
        """Create one batch of events with this due time."""
        first = self._created
        self._created += self._batch
        envelopes = [envelope(number, MEMBERS) for number in range(first, first + self._batch)]
        while True:
            try:
                async with asyncio.timeout(CALL_S_MAX):
                    recorded = await self._record(envelopes)
                    break
            except AWAY:
                await asyncio.sleep(RETRY_S)
        self.due |= dict.fromkeys((one.idempotency_key for one in recorded), due)
        # As with concurrent handlers of a bot, the next batch does not wait for Redis.
        task = asyncio.create_task(self._producer.publish(*recorded))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)

    async def _record(self, envelopes: list[Envelope]) -> list[Recorded]:
        async with self._pool.acquire() as conn, conn.transaction():
            return await events.record(conn, SOURCE, envelopes)
