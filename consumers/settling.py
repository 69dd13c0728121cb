"""Settling events: from the stream of one platform into the books of the other.

The life of an entry here:
1. It is read, or claimed from a consumer that died with it.
2. It is decoded. What does not decode is buried with the reason, and the rest goes on.
3. The whole batch is entered in one transaction. If Postgres refuses it because of one event, the
   batch is halved until that event is alone, and only that one is buried.
4. After the commit it is acknowledged. A crash in between delivers it again, and step 3 finds
   every row there already.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog

import schemas
from bus import DeadLetters, Entry, GroupMissing, Source
from db import Event, Fact, IdempotencyConflict, RuleBroken, events

from .loop import unless_stopped
from .parts import Parts

log = structlog.get_logger("twinstream.settling")


class Delivery(NamedTuple):
    """An entry and the event that it carries."""

    entry: Entry
    fact: Fact


class Refusal(NamedTuple):
    """An entry that can never take effect, and why."""

    entry: Entry
    reason: str
    event: Event | None = None


class Settling:
    """The role that settles what happened on `source` on the opposite platform."""

    pause_s = 0.0

    def __init__(self, source: Source, parts: Parts) -> None:
        self.source = source
        self.platform = schemas.opposite(source)
        self.name = f"to-{self.platform}"
        self._pool = parts.pool
        self._reader = parts.reader(source)
        self._dead_letters = DeadLetters(parts.redis, parts.keys)
        self._rebuild = parts.rebuild
        self._stop = parts.stop
        self._limits = parts.community.consumers
        self._in_hand: list[Entry] = []

    def describe(self) -> Mapping[str, object]:
        """Name the stream, the group and the limits."""
        return {
            "stream": self._reader.stream,
            "group": self._reader.group,
            "consumer": self._reader.consumer,
            "batch": self._limits.batch_entries_max,
            "block_ms": self._limits.block_ms,
            "claim_idle_ms": self._limits.claim_idle_ms,
        }

    async def step(self) -> int:
        """Settle one batch. Returns how many entries were taken care of."""
        try:
            if not self._in_hand:
                self._in_hand = await unless_stopped(self._stop, self._reader.read()) or []
            taken = len(self._in_hand)
            if taken:
                await self._take_care_of(self._in_hand)
                self._in_hand = []
            return taken
        except GroupMissing:
            self._in_hand = []
            await self._rebuild(self.source)
            return 0

    async def _take_care_of(self, entries: Sequence[Entry]) -> None:
        deliveries, refusals = sort_out(entries, self.source)
        for refusal in refusals:
            await self._bury(refusal)
        if deliveries:
            await self._settle(deliveries)

    async def _settle(self, deliveries: Sequence[Delivery]) -> None:
        facts = [delivery.fact for delivery in deliveries]
        try:
            async with self._pool.acquire() as conn, conn.transaction():
                entered = await events.settle(conn, self.platform, self.source, facts)
        except (RuleBroken, IdempotencyConflict) as error:
            if len(deliveries) == 1:
                await self._bury(refusal_of(deliveries[0], error))
                return
            middle = len(deliveries) // 2
            await self._settle(deliveries[:middle])
            await self._settle(deliveries[middle:])
            return
        await self._reader.acknowledge(delivery.entry.id for delivery in deliveries)
        log.debug("batch.settled", role=self.name, entries=len(facts), new=len(entered))

    async def _bury(self, refusal: Refusal) -> None:
        """Put the reason on record, then move the entry out of the way, in this order."""
        entry, reason, event = refusal
        async with self._pool.acquire() as conn:
            await events.fail(
                conn,
                idempotency_key=(
                    f"entry:{entry.stream}:{entry.id}" if event is None else event.idempotency_key
                ),
                source=self.source,
                type="unknown" if event is None else event.type,
                payload=_evidence(entry),
                error_message=reason,
            )
        await self._dead_letters.bury(entry, group=self._reader.group, reason=reason)
        log.error("entry.buried", role=self.name, entry_id=entry.id, reason=reason)


def sort_out(entries: Sequence[Entry], source: Source) -> tuple[list[Delivery], list[Refusal]]:
    """Tell entries that carry an event of `source` from those that never will. Pure."""
    deliveries: list[Delivery] = []
    refusals: list[Refusal] = []
    for entry in entries:
        if entry.payload is None:
            refusals.append(Refusal(entry, "the entry has no field `e` with an event in it"))
            continue
        try:
            event = schemas.decode(entry.payload)
        except schemas.SchemaError as error:
            refusals.append(Refusal(entry, str(error)))
            continue
        if event.source != source:
            reason = f"the event says source {event.source}, but it came on {entry.stream}"
            refusals.append(Refusal(entry, reason))
            continue
        deliveries.append(Delivery(entry, Fact(event, entry.payload)))
    return deliveries, refusals


def refusal_of(delivery: Delivery, error: RuleBroken | IdempotencyConflict) -> Refusal:
    """Say what the record holds against a delivery. Pure.

    When the key belongs to another event, that event's row must not bear this one's failure.
    """
    event = None if isinstance(error, IdempotencyConflict) else delivery.fact.event
    return Refusal(delivery.entry, str(error), event)


def _evidence(entry: Entry) -> bytes:
    if entry.payload is not None:
        return entry.payload
    return b", ".join(b"%s=%s" % field for field in entry.fields.items())
