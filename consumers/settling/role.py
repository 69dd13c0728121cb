"""Settling events: from the stream of one platform into the books of the other.

The life of an entry here:
1. This consumer reads it, or claims it from a consumer that died with it.
2. It is decoded. An entry that does not decode is buried with the reason, and the rest goes on.
3. An entry that was delivered often is taken out of the batch and settled alone, a few times at
   most. The rest is entered in one transaction. If Postgres refuses it because of one event, the
   batch is halved until that event is alone, and only that one is buried. A debit of more than
   the member has waits until every earlier entry is settled, because another consumer may be
   settling the credit that covers it.
4. After the commit it is acknowledged. After a crash in between it is delivered again, and step 3
   finds every row already there.

While Postgres or Redis is away, entries that were read stay in hand, and the next step goes on
with them. While the step works on them it renews them, so that no other consumer claims them.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog

import schemas
from bus import BusError, DeadLetters, Entry, GroupMissing, GroupPosition
from consumers.runtime import metrics
from consumers.runtime.resources import Resources
from consumers.runtime.runner import Deferred, unless_stopped
from consumers.runtime.transactions import transaction
from db import DbError, IdempotencyConflict, InsufficientFunds, Platform, RuleBroken
from db.ledger import events

from .bonuses import Bonuses
from .entry_decoding import Delivery, Refusal, evidence, key_of, refusal_of, sort_out
from .entry_renewal import renewed
from .poison import count_attempt, exhausted, forget_attempts, is_suspect

log = structlog.get_logger("twinstream.settling")

#: Entries in hand are renewed this many times per `claim_idle_ms`, so that three renewals may be
#: late or lost before another consumer claims them.
RENEWALS_PER_CLAIM: Final = 4
TOO_EARLY: Final = (
    "an event takes away more than the member has, and an earlier entry is still in progress"
)


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
        self._dead_letters = DeadLetters(resources.redis, resources.keys)
        self._bonuses = Bonuses(self.platform, resources)
        self._rebuild = resources.rebuild
        self._stop = resources.stop
        self._limits = resources.community.consumers
        #: The entries that were read and are not finished, by id, in the order of the stream.
        self._held: dict[str, _Held] = {}

    async def close(self) -> None:
        """Judge the entries that Redis lost, which no other consumer has; then write the marks."""
        try:
            await self._settle_lost(until_s=math.inf)
        except (DbError, BusError) as error:
            log.error(
                "entries.abandoned", source=self.source, entries=len(self._lost()), why=str(error)
            )
        await self._bonuses.close()

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
            await self._rebuild(self.source)
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
        await self._settle_or_bury([held.entry for held in in_hand if not is_suspect(held.entry)])
        for held in in_hand:
            if is_suspect(held.entry):
                await self._settle_suspect(held)
        await self._settle_lost(until_s=asyncio.get_running_loop().time())
        if self._in_hand():
            raise Deferred(TOO_EARLY)

    async def _settle_or_bury(self, entries: Sequence[Entry]) -> None:
        deliveries, refusals = sort_out(entries, self.source)
        for refusal in refusals:
            await self._bury(refusal)
        if deliveries:
            await self._bonuses.give(delivery.envelope for delivery in deliveries)
            await self._settle(deliveries)

    async def _settle_suspect(self, held: _Held) -> None:
        """Settle a poison-pill suspect, unless it exhausted its attempts."""
        suspect = held.entry
        if held.earlier_attempts is None:
            held.earlier_attempts = await count_attempt(self._pool, suspect)
        why_not = exhausted(suspect, held.earlier_attempts)
        if why_not is None:
            await self._settle_or_bury([suspect])
        else:
            await self._bury(Refusal(suspect, why_not, key_of(suspect), unread=True))

    async def _settle(self, deliveries: Sequence[Delivery], *, again: bool = False) -> None:
        envelopes = [delivery.envelope for delivery in deliveries]
        try:
            async with transaction(self._pool) as conn:
                entered = await events.settle(
                    conn, self.platform, self.source, envelopes, store=self._store
                )
                await forget_attempts(conn, [delivery.entry for delivery in deliveries])
        except (RuleBroken, IdempotencyConflict) as error:
            if len(deliveries) == 1:
                if isinstance(error, InsufficientFunds) and not again:
                    await self._settle_after_earlier_entries(deliveries[0])
                else:
                    await self._bury(refusal_of(deliveries[0], error))
                return
            middle = len(deliveries) // 2
            await self._settle(deliveries[:middle])
            await self._settle(deliveries[middle:])
            return
        ids = [delivery.entry.id for delivery in deliveries]
        await self._reader.acknowledge(ids)
        self._let_go(ids)
        metrics.SETTLED.labels(self.source).inc(len(ids))
        metrics.ENTERED.labels(self.source).inc(len(entered))
        log.debug(
            "batch.settled", platform=self.platform, entries=len(envelopes), entered=len(entered)
        )

    async def _settle_after_earlier_entries(self, delivery: Delivery) -> None:
        """Settle a debit of more than the member has, once no earlier entry is in progress.

        While another consumer works on an earlier entry, that takes a moment: the debit stays in
        hand, and the next step retries it. An earlier entry of a dead consumer has to be claimed,
        and a consumer that waits claims nothing. So at the second refusal this consumer lets go of
        the debit, and claims it again after the entry that came before it.

        Of an entry that was lost with its stream, Redis no longer knows what came before; only
        the consumers that have those entries in hand do. The debit waits `claim_idle_ms` for them,
        the time after which a consumer is taken for dead.
        """
        entry = delivery.entry
        held = self._held[entry.id]
        match await self._reader.position(entry.id):
            case GroupPosition.NEXT:
                await self._settle([delivery], again=True)
            case GroupPosition.COMING:
                self._let_go([entry.id])
            case GroupPosition.BEHIND if not held.was_early:
                held.was_early = True
            case GroupPosition.BEHIND:
                # Its deliveries add up because it waits, not because consumers died of it.
                async with transaction(self._pool) as conn:
                    await forget_attempts(conn, [entry])
                self._let_go([entry.id])
                log.info("entry.deferred", stream=entry.stream, entry_id=entry.id)
            case GroupPosition.GONE:
                due_s = asyncio.get_running_loop().time() + self._limits.claim_idle_ms / 1_000
                self._held[entry.id] = _Held(entry, lost=_Lost(delivery, due_s))

    async def _settle_lost(self, *, until_s: float) -> None:
        for lost in self._lost():
            if lost.due_s <= until_s:
                await self._settle([lost.delivery], again=True)

    async def _bury(self, refusal: Refusal) -> None:
        """Record the reason in Postgres first, then move the entry to the dead letters."""
        entry = refusal.entry
        payload = evidence(entry)
        async with transaction(self._pool) as conn:
            known = refusal.unread and await events.fail_unread(
                conn,
                self.source,
                payload=payload,
                error_message=refusal.reason,
                claimed_key=refusal.claimed_key,
            )
            if not known:
                await events.fail(
                    conn,
                    idempotency_key=refusal.idempotency_key,
                    source=self.source,
                    type=refusal.type,
                    payload=payload,
                    error_message=refusal.reason,
                    entry_key=key_of(entry),
                )
            await forget_attempts(conn, [entry])
        burial = await self._dead_letters.bury(
            entry, group=self._reader.group, reason=refusal.reason
        )
        if burial is not None and burial.why_no_copy is not None:
            log.warning("dead_letter.not_copied", entry_id=entry.id, why=burial.why_no_copy)
        self._let_go([entry.id])
        metrics.BURIED.labels(self.source).inc()
        log.error("entry.buried", stream=entry.stream, entry_id=entry.id, reason=refusal.reason)

    def _let_go(self, ids: Iterable[str]) -> None:
        for entry_id in ids:
            self._held.pop(entry_id, None)


@contextlib.asynccontextmanager
async def open_role(resources: Resources, *, source: Platform) -> AsyncIterator[Settling]:
    """Open the role that settles what happened on `source`: `to-discord`, `to-telegram`."""
    role = Settling(source, resources)
    try:
        yield role
    finally:
        await role.close()
