"""The life of an event in Postgres: recorded at its origin, settled where it arrived, or buried.

`record` makes the first ledger entry (the origin's), `settle` the second (the opposite's). Either
may be repeated with the same events any number of times; the effect happens once.
"""

from collections.abc import Collection, Iterable, Sequence

import asyncpg

from ..errors import IdempotencyConflict, mapped_errors
from ..members import accounts
from ..platforms import Platform
from ..stores import store_debts
from ..stores.port import Store
from . import entries
from .entries import Entry, LedgerRow
from .envelopes import Envelope, Recorded

#: Bytes of a buried payload that the record keeps. An event is far smaller, so the rest of a longer
#: payload helps no operator.
PAYLOAD_KEPT_BYTES_MAX = 16_384


async def record(
    conn: asyncpg.Connection,
    source: Platform,
    envelopes: Sequence[Envelope],
    *,
    status: str = "pending",
    store: Store | None = None,
) -> list[Recorded]:
    """Enter events into the books of the platform where they happened, all or none.

    With `store`, the platform's own table is changed in the same transaction; without, the caller
    changes it. Returns one receipt for each envelope, in order. The caller owns the transaction.

    Raises:
        IdempotencyConflict: a key belongs to an event with different content.
        InsufficientFunds: a member's settled XP or balance would go below zero.
        RowRefused: the platform's own table refuses a member's row, while it takes others.
        RuleBroken: a value is beyond what the record can hold.
        StoreClosed: the platform's own table takes no row now; nothing was recorded.
        Contention: another transaction was in the way; try again.
        StorageUnavailable: Postgres is away; nothing was recorded.
    """
    with mapped_errors():
        user_ids = {one.event.user_id for one in envelopes}
        members = await accounts.resolve(conn, source, user_ids)
        rows = [envelope.as_row() for envelope in envelopes]
        first = _first_of_each_key(Entry(row, members[row.account_id]) for row in rows)
        entered = await entries.enter(conn, source, list(first.values()))
        known: dict[str, list[LedgerRow]] = {}
        for row in await entries.find(conn, first):
            known.setdefault(row.idempotency_key, []).append(row)
        for row in rows:
            for known_row in known[row.idempotency_key]:
                _refuse_difference(known_row, row)
        fresh = set(entered)
        receipts = []
        for envelope, row in zip(envelopes, rows, strict=True):
            created = row.idempotency_key in fresh
            fresh.discard(row.idempotency_key)
            receipts.append(
                Recorded(
                    row.idempotency_key, source, members[row.account_id], envelope.payload, created
                )
            )
        if entered:
            await entries.add_to_totals(conn, [first[key] for key in entered])
            await _append(conn, [one for one in receipts if one.created], first, status)
            if store is not None:
                due = entries.sums_of(first[key] for key in entered)
                # The transaction may be another program's.
                await store_debts.apply(conn, source, store, due, check_deferred=False)
        return receipts


async def settle(
    conn: asyncpg.Connection,
    platform: Platform,
    source: Platform,
    envelopes: Sequence[Envelope],
    *,
    store: Store | None = None,
) -> frozenset[str]:
    """Enter events from `source` into the books of `platform`. Returns the keys new there.

    `store` is the table in which `platform` keeps its members, if it has one of its own.

    An event that no producer recorded (another program put it on the stream) counts as well: its
    row at the origin is entered too. The origin's row decides, so an entry with a known key and
    different content is refused. The caller owns the transaction.

    Raises:
        IdempotencyConflict, InsufficientFunds, RuleBroken, Contention, StorageUnavailable: as
            `record` does.
    """
    with mapped_errors():
        origin = await entries.lock_rows(
            conn, source, {one.event.idempotency_key for one in envelopes}
        )
        foreign = [one for one in envelopes if one.event.idempotency_key not in origin]
        if foreign:
            await record(conn, source, foreign, status="published")
            origin |= await entries.lock_rows(
                conn, source, {one.event.idempotency_key for one in foreign}
            )
        for envelope in envelopes:
            row = origin[envelope.event.idempotency_key].row
            _refuse_difference(row, envelope.as_row())
        entered = await entries.enter(conn, platform, list(origin.values()))
        if store is not None:
            due = entries.sums_of(origin[key] for key in entered)
            await store_debts.apply(conn, platform, store, due)
        await _complete(conn, platform, origin)
        return entered


async def _complete(conn: asyncpg.Connection, platform: Platform, keys: Collection[str]) -> None:
    """Mark these events as completed. Rows are locked in id order, as every transaction does.

    An event that was buried before its account was known has none yet; its ledger row does.
    """
    await conn.execute(
        """
        UPDATE twinstream.sync_events AS e
            SET status = 'completed', processed_by = $1, processed_at = now(),
            published_at = coalesce(e.published_at, now()), error_message = NULL,
            account_id = coalesce(e.account_id, (
                SELECT t.account_id FROM twinstream.transactions AS t
                WHERE t.idempotency_key = e.idempotency_key AND t.platform = $1
            ))
        WHERE e.id = ANY (ARRAY (
            SELECT id FROM twinstream.sync_events
            WHERE idempotency_key = ANY ($2::text[]) AND status <> 'completed'
            ORDER BY id
            FOR NO KEY UPDATE
        ))
        """,
        platform,
        list(keys),
    )


async def fail(
    conn: asyncpg.Connection,
    *,
    idempotency_key: str,
    source: Platform,
    type: str,  # noqa: A002 - the column's name
    payload: bytes,
    error_message: str,
    entry_key: str | None = None,
) -> None:
    """Bury an event: record its status `failed` and the reason. A completed event stays as it is.

    `source` is the platform on whose stream the event was found. If the key belongs to an event of
    the other platform, that event is not at fault and stays as it is; the reason is then recorded
    under `entry_key`, which names the entry.

    Payload and message may hold anything: text that Postgres cannot store is written as an escape,
    and of a payload longer than PAYLOAD_KEPT_BYTES_MAX only the beginning is kept.
    """
    with mapped_errors():
        noted = await conn.fetchval(
            """
            INSERT INTO twinstream.sync_events AS e
                (idempotency_key, source, type, payload, status, error_message, published_at)
            VALUES ($1, $2, $3, $4, 'failed', $5, now())
            ON CONFLICT ON CONSTRAINT sync_event_once DO UPDATE SET
                status = 'failed', error_message = excluded.error_message
            WHERE e.status <> 'completed' AND e.source = excluded.source
            RETURNING source
            """,
            idempotency_key,
            source,
            type,
            _evidence(payload),
            _storable(error_message),
        )
        if noted is not None or entry_key is None:
            return
        owner = await conn.fetchval(
            "SELECT source FROM twinstream.sync_events WHERE idempotency_key = $1", idempotency_key
        )
    if owner != source:
        await fail(
            conn,
            idempotency_key=entry_key,
            source=source,
            type=type,
            payload=payload,
            error_message=error_message,
        )


async def fail_unread(
    conn: asyncpg.Connection,
    source: Platform,
    *,
    payload: bytes,
    error_message: str,
    claimed_key: str | None = None,
) -> bool:
    """Bury the event with exactly this payload, without decoding it.

    For a payload that cannot be decoded, or that kills the process that decodes it. With
    `claimed_key`, only the event of that key is considered; without, every event that is not
    completed. A completed event stays as it is. Returns whether there is such an event.
    """
    with mapped_errors():
        found: int = await conn.fetchval(
            """
            WITH found AS (
                -- Without a key the payload decides, and only unfinished events can be at fault.
                SELECT id FROM twinstream.sync_events
                WHERE source = $1 AND payload = $2 AND (
                    idempotency_key = $4
                    OR ($4 IS NULL AND status IN ('pending', 'published', 'failed'))
                )
                ORDER BY id
                FOR NO KEY UPDATE
            ), failed AS (
                -- A completed event counts as found: it is in both ledgers, so nothing is lost.
                UPDATE twinstream.sync_events AS e SET status = 'failed', error_message = $3
                FROM found WHERE e.id = found.id AND e.status <> 'completed'
            )
            SELECT count(*) FROM found
            """,
            source,
            _storable(payload.decode("utf-8", "backslashreplace")),
            _storable(error_message),
            claimed_key,
        )
    return found > 0


def _first_of_each_key(new: Iterable[Entry]) -> dict[str, Entry]:
    first: dict[str, Entry] = {}
    for entry in new:
        first.setdefault(entry.row.idempotency_key, entry)
    return first


def _refuse_difference(known: LedgerRow, row: LedgerRow) -> None:
    if differences := known.differences(row):
        raise IdempotencyConflict(row.idempotency_key, differences)


async def _append(
    conn: asyncpg.Connection,
    recorded: Sequence[Recorded],
    first: dict[str, Entry],
    status: str,
) -> None:
    """Append events whose rows just entered the ledger of their origin.

    A row that is there already may have been buried before any producer recorded the event; it
    becomes this event's row. Any other row means that the opposite platform records an event with
    this key at this moment.
    """
    appended = await conn.fetch(
        """
        INSERT INTO twinstream.sync_events
            AS e
            (idempotency_key, source, type, account_id, payload, status, published_at)
        SELECT key, source, type, account_id, payload, $6::text,
            CASE WHEN $6::text = 'pending' THEN NULL ELSE now() END
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[])
            AS u (key, source, type, account_id, payload)
        ON CONFLICT ON CONSTRAINT sync_event_once DO UPDATE SET
            source = excluded.source, type = excluded.type, account_id = excluded.account_id,
            payload = excluded.payload, status = excluded.status,
            published_at = excluded.published_at, created_at = excluded.created_at,
            error_message = NULL
        WHERE e.status = 'failed'
        RETURNING idempotency_key
        """,
        [one.idempotency_key for one in recorded],
        [one.source for one in recorded],
        [first[one.idempotency_key].row.type for one in recorded],
        [first[one.idempotency_key].row.account_id for one in recorded],
        [one.payload.decode() for one in recorded],
        status,
    )
    for taken in {one.idempotency_key for one in recorded} - {key for (key,) in appended}:
        raise IdempotencyConflict(taken, "source is now the opposite platform")


def _evidence(payload: bytes) -> str:
    """Keep a payload readable and within bounds: a sender may put anything on a stream. Pure."""
    kept = payload[:PAYLOAD_KEPT_BYTES_MAX].decode("utf-8", "backslashreplace")
    if len(payload) > PAYLOAD_KEPT_BYTES_MAX:
        kept += f"... ({len(payload)} bytes in all)"
    return _storable(kept)


def _storable(text: str) -> str:
    """Escape NUL and lone surrogates, which Postgres text cannot hold. Pure."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
