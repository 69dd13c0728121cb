"""`python -m consumers dead ...`: lists buried events, and sends them again.

Sending again cannot double an effect: an event that took effect before takes none now. It cannot
move an event either: a payload goes back to the stream that it came from, even if it names the
other platform.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import asyncpg
from rich.console import Console
from rich.table import Table

import schemas
from bus import Publisher
from config import ConfigError
from consumers.runtime.transactions import transaction
from consumers.settling import bonuses
from db.ledger import dead_letters
from db.ledger.dead_letters import DeadEvent, count_dead, find_dead, forget_entry, send_again

#: Buried events that one transaction reads and makes pending.
REPLAY_STEP = 500

#: Records a bonus; returns why not, if it cannot be.
GiveBonus = Callable[[schemas.Event], Awaitable[str | None]]


class Replayed(NamedTuple):
    """The result of a replay, real or dry: ids sent again, and refused ids with the reason."""

    sent: tuple[int, ...]
    refused: dict[int, str]


async def show_list(pool: asyncpg.Pool, console: Console, *, reason: str, limit: int) -> None:
    """Print the buried events, oldest first."""
    async with transaction(pool) as conn:
        total = await count_dead(conn, reason=reason)
        found = await find_dead(conn, reason=reason, limit=limit)
    table = Table("id", "since", "source", "type", "idempotency key", "reason")
    for one in found:
        since = one.created_at.strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(
            str(one.id), since, one.source, one.type, one.idempotency_key, one.error_message
        )
    if found:
        console.print(table)
    console.print(f"{total} buried" + (f", the first {limit} are shown" if total > limit else ""))


async def discard(pool: asyncpg.Pool, console: Console, ids: Sequence[int]) -> None:
    """Delete entries that were never events of ours; name the others, and keep them."""
    async with transaction(pool) as conn:
        gone = await dead_letters.discard(conn, ids)
    for dead_id in sorted(set(ids) - set(gone)):
        console.print(
            f"{dead_id} stays: it is not buried, or it was recorded where it happened and has to be"
            " sent again (`dead replay`)"
        )
    console.print(f"{len(gone)} discarded")


async def show_one(pool: asyncpg.Pool, console: Console, dead_id: int) -> None:
    """Print everything that is known of one buried event.

    Raises:
        ConfigError: nothing is buried under this id.
    """
    async with transaction(pool) as conn:
        found = await find_dead(conn, ids=[dead_id], limit=1)
    if not found:
        raise ConfigError(f"nothing is buried under id {dead_id}; `dead list` shows what is")
    [one] = found
    for name in ("id", "idempotency_key", "source", "type", "created_at", "error_message"):
        console.print(f"{name:16} {getattr(one, name)}", soft_wrap=True)
    console.print(f"{'payload':16} {one.payload.decode()}", soft_wrap=True)


async def replay(
    pool: asyncpg.Pool,
    publisher: Publisher,
    *,
    ids: Sequence[int] | None,
    reason: str = "",
    dry_run: bool = False,
    give_bonus: GiveBonus | None = None,
) -> Replayed:
    """Send buried events again: those with these ids, or all whose reason contains `reason`.

    A recorded event becomes pending, and the relay publishes it. `give_bonus` records a bonus that
    was refused when it was to be recorded. Any other event that exists only as a payload is added
    again to the stream that it came from. A payload that still is no event stays buried, and so
    does a forged one: an event that says it happened on the other platform.
    """
    sent: list[int] = []
    refused: dict[int, str] = {}
    after = 0
    while True:
        async with transaction(pool) as conn:
            found = await find_dead(conn, ids=ids, reason=reason, after=after, limit=REPLAY_STEP)
            if not found:
                return Replayed(tuple(sent), refused)
            after = found[-1].id
            recorded = [one.id for one in found if one.is_recorded]
            sent += recorded if dry_run else await send_again(conn, recorded)
        for one in found:
            if one.is_recorded:
                continue
            why = await _send_again(pool, publisher, one, dry_run=dry_run, give_bonus=give_bonus)
            if why is None:
                sent.append(one.id)
            else:
                refused[one.id] = why


async def _send_again(
    pool: asyncpg.Pool,
    publisher: Publisher,
    one: DeadEvent,
    *,
    dry_run: bool,
    give_bonus: GiveBonus | None,
) -> str | None:
    """Add a payload to its stream again, or record a bonus. Returns why not, if not."""
    why_not = _why_not(one)
    if why_not is not None or dry_run:
        return why_not
    event = schemas.decode(one.payload)
    if give_bonus is not None and event.reason == bonuses.REASON:
        why_not = await give_bonus(event)
        if why_not is not None:
            return why_not
    else:
        await publisher.publish(one.source, [one.payload])
    async with transaction(pool) as conn:
        await forget_entry(conn, one.id)
    return None


def _why_not(one: DeadEvent) -> str | None:
    """Say why this payload cannot be sent again, if it cannot. Pure."""
    try:
        event = schemas.decode(one.payload)
    except schemas.SchemaError as error:
        return f"it still is no event: {error}"
    if event.source != one.source:
        return (
            f"it says source {event.source}, but it came on the stream of {one.source}: it is"
            " forged, or was written to the wrong stream. If it is true, have the bot that it"
            f" belongs to record it; else `dead discard {one.id}`"
        )
    return None
