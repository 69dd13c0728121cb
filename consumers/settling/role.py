"""Settling events: from the stream of one platform into the books of the other.

The life of an entry here:
1. It is read, or claimed from a consumer that died with it.
2. It is decoded. What does not decode is buried with the reason, and the rest goes on.
3. One that was delivered often is taken out of the batch and settled alone, a few times at most.
   The rest is entered in one transaction. If Postgres refuses it because of one event, the batch
   is halved until that event is alone, and only that one is buried. One that takes away more than
   there is waits until everything before it is settled, for other consumers may have that in work.
4. After the commit it is acknowledged. A crash in between delivers it again, and step 3 finds
   every row there already.

While Postgres or Redis is away, what was read stays in hand, and the next step goes on with it. As
long as it is worked on it is renewed, so that nobody else claims it.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

import structlog

import schemas
from bus import BusError, DeadLetters, Entry, GroupMissing, Source, Standing
from consumers.runtime import metrics
from consumers.runtime.resources import Parts
from consumers.runtime.runner import unless_stopped
from consumers.runtime.transactions import transaction
from db import (
    Contention,
    DbError,
    IdempotencyConflict,
    InsufficientFunds,
    RuleBroken,
)
from db.ledger import events

from .bonuses import Bonuses
from .poison import Suspects, is_suspect
from .renewal import renewed
from .triage import Delivery, Refusal, evidence, key_of, refusal_of, sort_out

log = structlog.get_logger("twinstream.settling")


#: What is in hand is renewed so often in the time after which others claim it.
RENEWALS_PER_CLAIM = 4
TOO_EARLY = (
    "an event takes away more than there is, and something that came before it is still in work"
)


class Settling:
    """The role that settles what happened on `source` on the opposite platform."""

    pause_s = 0.0

    def __init__(self, source: Source, parts: Parts) -> None:
        self.source = source
        self.platform = schemas.opposite(source)
        self._pool = parts.pool
        self._store = parts.stores.get(self.platform)
        self._reader = parts.reader(source)
        self._dead_letters = DeadLetters(parts.redis, parts.keys)
        self._suspects = Suspects(parts.pool)
        self._bonuses = Bonuses(self.platform, parts)
        self._rebuild = parts.rebuild
        self._stop = parts.stop
        self._limits = parts.community.consumers
        #: What was read and is not finished, by entry id, in the order of the stream.
        self._in_hand: dict[str, Entry] = {}
        #: Of these, what was tried before all that came before it was settled.
        self._too_early: set[str] = set()
        #: What waits although Redis has lost it, by entry id, and until when. It holds up nobody.
        self._lost: dict[str, tuple[Delivery, float]] = {}

    async def close(self) -> None:
        """Write what is still to be noted, and judge what nobody else could: it waits no more."""
        try:
            await self._settle_lost(until=math.inf)
        except (DbError, BusError) as error:
            log.error("entries.lost", source=self.source, entries=len(self._lost), why=str(error))
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
        """Settle one batch. Returns how many entries were taken care of."""
        was_in_hand = bool(self._in_hand)
        try:
            if not was_in_hand:
                await self.read()
            taken = len(self._in_hand)
            every_s = self._limits.claim_idle_ms / 1_000 / RENEWALS_PER_CLAIM
            async with renewed(
                self._reader, lambda: self._in_hand, every_s=every_s, at_once=was_in_hand
            ):
                with metrics.BATCH_SECONDS.labels(self.source).time():
                    await self._take_care_of_all()
        except GroupMissing:
            # What is in hand stays: an event of another program's is nowhere else any more.
            await self._rebuild(self.source)
            return 0
        return taken

    async def read(self) -> None:
        """Take the next entries in hand, and wait a while for some; `step` settles them."""
        ghosts = self._reader.ghosts
        entries = await unless_stopped(self._stop, self._reader.read()) or []
        self._in_hand = {entry.id: entry for entry in entries}
        if deleted := self._reader.ghosts - ghosts:
            metrics.DELETED.labels(self.source).inc(deleted)
            log.warning("entries.deleted", stream=self._reader.stream, entries=deleted)

    async def _take_care_of_all(self) -> None:
        in_hand = list(self._in_hand.values())
        await self._take_care_of([entry for entry in in_hand if not is_suspect(entry)])
        for suspect in filter(is_suspect, in_hand):
            await self._try(suspect)
        await self._settle_lost(until=asyncio.get_running_loop().time())
        if self._in_hand:
            raise Contention(TOO_EARLY)

    async def _take_care_of(self, entries: Sequence[Entry]) -> None:
        deliveries, refusals = sort_out(entries, self.source)
        for refusal in refusals:
            await self._bury(refusal)
        if deliveries:
            await self._bonuses.give(delivery.fact for delivery in deliveries)
            await self._settle(deliveries)

    async def _try(self, suspect: Entry) -> None:
        """Settle one that may be the end of us, unless it was the end of too many before."""
        why_not = await self._suspects.begin(suspect)
        if why_not is None:
            await self._take_care_of([suspect])
        else:
            await self._bury(Refusal(suspect, why_not, key_of(suspect), unread=True))

    async def _settle(self, deliveries: Sequence[Delivery], *, again: bool = False) -> None:
        facts = [delivery.fact for delivery in deliveries]
        try:
            async with transaction(self._pool) as conn:
                entered = await events.settle(
                    conn, self.platform, self.source, facts, store=self._store
                )
                await self._suspects.forget(conn, [delivery.entry for delivery in deliveries])
        except (RuleBroken, IdempotencyConflict) as error:
            if len(deliveries) == 1:
                if isinstance(error, InsufficientFunds) and not again:
                    await self._settle_after_all_before(deliveries[0])
                else:
                    await self._bury(refusal_of(deliveries[0], error))
                return
            middle = len(deliveries) // 2
            await self._settle(deliveries[:middle])
            await self._settle(deliveries[middle:])
            return
        ids = [delivery.entry.id for delivery in deliveries]
        await self._reader.acknowledge(ids)
        self._put_down(ids)
        metrics.SETTLED.labels(self.source).inc(len(ids))
        metrics.ENTERED.labels(self.source).inc(len(entered))
        log.debug("batch.settled", platform=self.platform, entries=len(facts), entered=len(entered))

    async def _settle_after_all_before(self, delivery: Delivery) -> None:
        """Settle what takes away more than there is, once nothing before it is in work any more.

        What somebody works on takes a moment, so the entry stays in hand, and the next step tries
        again. What nobody works on any more has to be claimed, which whoever waits does not do; so
        then the entry is let lie, and is claimed after what came before it. What came before an
        entry that was lost with its stream is known to nobody but those who had it in hand. They
        get as much time for it as anybody has before they are taken for dead.
        """
        entry = delivery.entry
        match await self._reader.standing(entry.id):
            case Standing.NEXT:
                await self._settle([delivery], again=True)
            case Standing.COMING:
                self._put_down([entry.id])
            case Standing.BEHIND if entry.id not in self._too_early:
                self._too_early.add(entry.id)
            case Standing.BEHIND:
                # It comes again and again, and that is not because it killed anybody.
                async with transaction(self._pool) as conn:
                    await self._suspects.forget(conn, [entry])
                self._put_down([entry.id])
                log.info("entry.let_lie", stream=entry.stream, entry_id=entry.id)
            case Standing.GONE:
                due = asyncio.get_running_loop().time() + self._limits.claim_idle_ms / 1_000
                self._put_down([entry.id])
                self._lost[entry.id] = (delivery, due)

    async def _settle_lost(self, *, until: float) -> None:
        for delivery, due in list(self._lost.values()):
            if due <= until:
                await self._settle([delivery], again=True)

    async def _bury(self, refusal: Refusal) -> None:
        """Put the reason on record, then move the entry out of the way, in this order."""
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
            await self._suspects.forget(conn, [entry])
        burial = await self._dead_letters.bury(
            entry, group=self._reader.group, reason=refusal.reason
        )
        if burial is not None and burial.why_no_copy is not None:
            log.warning("dead_letter.not_copied", entry_id=entry.id, why=burial.why_no_copy)
        self._put_down([entry.id])
        metrics.BURIED.labels(self.source).inc()
        log.error("entry.buried", stream=entry.stream, entry_id=entry.id, reason=refusal.reason)

    def _put_down(self, ids: Iterable[str]) -> None:
        for entry_id in ids:
            self._in_hand.pop(entry_id, None)
            self._too_early.discard(entry_id)
            self._lost.pop(entry_id, None)
            self._suspects.put_down(entry_id)


@contextlib.asynccontextmanager
async def open_settling(source: Source, parts: Parts) -> AsyncIterator[Settling]:
    """Open the role that settles what happened on `source`."""
    role = Settling(source, parts)
    try:
        yield role
    finally:
        await role.close()
