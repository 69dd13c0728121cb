"""Events that arrive at a steady pace, many in one transaction, whatever fails meanwhile."""

import asyncio
import contextlib
import time
from typing import Final

import asyncpg

from db import Contention, Fact, Producer, Recorded, StorageUnavailable
from db.ledger import events

from .testbed import MEMBERS, SOURCE, fact

RETRY_S: Final = 0.02
CALL_S_MAX: Final = 10.0
#: What a bot's own transaction fails with while Postgres is away.
AWAY: Final = (
    *(Contention, StorageUnavailable, asyncpg.PostgresError, asyncpg.InterfaceError),
    *(asyncpg.InternalClientError, OSError, TimeoutError),
)


class SteadyLoad:
    """Creates events. Whatever fails is done again, with the same keys, until it has happened."""

    def __init__(self, pool: asyncpg.Pool, producer: Producer, *, batch: int) -> None:
        #: When each event was to happen (Unix seconds), by its key.
        self.due: dict[str, float] = {}
        self._pool = pool
        self._producer = producer
        self._batch = batch
        self._created = 0
        self._publishing: set[asyncio.Task[None]] = set()

    async def play(self, rate: float, *, stop: asyncio.Event) -> None:
        """Create so many events a second until `stop`; what is late is made up for."""
        due = time.time()
        while not stop.is_set():
            await self.create(due)
            due += self._batch / rate
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - time.time())):
                    await stop.wait()
        await self.published()

    async def published(self) -> None:
        """Wait until everything was published, or left to the relay."""
        while self._publishing:
            await asyncio.wait(self._publishing)

    async def create(self, due: float) -> None:
        """Create one batch of events that were to happen at that moment."""
        first = self._created
        self._created += self._batch
        facts = [fact(number, MEMBERS) for number in range(first, first + self._batch)]
        while True:
            try:
                async with asyncio.timeout(CALL_S_MAX):
                    recorded = await self._record(facts)
                    break
            except AWAY:
                await asyncio.sleep(RETRY_S)
        self.due |= dict.fromkeys((one.idempotency_key for one in recorded), due)
        # As with a bot's other handlers, the next ones do not wait until Redis has answered.
        task = asyncio.create_task(self._producer.publish(*recorded))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)

    async def _record(self, facts: list[Fact]) -> list[Recorded]:
        async with self._pool.acquire() as conn, conn.transaction():
            return await events.record(conn, SOURCE, facts)
