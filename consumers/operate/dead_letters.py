"""`python -m consumers dead ...`: lists buried events, and sends them again.

Sending again cannot double an effect: an event that took effect before takes none now. It cannot
move an event either: a payload goes back to the stream that it came from, even if it names the
other platform.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import asyncpg

import schemas
from bus import Publisher
from config import ConfigError
from config.outside_text import visible
from config.outside_text.terminal import Terminal, whole_table
from consumers.runtime.operator_commands import command
from consumers.runtime.transactions import transaction
from consumers.settling import bonuses
from db import IdempotencyConflict, RuleBroken
from db.ledger import dead_letters, event_life, events
from db.ledger.dead_letters import (
    DeadEvent,
    count_dead,
    find_dead,
    forget_entry,
    is_reserved,
    send_again,
)
from db.ledger.envelopes import Envelope

#: Buried events that one transaction reads and makes pending.
REPLAY_STEP = 500

#: Records a bonus; returns why not, if it cannot be.
GiveBonus = Callable[[schemas.Event], Awaitable[str | None]]


class Replayed(NamedTuple):
    """The result of a replay, real or dry: ids sent again, and refused ids with the reason."""

    sent: tuple[int, ...]
    refused: dict[int, str]


async def show_list(pool: asyncpg.Pool, console: Terminal, *, reason: str, limit: int) -> None:
    """Print the buried events, oldest first."""
    async with transaction(pool) as conn:
        total = await count_dead(conn, reason=reason)
        found = await find_dead(conn, reason=reason, limit=limit)
    table = whole_table("id", "since", "source", "type", "idempotency key", "reason")
    for one in found:
        since = one.created_at.strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(
            str(one.id),
            since,
            one.source,
            visible(one.type),
            visible(one.idempotency_key),
            visible(one.error_message),
        )
    if found:
        console.print(table)
    console.print(f"{total} buried" + (f", the first {limit} are shown" if total > limit else ""))


async def discard(pool: asyncpg.Pool, console: Terminal, ids: Sequence[int]) -> None:
    """Delete entries that were never events of ours; name the others, and keep them."""
    async with transaction(pool) as conn:
        gone = await dead_letters.discard(conn, ids)
    for dead_id in sorted(set(ids) - set(gone)):
        console.print(
            f"{dead_id} stays: it is not buried, or it was recorded where it happened and has to be"
            f" sent again ({command('dead', 'replay', str(dead_id))})"
        )
    console.print(f"{len(gone)} discarded")


async def show_one(pool: asyncpg.Pool, console: Terminal, dead_id: int) -> None:
    """Print everything that is known of one buried event.

    Raises:
        ConfigError: nothing is buried under this id.
    """
    async with transaction(pool) as conn:
        found = await find_dead(conn, ids=[dead_id], limit=1)
        life = [await event_life.read(conn, one.idempotency_key) for one in found]
    if not found:
        raise ConfigError(
            f"nothing is buried under id {dead_id}; {command('dead', 'list')} shows what is"
        )
    [one] = found
    for name in ("id", "idempotency_key", "source", "type", "created_at", "error_message"):
        console.print(f"{name:16} {visible(str(getattr(one, name)))}", soft_wrap=True)
    for entry in life[0].entries:
        if entry.display_name is not None:
            account = f"{entry.account_id} {visible(entry.display_name)}"
            console.print(f"{'account':16} {account}", soft_wrap=True)
    console.print(
        f"{'payload':16} {visible(one.payload.decode(errors='backslashreplace'))}", soft_wrap=True
    )


async def replay(
    pool: asyncpg.Pool,
    publisher: Publisher,
    *,
    ids: Sequence[int] | None,
    reason: str = "",
    dry_run: bool = False,
    give_bonus: GiveBonus | None = None,
    admit: bool = False,
    forget_secret: str | None = None,
) -> Replayed:
    """Send buried events again: those with these ids, or all whose reason contains `reason`.

    A recorded event becomes pending, and the relay publishes it. `give_bonus` records a bonus that
    was refused when it was to be recorded. Any other event that exists only as a payload is added
    again to the stream that it came from. A payload that still is no event stays buried, and so
    does a forged one: an event that says it happened on the other platform.

    A key that is reserved for twinstream itself is refused from a stream. With `admit`, such an
    event is recorded as it is: the operator has looked at it, for instance after a restored backup
    that is older than the stream.
    """
    sender = _Sender(pool, publisher, give_bonus, admit, forget_secret)
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
            why = await sender.send_again(one, dry_run=dry_run)
            if why is None:
                sent.append(one.id)
            else:
                refused[one.id] = why


class _Sender(NamedTuple):
    """Sends events again that exist only as their payload."""

    pool: asyncpg.Pool
    publisher: Publisher
    give_bonus: GiveBonus | None
    admit: bool
    forget_secret: str | None

    async def send_again(self, one: DeadEvent, *, dry_run: bool) -> str | None:
        """Publish or record one event. Returns why not, if not."""
        why_not = _why_not(one)
        if why_not is not None:
            return why_not
        event = schemas.decode(one.payload)
        # A bonus of twinstream.toml is recorded without the operator's word, if it is due.
        is_bonus = event.reason == bonuses.REASON and self.give_bonus is not None
        if await self._is_reserved(event) and (self.admit or not is_bonus):
            why_not = await self._admit(event, one, dry_run=dry_run)
        elif dry_run:
            return None
        elif is_bonus and self.give_bonus is not None:
            why_not = await self.give_bonus(event)
        else:
            await self.publisher.publish(one.source, [one.payload])
        if why_not is None and not dry_run:
            async with transaction(self.pool) as conn:
                await forget_entry(conn, one.id)
        return why_not

    async def _is_reserved(self, event: schemas.Event) -> bool:
        async with transaction(self.pool) as conn:
            return await is_reserved(conn, event.idempotency_key)

    async def _admit(self, event: schemas.Event, one: DeadEvent, *, dry_run: bool) -> str | None:
        if not self.admit:
            return (
                f"its key is reserved for twinstream itself: look at it"
                f" ({command('dead', 'show', str(one.id))}), and if it is true,"
                f" {command('dead', 'replay', str(one.id), '--admit')}"
            )
        if dry_run:
            return None
        try:
            async with transaction(self.pool) as conn:
                await events.record_ours(
                    *(conn, one.source, [Envelope(event, one.payload)]),
                    is_left_to_relay=True,
                    forget_secret=self.forget_secret,
                )
        except (IdempotencyConflict, RuleBroken) as error:
            return str(error)
        return None


def is_unusable(one: DeadEvent) -> bool:
    """Tell whether no release can send it again: it is no event, or it is forged. Pure."""
    if one.is_recorded:
        return False
    try:
        event = schemas.decode(one.payload)
    except schemas.MalformedEvent:
        return True
    except schemas.SchemaError:
        return False  # a newer release may read it
    return event.source != one.source


def _why_not(one: DeadEvent) -> str | None:
    """Say why this payload cannot be sent again, if it cannot. Pure."""
    try:
        event = schemas.decode(one.payload)
    except schemas.SchemaError as error:
        return (
            f"it still is no event: {error}; if it never can be one,"
            f" {command('dead', 'discard', str(one.id))}"
        )
    if event.source != one.source:
        return (
            f"it says source {event.source}, but it came on the stream of {one.source}: it is"
            " forged, or was written to the wrong stream. If it is true, have the bot that it"
            f" belongs to record it; else {command('dead', 'discard', str(one.id))}"
        )
    return None
