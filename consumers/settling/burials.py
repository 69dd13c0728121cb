"""Burying: records why entries can never take effect, then moves them to the dead letters."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import asyncpg
import structlog

from bus import Burial, DeadLetters
from consumers.runtime import metrics
from consumers.runtime.resources import Resources
from consumers.runtime.transactions import transaction
from db import Platform
from db.ledger import events
from db.ledger.events import Failure

from .entry_decoding import Refusal, evidence, key_of
from .poison import forget_attempts

log = structlog.get_logger("twinstream.settling")

#: Entries that one transaction buries. Postgres keeps up to 16 KiB of each.
BURIED_AT_ONCE: Final = 500


class Burials:
    """Buries entries of the stream of `source`, which `group` has read."""

    def __init__(self, source: Platform, group: str, resources: Resources) -> None:
        self._source = source
        self._group = group
        self._pool = resources.pool
        self._dead_letters = DeadLetters(resources.redis, resources.keys)

    async def bury(self, refused: Sequence[Refusal]) -> None:
        """Record the reasons of up to `BURIED_AT_ONCE` entries in Postgres, then acknowledge them.

        The number of statements does not depend on the number of entries. A lack of memory in Redis
        costs the copies in the mirror, and nothing else.

        Raises:
            Contention, StorageUnavailable: nothing is recorded; try again.
            BusError: the reasons are recorded, and the entries are delivered again.
        """
        async with transaction(self._pool) as conn:
            await self._record(conn, refused)
        burials = await self._dead_letters.bury_all(
            [(refusal.entry, refusal.reason) for refusal in refused], group=self._group
        )
        _log_uncopied(burials)
        for refusal in refused:
            entry = refusal.entry
            log.error("entry.buried", stream=entry.stream, entry_id=entry.id, reason=refusal.reason)
        metrics.BURIED.labels(self._source).inc(len(refused))

    async def _record(self, conn: asyncpg.Connection, refused: Sequence[Refusal]) -> None:
        known = await self._fail_unread(conn, [one for one in refused if one.unread])
        failures = [_failure(one) for one in refused if one.entry.id not in known]
        if failures:
            await events.fail_all(conn, self._source, failures)
        await forget_attempts(conn, [refusal.entry for refusal in refused])

    async def _fail_unread(self, conn: asyncpg.Connection, unread: Sequence[Refusal]) -> set[str]:
        """Bury the events whose payloads were not decoded. Returns the ids of their entries."""
        claims = {one: one.claimed_key for one in unread if one.claimed_key is not None}
        known: set[str] = set()
        if claims:
            keys = await events.fail_claimed(
                conn,
                self._source,
                [_failure(one)._replace(idempotency_key=key) for one, key in claims.items()],
            )
            known = {one.entry.id for one, key in claims.items() if key in keys}
        for one in unread:  # suspects, which come one at a time
            if one.claimed_key is None and await events.fail_unread(
                conn, self._source, payload=evidence(one.entry), error_message=one.reason
            ):
                known.add(one.entry.id)
        return known


def _failure(refusal: Refusal) -> Failure:
    entry = refusal.entry
    return Failure(
        refusal.idempotency_key, refusal.type, evidence(entry), refusal.reason, key_of(entry)
    )


def _log_uncopied(burials: Sequence[Burial | None]) -> None:
    """Log once for each reason how many dead letters the mirror did not take."""
    reasons = Counter(one.why_no_copy for one in burials if one is not None)
    for why, entries in reasons.items():
        if why is not None:
            log.warning("dead_letter.not_copied", entries=entries, why=why)
