"""The life of an event in Postgres: recorded at its origin, settled where it arrived, or failed.

`record` is the first entry in the ledger (the origin's), `settle` the second (the opposite's).
Both may be repeated with the same events as often as anybody likes: the effect happens once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import asyncpg

from . import accounts, ledger
from .errors import IdempotencyConflict, mapped_errors
from .ledger import LedgerRow
from .platforms import Platform


class Event(Protocol):
    """What this package needs to know of an event; the wire's own classes have it."""

    @property
    def idempotency_key(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def source(self) -> Platform: ...
    @property
    def user_id(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def entity_id(self) -> str: ...
    @property
    def occurred_at(self) -> datetime: ...


class Fact(NamedTuple):
    """An event together with its bytes on the wire."""

    event: Event
    payload: bytes

    def as_row(self, member_id: int) -> LedgerRow:
        """Translate the event into a ledger row of this member."""
        event = self.event
        return LedgerRow(
            idempotency_key=event.idempotency_key,
            source=event.source,
            type=event.type,
            member_id=member_id,
            account_id=event.user_id,
            delta_xp=getattr(event, "delta_xp", 0),
            delta_balance=getattr(event, "delta_balance", 0),
            achievement=getattr(event, "achievement", None),
            reason=event.reason,
            entity_id=event.entity_id,
            occurred_at=event.occurred_at,
        )


class Recorded(NamedTuple):
    """What became of an event at its origin."""

    idempotency_key: str
    source: Platform
    member_id: int
    payload: bytes
    created: bool
    """False when the key was known already: nothing was added a second time."""


async def record(
    conn: asyncpg.Connection, source: Platform, facts: Sequence[Fact], *, status: str = "pending"
) -> list[Recorded]:
    """Enter events into the books of the platform where they happened, all or none.

    Returns one result for each fact, in order. The caller owns the transaction.

    Raises:
        IdempotencyConflict: a key belongs to an event with a different content.
        InsufficientFunds: a member's settled XP or balance would go below zero.
        Contention: two accounts are being linked at this moment; try again.
        StorageUnavailable: Postgres went away; nothing was recorded.
    """
    with mapped_errors():
        members = await accounts.resolve(conn, source, {fact.event.user_id for fact in facts})
        rows = [fact.as_row(members[fact.event.user_id]) for fact in facts]
        first = _first_of_each_key(rows)
        entered = await ledger.enter(conn, source, list(first.values()))
        known = await ledger.find(conn, source, [key for key in first if key not in entered])
        for row in rows:
            _refuse_difference(known.get(row.idempotency_key, first[row.idempotency_key]), row)
        await _add_to_totals(conn, [first[key] for key in entered])
        fresh = set(entered)
        results = []
        for fact, row in zip(facts, rows, strict=True):
            created = row.idempotency_key in fresh
            fresh.discard(row.idempotency_key)
            results.append(
                Recorded(row.idempotency_key, source, row.member_id, fact.payload, created)
            )
        await _append(conn, [r for r in results if r.created], first, status)
        return results


async def settle(
    conn: asyncpg.Connection, platform: Platform, source: Platform, facts: Sequence[Fact]
) -> frozenset[str]:
    """Enter events from `source` into the books of `platform`. Returns the keys new there.

    An event that nobody recorded at its origin (another program put it on the stream) is a fact
    all the same: its origin's row is entered as well. What counts is the origin's row, so an entry
    with a known key and another content is refused. The caller owns the transaction.

    Raises:
        IdempotencyConflict, InsufficientFunds, Contention, StorageUnavailable: as `record` does.
    """
    with mapped_errors():
        origin = await ledger.find(conn, source, [fact.event.idempotency_key for fact in facts])
        foreign = [fact for fact in facts if fact.event.idempotency_key not in origin]
        if foreign:
            await record(conn, source, foreign, status="published")
            origin |= await ledger.find(
                conn, source, [fact.event.idempotency_key for fact in foreign]
            )
        for fact in facts:
            row = origin[fact.event.idempotency_key]
            _refuse_difference(row, fact.as_row(row.member_id))
        entered = await ledger.enter(conn, platform, list(origin.values()))
        await conn.execute(
            """
            UPDATE sync_events SET status = 'completed', processed_by = $1, processed_at = now(),
                published_at = coalesce(published_at, now()), error_message = NULL
            WHERE idempotency_key = ANY ($2::text[]) AND status <> 'completed'
            """,
            platform,
            sorted(origin),
        )
        return entered


async def mark_published(conn: asyncpg.Connection, keys: Sequence[str]) -> None:
    """Note that these events are on their stream. One that got further meanwhile stays there."""
    with mapped_errors():
        await conn.execute(
            """
            UPDATE sync_events SET status = 'published', published_at = now()
            WHERE idempotency_key = ANY ($1::text[]) AND status = 'pending'
            """,
            sorted(keys),
        )


class Unpublished(NamedTuple):
    """An event that is committed and not known to be on its stream."""

    idempotency_key: str
    source: Platform
    payload: bytes


async def take_unpublished(
    conn: asyncpg.Connection, *, older_than_s: float, limit: int
) -> list[Unpublished]:
    """Lock and return the oldest events that stayed pending. Several relays share them.

    The rows stay locked until the caller's transaction ends; others skip them.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            SELECT idempotency_key, source, payload FROM sync_events
            WHERE status = 'pending' AND created_at < now() - make_interval(secs => $1)
            ORDER BY id LIMIT $2
            FOR UPDATE SKIP LOCKED
            """,
            older_than_s,
            limit,
        )
    return [Unpublished(key, source, payload.encode()) for key, source, payload in rows]


async def unpublish(conn: asyncpg.Connection, source: Platform) -> int:
    """Make every unfinished event of `source` pending again, because its stream was lost.

    Returns how many there are. Those that were delivered after all take effect once all the same.
    """
    with mapped_errors():
        count: int = await conn.fetchval(
            """
            WITH lost AS (
                UPDATE sync_events SET status = 'pending', published_at = NULL
                WHERE status = 'published' AND source = $1
                RETURNING id
            )
            SELECT count(*) FROM lost
            """,
            source,
        )
    return count


async def fail(
    conn: asyncpg.Connection,
    *,
    idempotency_key: str,
    source: Platform,
    type: str,  # noqa: A002 - the column's name
    payload: bytes,
    error_message: str,
) -> None:
    """Record why an event was buried. An event that took effect already is left as it is."""
    with mapped_errors():
        await conn.execute(
            """
            INSERT INTO sync_events AS e
                (idempotency_key, source, type, payload, status, error_message, published_at)
            VALUES ($1, $2, $3, $4, 'failed', $5, now())
            ON CONFLICT ON CONSTRAINT sync_event_once DO UPDATE SET
                status = 'failed', error_message = excluded.error_message
            WHERE e.status <> 'completed'
            """,
            idempotency_key,
            source,
            type,
            _as_text(payload),
            error_message,
        )


def _first_of_each_key(rows: Sequence[LedgerRow]) -> dict[str, LedgerRow]:
    first: dict[str, LedgerRow] = {}
    for row in rows:
        first.setdefault(row.idempotency_key, row)
    return first


def _refuse_difference(known: LedgerRow, row: LedgerRow) -> None:
    if differences := known.differences(row):
        raise IdempotencyConflict(row.idempotency_key, differences)


async def _add_to_totals(conn: asyncpg.Connection, rows: Sequence[LedgerRow]) -> None:
    """Add what was really entered to the members' settled totals, whose rows are locked already."""
    await conn.execute(
        """
        UPDATE members AS m SET xp = m.xp + d.xp, balance = m.balance + d.balance
        FROM (
            SELECT member_id, sum(xp)::bigint AS xp, sum(balance)::bigint AS balance
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS u (member_id, xp, balance)
            GROUP BY member_id
        ) AS d
        WHERE m.id = d.member_id
        """,
        [row.member_id for row in rows],
        [row.delta_xp for row in rows],
        [row.delta_balance for row in rows],
    )


async def _append(
    conn: asyncpg.Connection,
    recorded: Sequence[Recorded],
    rows: dict[str, LedgerRow],
    status: str,
) -> None:
    await conn.execute(
        """
        INSERT INTO sync_events (idempotency_key, source, type, member_id, payload, status,
            published_at)
        SELECT key, source, type, member_id, payload, $6::text,
            CASE WHEN $6::text = 'pending' THEN NULL ELSE now() END
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
            AS u (key, source, type, member_id, payload)
        ON CONFLICT ON CONSTRAINT sync_event_once DO UPDATE SET
            member_id = excluded.member_id, status = excluded.status, error_message = NULL
        """,
        [r.idempotency_key for r in recorded],
        [r.source for r in recorded],
        [rows[r.idempotency_key].type for r in recorded],
        [r.member_id for r in recorded],
        [r.payload.decode() for r in recorded],
        status,
    )


def _as_text(payload: bytes) -> str:
    """Keep what was found readable: Postgres text holds no NUL, and anybody may write anything."""
    return payload.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
