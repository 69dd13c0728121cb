"""The life of an event in Postgres: recorded at its origin, settled where it arrived, or buried.

`record` makes the first ledger entry (the origin's), `settle` the second (the opposite's). Either
may be repeated with the same events any number of times; the effect happens once. Both call the
functions of db/migrations/..._record.sql; programs in other languages call those that record, too.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

import asyncpg

from ..errors import Contention, IdempotencyConflict, mapped_errors
from ..members.accounts import storable_name
from ..platforms import Platform
from ..stores import store_debts
from ..stores.port import Store
from . import entries
from .entries import LedgerRow
from .envelopes import Envelope, Recorded

#: Bytes of a buried payload that the record keeps. An event is far smaller, so the rest of a longer
#: payload helps no operator.
PAYLOAD_KEPT_BYTES_MAX = 16_384

_RECORD: Final = (
    "SELECT * FROM twinstream.record("
    "$1, caller_publishes => true, waits_for_locks => $2, forget_secret => $3)"
)
_RECORD_OURS: Final = "SELECT * FROM twinstream.record_events($1, $2, $3, true, $4, $5)"
#: The limit of waits for locks is part of the text: the simulation, whose locks are waited for in
#: virtual time, looks for it there.
#: Members are read as texts: asyncpg would look up an array of numbers at each connection, in
#: statements of its own, which a pooler may send to several connections.
_SETTLE: Final = (
    "SELECT entered, members::text[], unknown, doubtful"
    " FROM twinstream.settle($1, $2, $3, $4, $5, lock_wait_ms => {}, compared => $6)"
)
#: The member of an event whose account was forgotten.
FORGOTTEN: Final = 0
#: Characters of the digest that tells entries with one id apart.
DIGEST_CHARS: Final = 12
#: Existing rows are locked in id order, as settling does, before a statement changes several.
_LOCK_IN_ORDER: Final = """
    SELECT id FROM twinstream.sync_events WHERE idempotency_key = ANY ($1::text[])
    ORDER BY id FOR NO KEY UPDATE
"""

T = TypeVar("T")


class Record(Protocol[T]):
    """`record` or `record_unheld`."""

    async def __call__(
        self,
        conn: asyncpg.Connection,
        source: Platform,
        envelopes: Sequence[Envelope],
        *,
        store: Store | None = None,
        forget_secret: str | None = None,
    ) -> list[T]: ...


async def record(
    conn: asyncpg.Connection,
    source: Platform,
    envelopes: Sequence[Envelope],
    *,
    store: Store | None = None,
    forget_secret: str | None = None,
) -> list[Recorded]:
    """Enter a bot's events into the books of the platform where they happened, all or none.

    The caller publishes them after its commit. With `store`, the platform's own table is changed in
    the same transaction; without, the caller changes it. Returns one receipt for each envelope, in
    order. The caller owns the transaction. With `forget_secret`, an event of an account that was
    forgotten since changes nothing; without, it would count as that of a new member.

    Raises:
        IdempotencyConflict: a key belongs to an event with different content.
        InsufficientFunds: a member's settled XP or balance would go below zero.
        RowRefused: the platform's own table refuses a member's row, while it takes others.
        RuleBroken: a value is beyond what the record can hold, or a key is reserved or another
            event's.
        StoreClosed: the platform's own table takes no row now; nothing was recorded.
        Contention: another transaction was in the way; try again.
        StorageUnavailable: Postgres is away; nothing was recorded.
    """
    with mapped_errors():
        rows = await conn.fetch(_RECORD, _texts(envelopes), True, forget_secret)
        return _all(await _receipts(conn, source, envelopes, rows, store))


async def record_unheld(
    conn: asyncpg.Connection,
    source: Platform,
    envelopes: Sequence[Envelope],
    *,
    store: Store | None = None,
    forget_secret: str | None = None,
) -> list[Recorded | None]:
    """Do as `record`, but leave out events whose members other transactions hold at this moment.

    The receipt of such an event is None. All others are recorded, or none.
    """
    with mapped_errors():
        rows = await conn.fetch(_RECORD, _texts(envelopes), False, forget_secret)
        return await _receipts(conn, source, envelopes, rows, store)


async def record_ours(
    conn: asyncpg.Connection,
    source: Platform,
    envelopes: Sequence[Envelope],
    *,
    status: str = "pending",
    is_left_to_relay: bool = False,
    may_reserve: bool = True,
    store: Store | None = None,
    forget_secret: str | None = None,
) -> list[Recorded]:
    """Record events for one of our own processes: as `record`, but reserved keys are accepted.

    An event in the status `published` is on its stream already, unless it is never to be there.
    With `is_left_to_relay`, the relay publishes the events as soon as they are committed.
    """
    with mapped_errors():
        rows = await conn.fetch(
            *(_RECORD_OURS, _texts(envelopes), status, is_left_to_relay, may_reserve, forget_secret)
        )
        return _all(await _receipts(conn, source, envelopes, rows, store))


async def settle(
    conn: asyncpg.Connection,
    platform: Platform,
    source: Platform,
    envelopes: Sequence[Envelope],
    *,
    store: Store | None = None,
    forget_secret: str | None = None,
) -> frozenset[str]:
    """Enter events from `source` into the books of `platform`. Returns the keys new there.

    `store` is the table in which `platform` keeps its members, if it has one of its own.

    An event that no producer recorded (another program put it on the stream) counts as well: its
    row at the origin is entered too, unless its key is reserved for our own processes. The origin's
    row decides, so an entry with a known key and different content is refused. An event of an
    account that was forgotten since changes nothing, if its `forget_secret` is given. The caller
    owns the transaction.

    Raises:
        IdempotencyConflict, InsufficientFunds, RuleBroken, Contention, StorageUnavailable: as
            `record` does.
    """
    with mapped_errors():
        settled = await _settle(conn, platform, source, envelopes)
        if settled.unknown:
            receipts = await record_ours(
                conn,
                source,
                [one for one in envelopes if one.event.idempotency_key in settled.unknown],
                status="published",
                may_reserve=False,
                forget_secret=forget_secret,
            )
            old = {one.idempotency_key for one in receipts if one.member_id == FORGOTTEN}
            envelopes = [one for one in envelopes if one.event.idempotency_key not in old]
            settled = await _settle(conn, platform, source, envelopes)
            if settled.unknown:
                raise Contention("events that were just recorded are gone")
        if store is not None:
            rows = {one.event.idempotency_key: one.as_row() for one in envelopes}
            due = entries.sums_of(
                entries.Entry(rows[key], member_id) for key, member_id in settled.members.items()
            )
            await store_debts.apply(conn, platform, store, due)
        return frozenset(settled.members)


async def settle_recorded(
    conn: asyncpg.Connection,
    platform: Platform,
    source: Platform,
    envelopes: Sequence[Envelope],
    *,
    lock_wait_ms: int | None = None,
) -> frozenset[str] | None:
    """Do as `settle` for a platform without a table of its own, in one statement.

    The statement commits by itself if the caller has no transaction. Returns None, and changes
    nothing, if an event is not in the ledger of its origin: `settle` records it first. With
    `lock_wait_ms`, waiting longer than this for a lock raises `Locked`.
    """
    with mapped_errors():
        settled = await _settle(conn, platform, source, envelopes, lock_wait_ms=lock_wait_ms)
        return None if settled.unknown else frozenset(settled.members)


class _Settled(NamedTuple):
    """The answer of the function `twinstream.settle`."""

    members: Mapping[str, int]
    """The members of the events that were entered now, by key."""
    unknown: Collection[str]
    """Keys that the ledger of the origin does not have. If there are any, nothing was entered."""
    doubtful: Collection[str]
    """Keys whose events are to be compared first. If there are any, nothing was entered."""


async def _settle(
    conn: asyncpg.Connection,
    platform: Platform,
    source: Platform,
    envelopes: Sequence[Envelope],
    *,
    lock_wait_ms: int | None = None,
) -> _Settled:
    settled = await _call(conn, platform, source, envelopes, lock_wait_ms, compared=False)
    if settled.unknown or not settled.doubtful:
        return settled
    # Entries are never changed, so nothing is locked, and waited for, until the next call.
    known = await entries.read_rows(conn, source, settled.doubtful)
    for envelope in envelopes:
        entry = known.get(envelope.event.idempotency_key)
        if entry is not None and (error := conflict(entry.row, envelope.as_row())):
            raise error
    return await _call(conn, platform, source, envelopes, lock_wait_ms, compared=True)


async def _call(
    conn: asyncpg.Connection,
    platform: Platform,
    source: Platform,
    envelopes: Sequence[Envelope],
    lock_wait_ms: int | None,
    *,
    compared: bool,
) -> _Settled:
    names = [_name_of(one) for one in envelopes]
    entered, members, unknown, doubtful = await conn.fetchrow(
        _SETTLE.format("NULL" if lock_wait_ms is None else lock_wait_ms),
        platform,
        source,
        [one.event.idempotency_key for one in envelopes],
        _texts(envelopes),
        names if any(names) else None,
        compared,
    )
    return _Settled(
        dict(zip(entered or (), map(int, members or ()), strict=True)),
        frozenset(unknown or ()),
        frozenset(() if compared else doubtful or ()),
    )


def _name_of(envelope: Envelope) -> str | None:
    """Return the name that came with an event, if it is a text that says something. Pure."""
    name = getattr(envelope.event, "display_name", None)
    return storable_name(name) if isinstance(name, str) and name else None


class Failure(NamedTuple):
    """An event, or an entry that carries none, that is to be buried with a reason."""

    idempotency_key: str
    type: str
    payload: bytes
    error_message: str
    entry_key: str | None = None
    """The name of the entry: its key if `idempotency_key` is another event's."""

    def under_entry(self) -> "Failure":
        """Return the same failure under the name of its entry, or else under one of its own."""
        assert self.entry_key is not None
        if self.idempotency_key != self.entry_key:
            return self._replace(idempotency_key=self.entry_key)
        digest = hashlib.sha256(self.payload).hexdigest()[:DIGEST_CHARS]
        return self._replace(idempotency_key=f"{self.entry_key}:{digest}", entry_key=None)


async def fail(
    conn: asyncpg.Connection,
    *,
    idempotency_key: str,
    source: Platform,
    type: str,  # noqa: A002 - the column's name
    payload: bytes,
    error_message: str,
) -> None:
    """Bury one event, as `fail_all` does."""
    await fail_all(conn, source, [Failure(idempotency_key, type, payload, error_message)])


async def fail_all(conn: asyncpg.Connection, source: Platform, failures: Sequence[Failure]) -> None:
    """Bury events: record their status `failed` and the reasons. Completed events stay as they are.

    The number of statements does not depend on the number of events. `source` is the platform on
    whose stream the events were found. If a key belongs to an event of the other platform, that
    event is not at fault and stays as it is; if the key is on record with another payload that no
    platform recorded, either is evidence. The failure is then recorded under `entry_key`, or, if
    another entry had that id before its stream was lost, under `entry_key` with a digest.

    Payload and message may hold anything: text that Postgres cannot store is written as an escape,
    and of a payload longer than PAYLOAD_KEPT_BYTES_MAX only the beginning is kept.
    """
    by_key = {one.idempotency_key: one for one in failures}
    # Of failures with one key, those with another payload get keys of their own.
    others = [one for one in failures if by_key[one.idempotency_key].payload != one.payload]
    keys = sorted(by_key)
    with mapped_errors():
        await conn.execute(_LOCK_IN_ORDER, keys)
        noted = await conn.fetch(
            """
            INSERT INTO twinstream.sync_events AS e
                (idempotency_key, source, type, payload, status, error_message, published_at)
            SELECT u.key, $1, u.type, u.payload, 'failed', u.error_message, now()
            FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
                AS u (key, type, payload, error_message)
            ON CONFLICT ON CONSTRAINT sync_event_once DO UPDATE SET
                status = 'failed', error_message = excluded.error_message
            WHERE e.status <> 'completed' AND e.source = excluded.source
                AND (e.account_id IS NOT NULL OR e.payload = excluded.payload)
            RETURNING e.idempotency_key
            """,
            source,
            keys,
            [by_key[key].type for key in keys],
            [_evidence(by_key[key].payload) for key in keys],
            [_storable(by_key[key].error_message) for key in keys],
        )
        left = set(keys) - {row["idempotency_key"] for row in noted}
        if left:
            completed = await conn.fetch(
                """
                SELECT idempotency_key FROM twinstream.sync_events
                WHERE idempotency_key = ANY ($1::text[]) AND source = $2 AND status = 'completed'
                """,
                list(left),
                source,
            )
            left -= {row["idempotency_key"] for row in completed}
    others += [by_key[key] for key in sorted(left)]
    if by_entry := [one.under_entry() for one in others if one.entry_key is not None]:
        await fail_all(conn, source, by_entry)


async def fail_unread(
    conn: asyncpg.Connection, source: Platform, *, payload: bytes, error_message: str
) -> bool:
    """Bury every unfinished event with exactly this payload, without decoding it.

    For a payload that kills the process that decodes it. A completed event stays as it is: its
    payload is gone. Returns whether there is such an event.
    """
    with mapped_errors():
        found: int = await conn.fetchval(
            """
            WITH found AS (
                SELECT id FROM twinstream.sync_events
                WHERE source = $1 AND payload = $2 AND status IN ('pending', 'published', 'failed')
                ORDER BY id
                FOR NO KEY UPDATE
            ), failed AS (
                UPDATE twinstream.sync_events AS e SET status = 'failed', error_message = $3
                FROM found WHERE e.id = found.id
            )
            SELECT count(*) FROM found
            """,
            source,
            _payload_text(payload),
            _storable(error_message),
        )
    return found > 0


async def fail_claimed(
    conn: asyncpg.Connection, source: Platform, claims: Sequence[Failure]
) -> set[str]:
    """Do as `fail_unread` for many payloads that claim to have the keys given, in one statement.

    Returns those keys for which there is an event with exactly the payload of the claim. The
    payload of a completed event is gone, so a claim of its key may be of another event, and its
    bytes are evidence.
    """
    with mapped_errors():
        rows = await conn.fetch(
            """
            WITH found AS (
                SELECT e.id, e.idempotency_key, u.error_message
                FROM unnest($2::text[], $3::text[], $4::text[]) AS u (key, payload, error_message)
                JOIN twinstream.sync_events AS e ON e.idempotency_key = u.key
                WHERE e.source = $1 AND e.payload = u.payload
                ORDER BY e.id
                FOR NO KEY UPDATE OF e
            ), failed AS (
                -- Completed by a release that kept payloads: it is in both ledgers.
                UPDATE twinstream.sync_events AS e
                SET status = 'failed', error_message = found.error_message
                FROM found WHERE e.id = found.id AND e.status <> 'completed'
            )
            SELECT DISTINCT idempotency_key FROM found
            """,
            source,
            [one.idempotency_key for one in claims],
            [_payload_text(one.payload) for one in claims],
            [_storable(one.error_message) for one in claims],
        )
    return {row["idempotency_key"] for row in rows}


def conflict(known: LedgerRow, row: LedgerRow) -> IdempotencyConflict | None:
    """Return the error for a row whose key belongs to a different event, if it does. Pure."""
    if differences := known.differences(row):
        return conflict_error(row.idempotency_key, differences)
    return None


def conflict_error(key: str, differences: str) -> IdempotencyConflict:
    """Return the error for a key that belongs to an event with these differences. Pure."""
    return IdempotencyConflict(
        key,
        f"the idempotency key {key!r} already belongs to a different event: {differences};"
        " use a new key for a new event",
    )


async def _receipts(
    conn: asyncpg.Connection,
    source: Platform,
    envelopes: Sequence[Envelope],
    rows: Sequence[asyncpg.Record],
    store: Store | None,
) -> list[Recorded | None]:
    """Make receipts of what the function returned; change the platform's own table with `store`."""
    receipts: list[Recorded | None] = [
        None
        if created is None
        else Recorded(key, source, member_id or FORGOTTEN, envelope.payload, created)
        for envelope, (key, member_id, created) in zip(envelopes, rows, strict=True)
    ]
    if store is not None:
        due = entries.sums_of(
            entries.Entry(envelope.as_row(), receipt.member_id)
            for envelope, receipt in zip(envelopes, receipts, strict=True)
            if receipt is not None and receipt.created
        )
        # The transaction may be another program's.
        await store_debts.apply(conn, source, store, due, check_deferred=False)
    return receipts


def _all(receipts: Sequence[Recorded | None]) -> list[Recorded]:
    """Return the receipts of a call that waited for locks, so it left no event out."""
    return [one for one in receipts if one is not None]


def _texts(envelopes: Sequence[Envelope]) -> list[str]:
    return [envelope.payload.decode() for envelope in envelopes]


def _evidence(payload: bytes) -> str:
    """Keep a payload readable and within bounds: a sender may put anything on a stream. Pure."""
    kept = payload[:PAYLOAD_KEPT_BYTES_MAX].decode("utf-8", "backslashreplace")
    if len(payload) > PAYLOAD_KEPT_BYTES_MAX:
        kept += f"... ({len(payload)} bytes in all)"
    return _storable(kept)


def _payload_text(payload: bytes) -> str:
    """Write a payload as `payload` has it in full. Pure."""
    return _storable(payload.decode("utf-8", "backslashreplace"))


def _storable(text: str) -> str:
    """Escape NUL and lone surrogates, which Postgres text cannot hold. Pure."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
