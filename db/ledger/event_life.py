"""The life of one event as the record has it, for operators who follow a key."""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from ..errors import mapped_errors
from ..platforms import Platform


class EventRow(NamedTuple):
    """The event's row in `sync_events`, until cleanup removes it."""

    id: int
    source: Platform
    type: str
    status: str
    created_at: datetime
    published_at: datetime | None
    processed_by: str | None
    processed_at: datetime | None
    error_message: str | None
    stream_losses: int


class EntryRow(NamedTuple):
    """One of the event's two ledger entries, and whose account it names."""

    id: int
    platform: Platform
    source: Platform
    account_id: int
    display_name: str | None
    member_id: int | None
    delta_xp: int
    delta_balance: int
    achievement: str | None
    reason: str
    occurred_at: datetime
    created_at: datetime


class SurfaceRow(NamedTuple):
    """A rank or achievement that the event was the last one to change."""

    platform: Platform
    surface: str
    wanted: int
    wanted_rank: str | None
    shown: int | None
    shown_at: datetime | None
    announced: int
    is_to_announce: bool
    parked: str | None
    error: str | None


class DriftOfEvent(NamedTuple):
    """A finding of reconcile that the event repaired."""

    id: int
    run_id: int
    platform: Platform
    subject: str
    field: str
    decision: str
    why: str
    decided_at: datetime | None


class EventLife(NamedTuple):
    """All that the record has of one key."""

    event: EventRow | None
    entries: list[EntryRow]
    surfaces: list[SurfaceRow]
    drift: list[DriftOfEvent]

    @property
    def is_known(self) -> bool:
        """Whether the record has anything."""
        return self.event is not None or bool(self.entries or self.surfaces or self.drift)


async def read(conn: asyncpg.Connection, key: str) -> EventLife:
    """Return what the record has of an idempotency key, each list in the order of time."""
    with mapped_errors():
        event = await conn.fetchrow(
            """
            SELECT id, source, type, status, created_at, published_at, processed_by, processed_at,
                error_message, stream_losses
            FROM twinstream.sync_events WHERE idempotency_key = $1
            """,
            key,
        )
        entries = await conn.fetch(
            """
            SELECT t.id, t.platform, t.source, t.account_id, a.display_name, a.member_id,
                t.delta_xp, t.delta_balance, t.achievement, t.reason, t.occurred_at, t.created_at
            FROM twinstream.transactions AS t
            LEFT JOIN twinstream.accounts AS a
                ON a.platform = t.source AND a.account_id = t.account_id
            WHERE t.idempotency_key = $1 ORDER BY t.id
            """,
            key,
        )
        surfaces = await conn.fetch(
            """
            SELECT f.platform, f.surface, f.wanted, r.name, f.shown, f.shown_at, f.announced,
                f.announce, f.parked, f.error
            FROM twinstream.surfaces AS f
            LEFT JOIN twinstream.ranks AS r ON f.surface = 'rank' AND r.rank = f.wanted
            WHERE f.member_id = ANY ($2::bigint[]) AND f.wanted_key = $1
            ORDER BY f.platform, f.surface
            """,
            key,
            [row["member_id"] for row in entries if row["member_id"] is not None],
        )
        drift = await conn.fetch(
            """
            SELECT id, run_id, platform, subject, field, decision, why, decided_at
            FROM twinstream.drift
            WHERE member_id = ANY ($2::bigint[]) AND idempotency_key = $1 ORDER BY id
            """,
            key,
            [row["member_id"] for row in entries if row["member_id"] is not None],
        )
    return EventLife(
        None if event is None else EventRow(*event),
        [EntryRow(*row) for row in entries],
        [SurfaceRow(*row) for row in surfaces],
        [DriftOfEvent(*row) for row in drift],
    )
