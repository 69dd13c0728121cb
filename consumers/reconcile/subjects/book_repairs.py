"""The repairs of the books: one small function per kind of field.

Each is called in the transaction of the decision, with the member locked and the difference seen
once more under the lock.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

import asyncpg

import schemas
from consumers.reconcile.port import Repair
from db import Platform, RuleBroken
from db.ledger.entries import LedgerRow
from db.reconcile import corrections
from db.reconcile.compared_fields import FieldKind
from db.reconcile.comparison_queries import BooksView
from db.reconcile.drift import Difference, Finding

from .manual_changes import record_as_event

#: The value of an achievement that a member has.
HELD: Final = "held"

GONE: Final = Repair("gone", "Under lock it was not there any more.")
CORRECTED: Final = Repair("repaired", "The books were corrected to what the ledger adds up to.")
NOT_KNOWN: Final = Repair(
    "left", "This release of twinstream does not know the field, so it is left as it is."
)


class Broken(NamedTuple):
    """A member's books, and the difference that is to be repaired."""

    finding: Finding
    books: BooksView
    are_the_truth: bool
    """Whether a change by hand in these books is a statement, which becomes an event."""

    @property
    def what(self) -> Difference:
        """The difference."""
        return self.finding.difference

    @property
    def platform(self) -> Platform:
        """The platform of the books."""
        return self.finding.difference.platform

    @property
    def member_id(self) -> int:
        """The member whose books they are."""
        return self.finding.difference.subject_id


Repairer = Callable[[asyncpg.Connection, Broken], Awaitable[Repair]]


async def _repair_row(conn: asyncpg.Connection, broken: Broken) -> Repair:
    """Make a deleted row again, from the ledger."""
    await corrections.add_to_books(
        conn,
        broken.platform,
        broken.member_id,
        xp=broken.books.expected_xp,
        balance=broken.books.expected_balance,
    )
    return await _repair_discord_part(
        conn,
        broken,
        xp=broken.books.expected_discord_xp,
        balance=broken.books.expected_discord_balance,
    )


async def _repair_xp(conn: asyncpg.Connection, broken: Broken) -> Repair:
    return await _repair_amount(conn, broken, xp=-(broken.what.amount or 0))


async def _repair_balance(conn: asyncpg.Connection, broken: Broken) -> Repair:
    return await _repair_amount(conn, broken, balance=-(broken.what.amount or 0))


async def _repair_amount(
    conn: asyncpg.Connection, broken: Broken, *, xp: int = 0, balance: int = 0
) -> Repair:
    """Add what the books lack, or record what they have too much as an event."""
    if not broken.are_the_truth or broken.what.account_id is None:
        await corrections.add_to_books(
            conn, broken.platform, broken.member_id, xp=xp, balance=balance
        )
        return CORRECTED
    # Recording an event adds the change to the books, so it is taken out of them before.
    savepoint = conn.transaction()
    await savepoint.start()
    await corrections.add_to_books(conn, broken.platform, broken.member_id, xp=xp, balance=balance)
    repair = await record_as_event(conn, broken.finding)
    if repair.decision == "repaired":
        await savepoint.commit()
    else:
        await savepoint.rollback()
    return repair


async def _repair_discord_xp(conn: asyncpg.Connection, broken: Broken) -> Repair:
    return await _repair_discord_part(conn, broken, xp=-(broken.what.amount or 0))


async def _repair_discord_balance(conn: asyncpg.Connection, broken: Broken) -> Repair:
    return await _repair_discord_part(conn, broken, balance=-(broken.what.amount or 0))


async def _repair_discord_part(
    conn: asyncpg.Connection, broken: Broken, *, xp: int = 0, balance: int = 0
) -> Repair:
    """Correct the part of the Discord account: the ledger alone says which account earned what."""
    await corrections.add_to_discord_part(
        conn, broken.platform, broken.member_id, xp=xp, balance=balance
    )
    return CORRECTED


async def _repair_rank(conn: asyncpg.Connection, broken: Broken) -> Repair:
    await corrections.want_rank(conn, broken.platform, broken.member_id)
    return CORRECTED


async def _repair_total_xp(conn: asyncpg.Connection, broken: Broken) -> Repair:
    return await _repair_total(conn, broken, xp=-(broken.what.amount or 0))


async def _repair_total_balance(conn: asyncpg.Connection, broken: Broken) -> Repair:
    return await _repair_total(conn, broken, balance=-(broken.what.amount or 0))


async def _repair_total(
    conn: asyncpg.Connection, broken: Broken, *, xp: int = 0, balance: int = 0
) -> Repair:
    try:
        async with conn.transaction():
            await corrections.add_to_totals(conn, broken.member_id, xp=xp, balance=balance)
    except RuleBroken as error:
        return Repair("left", f"It cannot be corrected, so it is left as it is: {error}.")
    return CORRECTED


async def _repair_achievement(conn: asyncpg.Connection, broken: Broken) -> Repair:
    """Put a missing achievement back; an additional one becomes an event on Telegram."""
    name = broken.what.field.name
    if broken.what.seen != HELD:
        await corrections.restore_achievement(conn, broken.platform, broken.member_id, name)
        return Repair("repaired", "An achievement is held for ever, so it was put back.")
    if broken.platform == "telegram" and broken.what.account_id is not None:
        return await record_as_event(conn, broken.finding)
    await corrections.remove_achievement(conn, broken.platform, broken.member_id, name)
    return CORRECTED


async def _repair_entry(conn: asyncpg.Connection, broken: Broken) -> Repair:
    """Send an event again that only its origin's ledger has."""
    key = broken.what.field.name
    row = await corrections.origin_row(conn, key)
    if row is None:
        return GONE
    try:
        payload = schemas.encode(event_of(row))
    except schemas.SchemaError as error:
        return Repair("left", f"It cannot be sent again, so it is left as it is: {error}.")
    await corrections.send_again(conn, row, payload)
    return Repair("repaired", "The event is sent again, and takes effect when it arrives.", key)


#: The repair of each kind of field that the books have.
_REPAIRERS: Final[Mapping[FieldKind, Repairer]] = {
    FieldKind.ROW: _repair_row,
    FieldKind.XP: _repair_xp,
    FieldKind.BALANCE: _repair_balance,
    FieldKind.DISCORD_XP: _repair_discord_xp,
    FieldKind.DISCORD_BALANCE: _repair_discord_balance,
    FieldKind.RANK: _repair_rank,
    FieldKind.WANTED_RANK: _repair_rank,
    FieldKind.TOTAL_XP: _repair_total_xp,
    FieldKind.TOTAL_BALANCE: _repair_total_balance,
    FieldKind.ACHIEVEMENT: _repair_achievement,
    FieldKind.ENTRY: _repair_entry,
}


async def repair_books(conn: asyncpg.Connection, broken: Broken) -> Repair:
    """Repair the field that differs; one of another release of twinstream is left as it is."""
    repairer = _REPAIRERS.get(broken.what.field.kind)
    return NOT_KNOWN if repairer is None else await repairer(conn, broken)


def event_of(row: LedgerRow) -> schemas.Event:
    """Rebuild the event of a ledger row, of the type that the row names. Pure.

    Raises:
        UnknownEvent: this function cannot rebuild events of the row's type.
        MalformedEvent: the row has not the effect of its type, or breaks another rule.
    """
    parts: schemas.EventParts = {
        "user_id": row.account_id,
        "source": row.source,
        "reason": row.reason,
        "entity_id": row.entity_id,
        "occurred_at": row.occurred_at,
        "idempotency_key": row.idempotency_key,
    }
    match row.type:
        case "xp.changed":
            return schemas.xp_changed(delta_xp=row.delta_xp, **parts)
        case "balance.changed":
            return schemas.balance_changed(delta_balance=row.delta_balance, **parts)
        case "achievement.unlocked":
            return schemas.achievement_unlocked(achievement=row.achievement or "", **parts)
    raise schemas.UnknownEvent(
        f"type is {row.type!r}, and this release cannot rebuild such an event from its ledger row",
        type=row.type,
    )
