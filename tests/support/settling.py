"""Reading the books and the streams in tests of consumers, and waiting for them."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg

import schemas
from bus import Client, Keys, Source
from tests.support.patience import PATIENCE_S
from tests.support.stream_entries import entries_in

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LOOK_AGAIN_S = 0.01


async def until(
    holds: Callable[[], Awaitable[bool]], *, what: str, deadline_s: float = PATIENCE_S
) -> None:
    """Return once `holds` is true; fail after `deadline_s`, long enough for busy machines."""
    deadline_s = max(deadline_s, PATIENCE_S)
    end = time.monotonic() + deadline_s
    while not await holds():
        assert time.monotonic() < end, f"waited {deadline_s} s in vain: {what}"
        await asyncio.sleep(LOOK_AGAIN_S)


def xp_payload(
    delta_xp: int, *, source: Source = "telegram", user_id: int = 1001, **more: Any
) -> bytes:
    """The payload of an event, as a foreign program would write it."""
    parts: dict[str, Any] = {"reason": "game_guess", "entity_id": "1", "occurred_at": NOON} | more
    event = schemas.xp_changed(user_id=user_id, delta_xp=delta_xp, source=source, **parts)
    return schemas.encode(event)


def edited(payload: bytes, **fields: Any) -> bytes:
    """The payload with some fields overwritten, past every check."""
    return json.dumps(json.loads(payload) | fields).encode()


class Desk:
    """Reads the books and the streams, and writes to streams as a foreign program would."""

    def __init__(self, pool: asyncpg.Pool, redis: Client, keys: Keys) -> None:
        self.pool = pool
        self.redis = redis
        self.keys = keys

    async def add(self, source: Source, *payloads: bytes) -> list[bytes]:
        pipe = self.redis.pipeline(transaction=False)
        for payload in payloads:
            pipe.xadd(self.keys.stream(source), {"e": payload})
        return [bytes(entry_id) for entry_id in await pipe.execute()]

    async def add_fields(self, source: Source, **fields: str | bytes) -> bytes:
        named: dict[Any, Any] = {**fields}
        entry_id: Any = await self.redis.xadd(self.keys.stream(source), named)
        return bytes(entry_id)

    async def deliver(self, source: Source, consumer: str, times: int) -> None:
        """Leave entries unacknowledged, delivered so often, as after so many restarts."""
        stream, group = self.keys.subscription(source)
        await self.redis.xreadgroup(group, consumer, {stream: ">"})
        for _ in range(times - 1):
            await self.redis.xreadgroup(group, consumer, {stream: "0"})

    async def abandon(self, source: Source) -> None:
        """Make all entries in work idle for so long that the next read claims them."""
        stream, group = self.keys.subscription(source)
        stuck: Any = await self.redis.xpending_range(stream, group, "-", "+", 1_000)
        for one in stuck:
            await self.redis.xclaim(
                stream, group, one["consumer"], 0, [one["message_id"]], idle=10**9, justid=True
            )

    async def newest(self, source: Source) -> bytes:
        """The payload of the newest entry."""
        *_, (_, fields) = await entries_in(self.redis, self.keys.stream(source))
        return bytes(fields[b"e"])

    async def stream_length(self, source: Source) -> int:
        return int(await self.redis.xlen(self.keys.stream(source)))

    async def unacknowledged(self, source: Source) -> int:
        stream, group = self.keys.subscription(source)
        return int((await self.redis.xpending(stream, group))["pending"])

    async def xp(self, platform: str, user_id: int = 1001, on: str = "telegram") -> int:
        """The books of `platform` for the member with that account `on` a platform."""
        return await self._number(
            """
            SELECT coalesce(sum(s.xp), 0) FROM sync_state AS s JOIN accounts AS a USING (member_id)
            WHERE s.platform = $1 AND a.platform = $2 AND a.account_id = $3
            """,
            platform,
            on,
            user_id,
        )

    async def total_xp(self, platform: str) -> int:
        return await self._number(
            "SELECT coalesce(sum(xp), 0) FROM sync_state WHERE platform = $1", platform
        )

    async def ledger_rows(self, platform: str) -> int:
        return await self._number("SELECT count(*) FROM transactions WHERE platform = $1", platform)

    async def statuses(self) -> dict[str, int]:
        rows = await self.pool.fetch("SELECT status, count(*) FROM sync_events GROUP BY status")
        return dict(rows)

    async def failures(self) -> dict[str, str]:
        """Key to error message, of everything that was buried."""
        rows = await self.pool.fetch(
            "SELECT idempotency_key, error_message FROM sync_events WHERE status = 'failed'"
        )
        return dict(rows)

    async def dead(self) -> list[dict[bytes, bytes]]:
        return [fields for _, fields in await entries_in(self.redis, self.keys.dead)]

    async def lose_everything(self) -> None:
        """Delete this deployment's keys, and no other's on the same server, as FLUSHALL would."""
        await self.redis.delete(
            self.keys.stream("telegram"), self.keys.stream("discord"), self.keys.dead
        )

    async def _number(self, query: str, *arguments: Any) -> int:
        return int(await self.pool.fetchval(query, *arguments))
