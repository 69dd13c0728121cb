"""Settling events: from the stream of one platform into the books of the other.

The life of an entry here:
1. This consumer reads it, or claims it from a consumer that died with it.
2. It is decoded. An entry that does not decode will be buried with the reason.
3. An entry that was delivered often is taken out of the batch and settled alone, a few times at
   most. The rest is entered in one transaction. If Postgres refuses it, each event is judged by
   itself (`refusals`), and those that nothing is wrong with are entered in the next transaction. A
   debit of more than the member has waits until every earlier entry is settled, because another
   consumer may be settling the credit that covers it. An entry whose member another transaction
   holds waits, and the others go on. Refused events are buried last, all in one transaction: a
   batch of refused events costs about what a batch of good ones does.
4. After the commit it is acknowledged. After a crash in between it is delivered again, and step 3
   finds every row already there.

While Postgres or Redis is away, entries that were read stay in hand, and the next step goes on
with them. While the step works on them it renews them, so that no other consumer claims them.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog

import schemas
from bus import BusError, Entry, GroupMissing, GroupPosition
from consumers.runtime import metrics
from consumers.runtime.resources import Resources
from consumers.runtime.runner import Deferred, unless_stopped
from consumers.runtime.transactions import transaction
from db import (
    Contention,
    DbError,
    IdempotencyConflict,
    InsufficientFunds,
    Platform,
    RuleBroken,
)
from db.errors import Locked, mapped_errors
from db.ledger import events, refusals
from db.ledger.envelopes import Envelope

from .bonuses import Bonuses
from .burials import BURIED_AT_ONCE, Burials
from .entry_decoding import Delivery, Refusal, key_of, refusal_of, sort_out
from .entry_renewal import renewed
from .held_members import HeldMembers
from .poison import count_attempt, exhausted, forget_attempts, is_suspect

log = structlog.get_logger("twinstream.settling")

#: Entries in hand are renewed this many times per `claim_idle_ms`, so that three renewals may be
#: late or lost before another consumer claims them.
RENEWALS_PER_CLAIM: Final = 4
MEMBER_HELD: Final = (
    "another program's transaction holds their members: end it; pg_locks and pg_stat_activity show"
    " which one it is"
)
TOO_EARLY: Final = (
    "an event takes away more than the member has, and an earlier entry is still in progress"
)


class _Refused(NamedTuple):
    """An event that Postgres refuses, and why."""

    delivery: Delivery
    error: refusals.Refused

    @property
    def is_overdraft(self) -> bool:
        """Whether an earlier entry may still bring what the event takes away."""
        return isinstance(self.error, InsufficientFunds)

    def refusal(self) -> Refusal:
        return refusal_of(self.delivery, self.error)


class _Lost(NamedTuple):
    """An entry that Redis lost with its stream, but whose debit still waits for earlier entries."""

    delivery: Delivery
    #: The time of the event loop at which it is judged, covered or not.
    due_s: float


@dataclass(slots=True)
class _Held:
    """An entry that this consumer has read and not finished."""

    entry: Entry
    #: How many consumers attempted this suspect before; None until that is counted.
    earlier_attempts: int | None = None
    #: Its debit was refused once, while an earlier entry was still in progress.
    was_early: bool = False
    #: Set once the entry is on no stream any more. Such an entry holds up no other.
    lost: _Lost | None = None


class Settling:
    """The role that settles what happened on `source` on the opposite platform."""

    pause_s = 0.0

    def __init__(self, source: Platform, resources: Resources) -> None:
        self.source = source
        self.platform = schemas.opposite(source)
        self._pool = resources.pool
        self._store = resources.stores.get(self.platform)
        self._reader = resources.reader(source)
        self._burials = Burials(source, self._reader.group, resources)
        self._bonuses = Bonuses(self.platform, resources)
        self._mend = resources.mend
        self._forget_secret = resources.settings.forget_secret
        self._stop = resources.stop
        self._limits = resources.community.consumers
        self._members = HeldMembers()
        #: The entries that were read and are not finished, by id, in the order of the stream.
        self._held: dict[str, _Held] = {}

    async def close(self) -> None:
        """Judge the entries that Redis lost, which no other consumer has."""
        self._members.forget()
        why = MEMBER_HELD
        try:
            await self._settle_lost(until_s=math.inf)
        except (DbError, BusError) as error:
            why = str(error)
        if abandoned := self._lost():
            log.error("entries.abandoned", source=self.source, entries=len(abandoned), why=why)

    def describe(self) -> Mapping[str, object]:
        """Name the stream, the group and the limits."""
        return {
            "stream": self._reader.stream,
            "group": self._reader.group,
            "consumer": self._reader.consumer,
            "batch": self._limits.batch_entries_max,
            "block_ms": self._limits.block_ms,
            "claim_idle_ms": self._limits.claim_idle_ms,
            "retention_s": self._limits.keep_finished_ms / 1_000,
        }

    async def step(self) -> int:
        """Settle one batch. Returns how many entries were in it.

        Raises:
            Deferred: a debit waits for an earlier entry that another consumer has.
        """
        was_in_hand = bool(self._in_hand())
        try:
            if not was_in_hand:
                await self.read()
            taken = len(self._in_hand())
            every_s = self._limits.claim_idle_ms / 1_000 / RENEWALS_PER_CLAIM
            async with renewed(
                self._reader, self._ids_in_hand, every_s=every_s, at_once=was_in_hand
            ):
                with metrics.BATCH_SECONDS.labels(self.source).time():
                    await self._settle_all()
        except GroupMissing:
            # The entries stay in hand: an event that another program sent is nowhere else now.
            await self._mend(self.source)
            return 0
        return taken

    async def read(self) -> None:
        """Take the next entries in hand, waiting for some up to `block_ms`; `step` settles them."""
        ghosts = self._reader.ghosts
        entries = await unless_stopped(self._stop, self._reader.read()) or []
        self._held |= {entry.id: _Held(entry) for entry in entries}
        if deleted := self._reader.ghosts - ghosts:
            metrics.DELETED.labels(self.source).inc(deleted)
            log.warning("entries.deleted", stream=self._reader.stream, entries=deleted)

    def _in_hand(self) -> list[_Held]:
        return [held for held in self._held.values() if held.lost is None]

    def _ids_in_hand(self) -> list[str]:
        return [held.entry.id for held in self._in_hand()]

    def _lost(self) -> list[_Lost]:
        return [held.lost for held in self._held.values() if held.lost is not None]

    async def _settle_all(self) -> None:
        in_hand = self._in_hand()
        self._members.begin_step()
        await self._settle_or_bury([held.entry for held in in_hand if not is_suspect(held.entry)])
        for held in in_hand:
            if is_suspect(held.entry):
                await self._settle_suspect(held)
        await self._settle_lost(until_s=asyncio.get_running_loop().time())
        if self._in_hand():
            raise Deferred(TOO_EARLY)

    async def _settle_or_bury(self, entries: Sequence[Entry]) -> None:
        """Settle what can be settled, then bury what cannot: so good entries never wait for it."""
        deliveries, unreadable = sort_out(entries, self.source)
        refused = []
        if deliveries:
            await self._bonuses.give((one.envelope for one in deliveries), self._members)
            refused = await self._settle(deliveries)
        hopeless = [one.refusal() for one in refused if not one.is_overdraft]
        await self._bury([*unreadable, *hopeless])
        await self._settle_after_earlier_entries(
            [one.delivery for one in refused if one.is_overdraft]
        )

    async def _settle_suspect(self, held: _Held) -> None:
        """Settle a poison-pill suspect, unless it exhausted its attempts."""
        suspect = held.entry
        if held.earlier_attempts is None:
            held.earlier_attempts = await count_attempt(self._pool, suspect)
        why_not = exhausted(suspect, held.earlier_attempts)
        if why_not is None:
            await self._settle_or_bury([suspect])
        else:
            await self._bury([Refusal(suspect, why_not, key_of(suspect), unread=True)])

    async def _settle(self, deliveries: Sequence[Delivery]) -> list[_Refused]:
        """Settle events, but for those that Postgres refuses. Returns these, in order.

        Events of members whom another transaction holds are left.
        """
        deliveries, held = self._members.split(deliveries)
        await self._leave(held)
        if not deliveries:
            return []
        try:
            await self._enter(deliveries)
        except (RuleBroken, IdempotencyConflict) as error:
            if len(deliveries) == 1:
                return [_Refused(deliveries[0], error)]
        except Locked:
            if self._members.are_too_many:
                raise
            return await self._settle_without_held(deliveries)
        else:
            return []
        found = await self._find_refused(deliveries)
        refused = [_Refused(deliveries[number], found[number]) for number in sorted(found)]
        rest = [one for number, one in enumerate(deliveries) if number not in found]
        if refused:
            return refused + (await self._settle(rest) if rest else [])
        # No event by itself is refused for any reason that is known, so halves show which one is.
        return await self._settle_halves(rest)

    async def _settle_without_held(self, deliveries: Sequence[Delivery]) -> list[_Refused]:
        """Settle events, but for those of a member whom another transaction holds."""
        self._members.note_any()
        if len(deliveries) > 1:
            return await self._settle_halves(deliveries)
        self._members.note(deliveries[0].envelope.event.user_id)
        await self._leave(deliveries)
        return []

    async def _settle_halves(self, deliveries: Sequence[Delivery]) -> list[_Refused]:
        middle = len(deliveries) // 2
        return await self._settle(deliveries[:middle]) + await self._settle(deliveries[middle:])

    async def _enter(self, deliveries: Sequence[Delivery]) -> None:
        """Enter events into the books in one transaction, and acknowledge them."""
        envelopes = [delivery.envelope for delivery in deliveries]
        entered = await self._enter_at_once(deliveries)
        if entered is None:
            async with transaction(self._pool, lock_wait_ms=self._members.lock_wait_ms) as conn:
                entered = await events.settle(
                    *(conn, self.platform, self.source, envelopes),
                    store=self._store,
                    forget_secret=self._forget_secret,
                )
                await forget_attempts(conn, [delivery.entry for delivery in deliveries])
        ids = [delivery.entry.id for delivery in deliveries]
        await self._reader.acknowledge(ids)
        self._let_go(ids)
        metrics.SETTLED.labels(self.source).inc(len(ids))
        metrics.ENTERED.labels(self.source).inc(len(entered))
        metrics.XP_EARNED.labels(self.source).inc(_earned(envelopes, entered))
        log.debug(
            "batch.settled",
            platform=self.platform,
            entries=len(envelopes),
            entered=len(entered),
            keys=[one.event.idempotency_key for one in envelopes],
        )

    async def _enter_at_once(self, deliveries: Sequence[Delivery]) -> frozenset[str] | None:
        """Enter events by one statement that commits by itself, which saves five round trips.

        Returns None, and changes nothing, if more has to be in their transaction.
        """
        if self._store is not None or any(is_suspect(delivery.entry) for delivery in deliveries):
            return None
        try:
            with mapped_errors():
                async with self._pool.acquire() as conn:
                    return await events.settle_recorded(
                        *(conn, self.platform, self.source),
                        [delivery.envelope for delivery in deliveries],
                        lock_wait_ms=self._members.lock_wait_ms,
                    )
        except Locked:
            raise
        except Contention:
            # The statement has the isolation of the login, which may be why.
            return None

    async def _find_refused(self, deliveries: Sequence[Delivery]) -> dict[int, refusals.Refused]:
        envelopes = [delivery.envelope for delivery in deliveries]
        try:
            async with transaction(self._pool, lock_wait_ms=self._members.lock_wait_ms) as conn:
                return await refusals.find_refused(
                    conn, self.source, envelopes, forget_secret=self._forget_secret
                )
        except (RuleBroken, Locked):
            return {}  # Postgres cannot read one of them, or a member is held

    async def _leave(self, deliveries: Sequence[Delivery]) -> None:
        """Let go of entries whose members another transaction holds; they are claimed again later.

        An entry that was lost with its stream stays in hand, because it is nowhere else.
        """
        entries = [one.entry for one in deliveries if self._held[one.entry.id].lost is None]
        if entries:
            await self._release(entries)
            log.warning(
                "entries.deferred", stream=entries[0].stream, entries=len(entries), why=MEMBER_HELD
            )

    async def _settle_after_earlier_entries(self, debits: Sequence[Delivery]) -> None:
        """Settle debits of more than the members have, once no earlier entry is in progress.

        While another consumer works on an earlier entry, that takes a moment: the debit stays in
        hand, and the next step retries it. An earlier entry of a dead consumer has to be claimed,
        and a consumer that waits claims nothing. So at the second refusal this consumer lets go of
        the debit, and claims it again after the entry that came before it.

        Of an entry that was lost with its stream, Redis no longer knows what came before; only
        the consumers that have those entries in hand do. The debit waits `claim_idle_ms` for them,
        the time after which a consumer is taken for dead.
        """
        positions = await self._reader.positions([debit.entry.id for debit in debits])
        due, given_up = [], []
        for debit in debits:
            entry = debit.entry
            held = self._held[entry.id]
            match positions[entry.id]:
                case GroupPosition.NEXT:
                    due.append(debit)
                case GroupPosition.COMING:
                    self._let_go([entry.id])
                case GroupPosition.BEHIND if not held.was_early:
                    held.was_early = True
                case GroupPosition.BEHIND:
                    given_up.append(entry)
                case GroupPosition.GONE:
                    due_s = asyncio.get_running_loop().time() + self._limits.claim_idle_ms / 1_000
                    self._held[entry.id] = _Held(entry, lost=_Lost(debit, due_s))
        await self._settle_now(due)
        await self._give_up(given_up)

    async def _settle_now(self, deliveries: Sequence[Delivery]) -> None:
        """Settle events that wait for nothing any more, and bury those that are refused."""
        if deliveries:
            refused = await self._settle(deliveries)
            await self._bury([one.refusal() for one in refused])

    async def _give_up(self, entries: Sequence[Entry]) -> None:
        """Let go of debits that wait for another consumer; a consumer claims them again."""
        if entries:
            await self._release(entries)
            for entry in entries:
                log.info("entry.deferred", stream=entry.stream, entry_id=entry.id)

    async def _release(self, entries: Sequence[Entry]) -> None:
        # Their deliveries add up because they wait, not because consumers died of them.
        async with transaction(self._pool) as conn:
            await forget_attempts(conn, entries)
        self._let_go(entry.id for entry in entries)

    async def _settle_lost(self, *, until_s: float) -> None:
        await self._settle_now([lost.delivery for lost in self._lost() if lost.due_s <= until_s])

    async def _bury(self, refused: Sequence[Refusal]) -> None:
        for first in range(0, len(refused), BURIED_AT_ONCE):
            page = refused[first : first + BURIED_AT_ONCE]
            await self._burials.bury(page)
            self._let_go(refusal.entry.id for refusal in page)

    def _let_go(self, ids: Iterable[str]) -> None:
        for entry_id in ids:
            self._held.pop(entry_id, None)


def _earned(envelopes: Iterable[Envelope], keys: Collection[str]) -> int:
    """Add up the XP that events with these keys gave; a key counts once."""
    gains = {
        one.event.idempotency_key: max(one.event.delta_xp, 0)
        for one in envelopes
        if isinstance(one.event, schemas.XpChanged) and one.event.idempotency_key in keys
    }
    return sum(gains.values())


@contextlib.asynccontextmanager
async def open_role(resources: Resources, *, source: Platform) -> AsyncIterator[Settling]:
    """Open the role that settles what happened on `source`: `to-discord`, `to-telegram`."""
    role = Settling(source, resources)
    try:
        yield role
    finally:
        await role.close()
