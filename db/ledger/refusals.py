"""Refusals: which events of a batch the record would refuse, and why.

`settle` enters a batch as a whole, so it says of one event at most why it refuses it. Here each
event is judged by itself, in a few statements for the whole batch, so refused events cost about
what good ones do.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import asyncpg

from ..errors import IdempotencyConflict, RuleBroken, insufficient, mapped_errors
from ..members import forgetting
from ..platforms import Platform
from . import entries
from .entries import LedgerRow
from .envelopes import Envelope
from .events import conflict, conflict_error

#: Why an event is refused, for ever.
Refused = RuleBroken | IdempotencyConflict


class _Totals(NamedTuple):
    """The settled totals of the member behind an account."""

    member: object
    xp: int
    balance: int


class Known(NamedTuple):
    """The facts of the record about the events of a batch."""

    rows: Mapping[str, LedgerRow]
    """The rows of the origin's ledger, by key."""
    faults: Mapping[str, RuleBroken]
    """New keys that the record refuses by themselves, such as reserved ones."""
    keys_elsewhere: Collection[str]
    """Keys that belong to events of the other platform."""
    totals: Mapping[int, _Totals]
    """The totals by account. An account that is not here was never seen, and has nothing."""


async def find_refused(
    conn: asyncpg.Connection,
    source: Platform,
    envelopes: Sequence[Envelope],
    *,
    forget_secret: str | None = None,
) -> dict[int, Refused]:
    """Say which of these events from the stream of `source` would be refused, by their index.

    The others can be settled together, unless other transactions change the totals meanwhile. A
    refusal for a reason that is not among those of `judge` is not found. Events of accounts that
    were forgotten since change nothing, and are not refused.

    Raises:
        RuleBroken: an event cannot even be read by Postgres.
        Contention, StorageUnavailable: ask again later.
    """
    rows = [envelope.as_row() for envelope in envelopes]
    keys = {row.idempotency_key for row in rows}
    with mapped_errors():
        found = await entries.lock_rows(conn, source, keys)
        known = Known(
            rows={key: one.row for key, one in found.items()},
            faults=await _faults(
                conn, [one for one in envelopes if one.event.idempotency_key not in found]
            ),
            keys_elsewhere=await _keys_elsewhere(conn, source, keys),
            totals=await _totals(conn, source, {row.account_id for row in rows}),
        )
        old = await _forgotten(conn, envelopes, forget_secret)
    places = [number for number in range(len(rows)) if number not in old]
    refused = judge([rows[place] for place in places], known)
    return {places[number]: error for number, error in refused.items()}


def judge(rows: Sequence[LedgerRow], known: Known) -> dict[int, Refused]:
    """Say which of these events are refused, by their index. Pure.

    An event is refused if its key belongs to an event with different content, is not its own, or is
    reserved; or if the member's totals do not cover what it takes away. Credits count before
    debits, because events commute, and each debit that is covered counts before the next one.
    """
    taken = dict(known.rows)
    left: dict[object, tuple[int, int]] = {}
    refused: dict[int, Refused] = {}
    debits_last = sorted(range(len(rows)), key=lambda n: min(rows[n][4:6]) < 0)
    for number in debits_last:
        row = rows[number]
        error = _refusal_of_key(row, taken.get(row.idempotency_key), known)
        if error is None and row.idempotency_key not in taken:
            of = known.totals.get(row.account_id) or _Totals((row.account_id,), 0, 0)
            xp, balance = left.get(of.member, of[1:])
            xp, balance = xp + row.delta_xp, balance + row.delta_balance
            if min(row.delta_xp, row.delta_balance) < 0 and min(xp, balance) < 0:
                rule = "member_xp_not_negative" if xp < 0 else "member_balance_not_negative"
                error = insufficient(rule, (row.account_id,))
            else:
                left[of.member] = xp, balance
                taken[row.idempotency_key] = row
        if error is not None:
            refused[number] = error
    return refused


def _refusal_of_key(row: LedgerRow, first: LedgerRow | None, known: Known) -> Refused | None:
    """Say why an event may not have its key; `first` is the event that has it already. Pure."""
    key = row.idempotency_key
    if first is not None:
        return conflict(first, row)
    if key in known.keys_elsewhere:
        other = "discord" if row.source == "telegram" else "telegram"
        return conflict_error(key, f"source {other!r} is now {row.source!r}")
    return known.faults.get(key)


async def _faults(conn: asyncpg.Connection, envelopes: Sequence[Envelope]) -> dict[str, RuleBroken]:
    """Ask which keys are refused by themselves. Of events with one key, the first fault counts."""
    rows = await conn.fetch(
        """
        SELECT e.idempotency_key, f.rule, f.why
        FROM unnest(twinstream.read_events($1)) AS e CROSS JOIN LATERAL twinstream.key_fault(e) AS f
        """,
        [envelope.payload.decode() for envelope in envelopes],
    )
    return {row["idempotency_key"]: RuleBroken(row["rule"], row["why"]) for row in reversed(rows)}


async def _forgotten(
    conn: asyncpg.Connection, envelopes: Sequence[Envelope], secret: str | None
) -> set[int]:
    """Ask which events count no more, by their index."""
    if secret is None:
        return set()
    payloads = [envelope.payload for envelope in envelopes]
    return set(await forgetting.find_forgotten(conn, payloads, secret=secret))


async def _keys_elsewhere(
    conn: asyncpg.Connection, source: Platform, keys: Collection[str]
) -> set[str]:
    """Ask which keys are events of the other platform. A buried one gives its key away."""
    rows = await conn.fetch(
        """
        SELECT idempotency_key FROM twinstream.sync_events
        WHERE idempotency_key = ANY ($1::text[]) AND source <> $2 AND status <> 'failed'
        """,
        list(keys),
        source,
    )
    return {row["idempotency_key"] for row in rows}


async def _totals(
    conn: asyncpg.Connection, source: Platform, account_ids: Collection[int]
) -> dict[int, _Totals]:
    rows = await conn.fetch(
        """
        SELECT a.account_id, m.id, m.xp, m.balance
        FROM twinstream.accounts AS a JOIN twinstream.members AS m ON m.id = a.member_id
        WHERE a.platform = $1 AND a.account_id = ANY ($2::bigint[])
        """,
        source,
        list(account_ids),
    )
    return {row["account_id"]: _Totals(*row[1:]) for row in rows}
