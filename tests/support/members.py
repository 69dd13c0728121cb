"""Members with something to show on one platform."""

import itertools

import asyncpg

import schemas
from bus import Source
from db.ledger import events
from db.ledger.envelopes import Envelope
from tests.support.settling import NOON

_numbers = itertools.count(1)


class MemberDesk:
    """Gives XP and achievements at their origin, and reads the surfaces afterwards."""

    def __init__(self, pool: asyncpg.Pool, platform: Source) -> None:
        self._pool = pool
        self._platform = platform

    async def give_xp(self, user_id: int, delta_xp: int) -> str:
        """Returns the event's key."""
        event = schemas.xp_changed(
            user_id=user_id,
            delta_xp=delta_xp,
            source=self._platform,
            reason="game_guess",
            entity_id=str(next(_numbers)),
            occurred_at=NOON,
        )
        await self._record(event)
        return event.idempotency_key

    async def unlock(self, user_id: int, achievement: str) -> None:
        await self._record(
            schemas.achievement_unlocked(
                user_id=user_id, achievement=achievement, source=self._platform, occurred_at=NOON
            )
        )

    async def error(self, user_id: int) -> str | None:
        """The error for which the member's surfaces are not shown; None if there is none."""
        error: str | None = await self._pool.fetchval(
            """
            SELECT max(f.error) FROM surfaces AS f JOIN accounts AS a USING (member_id, platform)
            WHERE a.platform = $1 AND a.account_id = $2
            """,
            self._platform,
            user_id,
        )
        return error

    async def retry_in_s(self, user_id: int) -> float:
        seconds: float = await self._pool.fetchval(
            """
            SELECT extract(epoch FROM max(f.retry_at) - now())::float
            FROM surfaces AS f JOIN accounts AS a USING (member_id, platform)
            WHERE a.platform = $1 AND a.account_id = $2
            """,
            self._platform,
            user_id,
        )
        return seconds

    async def retry_now(self) -> None:
        """End every wait: each postponed surface is due."""
        await self._pool.execute("UPDATE surfaces SET retry_at = now() WHERE retry_at > now()")

    async def _record(self, event: schemas.Event) -> None:
        envelope = Envelope(event, schemas.encode(event))
        async with self._pool.acquire() as conn, conn.transaction():
            await events.record(conn, self._platform, [envelope])
