"""`python -m benchmarks.offer_caller LINKS A_MINUTE FIRST_S [WITH_LINKS]`: members who link.

Each link is an offer: started on Discord, opened on Telegram with the token, confirmed on Discord.
While it is confirmed, both accounts win a game, so that their events meet the rows that the link
has locked. Without `WITH_LINKS` they only win. It begins after `FIRST_S` seconds, when the other
callers have warmed up. In the end it prints when each event's call began (Unix seconds), by key, as
JSON.
"""

import asyncio
import json
import os
import sys
import time
from typing import Final

import asyncpg
import uvloop

import schemas
from bus import SOURCES, Publisher, connect
from config import set_up_logs
from db import Contention, Platform, Producer, open_pool
from db.links import offers
from db.links.offers import Confirmation, Opening

from .testbed import KEYS, MEMBERS

#: As in the bots' dialogue of linking, a pause where another transaction is in the way.
ATTEMPT_PAUSE_S: Final = 0.05
#: The accounts of this many links come first and are not measured.
FIRST_LINKS: Final = 3


class Members:
    """Members beyond those of the community, with an account of the same number on each side."""

    def __init__(self, pool: asyncpg.Pool, producer: Producer) -> None:
        self._pool = pool
        self._producer = producer

    async def play(self, number: int, game: str) -> dict[str, tuple[float, float]]:
        """Win a game with both accounts of a member at once."""
        both = await asyncio.gather(*(self._win(source, number, game) for source in SOURCES))
        return dict(both)

    async def link(self, number: int, called: dict[str, tuple[float, float]]) -> None:
        """Link both accounts of a member, who wins on both sides while it is confirmed."""
        account_id = _account_id(number)
        async with self._pool.acquire() as conn:
            started = await offers.start(conn, "discord", account_id)
        assert started.token is not None
        async with self._pool.acquire() as conn:
            opened = await offers.open_offer(conn, "telegram", account_id, started.token)
        assert opened.outcome is Opening.OPENED, opened
        _, won = await asyncio.gather(
            self._confirm(account_id, started.id), self.play(number, "linking")
        )
        called.update(won)

    async def _confirm(self, account_id: int, offer_id: int) -> None:
        while True:
            try:
                async with self._pool.acquire() as conn:
                    outcome = await offers.confirm(conn, "discord", account_id, offer_id)
                break
            except Contention:
                await asyncio.sleep(ATTEMPT_PAUSE_S)
        assert outcome is Confirmation.LINKED, outcome

    async def _win(
        self, source: Platform, number: int, game: str
    ) -> tuple[str, tuple[float, float]]:
        at = time.time()
        recorded = await self._producer.create_xp_change_event(
            user_id=_account_id(number),
            delta_xp=1,
            source=source,
            reason="game_guess",
            entity_id=f"{game}{number}",
        )
        return recorded.idempotency_key, (at, at)


async def main(links: int, a_minute: float, first_s: float, with_links: bool) -> None:
    redis = connect(os.environ["REDIS_URL"], name="benchmarks")
    pool = await open_pool(os.environ["DATABASE_URL"], name="benchmarks")
    producer = Producer(pool, schemas, Publisher(redis, KEYS))
    members = Members(pool, producer)
    called: dict[str, tuple[float, float]] = {}

    async def act(number: int) -> None:
        if with_links:
            await members.link(number, called)
        else:
            called.update(await members.play(number, "linking"))

    began = time.time()
    for number in range(links + FIRST_LINKS):
        await members.play(number, "before")
    for number in range(FIRST_LINKS):
        await act(number)
    called.clear()
    began = max(began + first_s, time.time())
    async with asyncio.TaskGroup() as group:
        for number in range(links):
            await asyncio.sleep(max(0.0, began + number * 60 / a_minute - time.time()))
            group.create_task(act(number + FIRST_LINKS))
    await producer.close()
    await redis.aclose()
    await pool.close()
    print(json.dumps(called))


def _account_id(number: int) -> int:
    return MEMBERS + 1 + number


if __name__ == "__main__":
    set_up_logs(level="error", style="console")
    uvloop.run(
        main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), "WITH_LINKS" in sys.argv)
    )
