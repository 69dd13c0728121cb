"""The record, read for the panel: a few newest events with all that Postgres knows of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from bus import Source
from db import open_pool
from db.errors import mapped_errors

__all__ = ["Account", "Books", "EventSeen", "Ledger", "Newest", "Record", "Surface"]

#: Seconds within which Postgres answers, or counts as away.
ANSWER_S_MAX = 3.0
#: Newest events that one look takes in: as many as the panel shows, and some that came late.
NEWEST = 40
#: New events that one look counts at most: Postgres serves others, too.
COUNTED_MAX = 5_000
#: Connections: one for the looks, one for what a person asks to see.
POOL_SIZE = 2


class Ledger(NamedTuple):
    """A ledger entry."""

    id: int
    platform: Source
    delta_xp: int
    delta_balance: int
    achievement: str | None
    reason: str
    at: datetime


class Account(NamedTuple):
    """An account of a member."""

    platform: Source
    account_id: int
    name: str | None


class Books(NamedTuple):
    """A member's books on one platform."""

    platform: Source
    xp: int
    balance: int


class Surface(NamedTuple):
    """Something that an event was the last one to change of what a platform should show."""

    platform: Source
    surface: str
    wanted: int
    rank: str | None
    wanted_at: datetime
    shown: int | None
    shown_at: datetime | None
    error: str | None


class EventSeen(NamedTuple):
    """An event, as the record has it at one moment."""

    id: int
    key: str
    source: Source
    type: str
    status: str
    created_at: datetime
    published_at: datetime | None
    processed_at: datetime | None
    error: str | None
    account_id: int | None
    stream_losses: int
    member_id: int | None
    accounts: Sequence[Account] = ()
    ledger: Sequence[Ledger] = ()
    books: Sequence[Books] = ()
    surfaces: Sequence[Surface] = ()


class Newest(NamedTuple):
    """The ids of the newest events, newest first, and how many there are after a given one."""

    ids: list[int]
    later: int


class Record:
    """Reads the record on connections of its own, which write nothing."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._pool: asyncpg.Pool | None = None

    async def newest(self, after: int) -> Newest:
        """Return the newest events, and how many came `after` one."""
        async with self._reading() as conn:
            rows = await conn.fetch(
                "SELECT id FROM twinstream.sync_events ORDER BY id DESC LIMIT $1", NEWEST
            )
            later = await conn.fetchval(
                """
                SELECT count(*) FROM (
                    SELECT 1 FROM twinstream.sync_events WHERE id > $1 LIMIT $2
                ) AS newer
                """,
                after,
                COUNTED_MAX,
            )
            return Newest([row["id"] for row in rows], later)

    async def events(self, ids: Sequence[int]) -> list[EventSeen]:
        """Return these events, as far as cleanup has left them, in one view of the record."""
        async with self._reading() as conn:
            events = await conn.fetch(
                """
                SELECT e.id, e.idempotency_key, e.source, e.type, e.status, e.created_at,
                    e.published_at, e.processed_at, e.error_message, e.account_id,
                    e.stream_losses, a.member_id
                FROM twinstream.sync_events AS e
                LEFT JOIN twinstream.accounts AS a
                    ON a.platform = e.source AND a.account_id = e.account_id
                WHERE e.id = ANY ($1::bigint[]) ORDER BY e.id
                """,
                ids,
            )
            keys = [row["idempotency_key"] for row in events]
            members = list({row["member_id"] for row in events} - {None})
            ledger = await conn.fetch(
                """
                SELECT idempotency_key, id, platform, delta_xp, delta_balance, achievement,
                    reason, created_at
                FROM twinstream.transactions WHERE idempotency_key = ANY ($1::text[]) ORDER BY id
                """,
                keys,
            )
            accounts = await conn.fetch(
                """
                SELECT member_id, platform, account_id, display_name
                FROM twinstream.accounts WHERE member_id = ANY ($1::bigint[])
                """,
                members,
            )
            books = await conn.fetch(
                """
                SELECT member_id, platform, xp, balance
                FROM twinstream.sync_state WHERE member_id = ANY ($1::bigint[])
                """,
                members,
            )
            surfaces = await conn.fetch(
                """
                SELECT f.wanted_key, f.platform, f.surface, f.wanted, r.name, f.wanted_at, f.shown,
                    f.shown_at, f.error
                FROM twinstream.surfaces AS f
                LEFT JOIN twinstream.ranks AS r ON f.surface = 'rank' AND r.rank = f.wanted
                WHERE f.member_id = ANY ($1::bigint[]) AND f.wanted_key = ANY ($2::text[])
                ORDER BY f.platform, f.surface
                """,
                members,
                keys,
            )
        return [
            EventSeen(*row)._replace(
                accounts=[Account(*one[1:]) for one in accounts if one[0] == row["member_id"]],
                ledger=[Ledger(*one[1:]) for one in ledger if one[0] == row["idempotency_key"]],
                books=[Books(*one[1:]) for one in books if one[0] == row["member_id"]],
                surfaces=[
                    Surface(*one[1:]) for one in surfaces if one[0] == row["idempotency_key"]
                ],
            )
            for row in events
        ]

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query of ours."""
        async with self._reading() as conn:
            return [dict(row) for row in await conn.fetch(query)]

    def let_go(self) -> None:
        """Drop the connections. The next look opens others."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    @contextlib.asynccontextmanager
    async def _reading(self) -> AsyncIterator[asyncpg.Connection]:
        async with asyncio.timeout(ANSWER_S_MAX):
            with mapped_errors():
                if self._pool is None:
                    self._pool = await open_pool(self._url, name="play", size_max=POOL_SIZE)
                async with (
                    self._pool.acquire() as conn,
                    conn.transaction(isolation="repeatable_read", readonly=True),
                ):
                    yield conn
