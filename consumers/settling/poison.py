"""Poison-pill suspects: entries that were delivered often, and may have killed their consumers.

Such an entry must not harm the rest of its batch, and its redeliveries must end. So it is settled
alone, and each attempt is counted before it begins, in a transaction of its own: the count is
committed even if the process dies. A process counts an entry once, however often it has to retry
while Postgres or Redis is away; only a death, or an end by an unexpected error, leads to another
attempt.
"""

from collections.abc import Iterable
from typing import Final

import asyncpg

from bus import Entry
from consumers.runtime.transactions import transaction
from db.ledger import delivery_attempts

#: Deliveries from which on an entry is a suspect. Any crash or restart delivers an entry a second
#: time, so two deliveries prove nothing.
SUSPECT_DELIVERIES: Final = 3
#: Processes that may begin to settle a suspect and end before they are done; then it is buried.
ATTEMPTS_MAX: Final = 5


def is_suspect(entry: Entry) -> bool:
    """Tell whether an entry may have killed the consumers to which it was delivered. Pure."""
    return entry.deliveries >= SUSPECT_DELIVERIES


async def count_attempt(pool: asyncpg.Pool, entry: Entry) -> int:
    """Count an attempt to settle this suspect. Returns how many consumers attempted it before.

    Raises:
        Contention, StorageUnavailable: it could not be counted, so do not attempt it yet.
    """
    async with transaction(pool) as conn:
        return await delivery_attempts.count_attempt(conn, entry.stream, entry.id) - 1


def exhausted(entry: Entry, earlier_attempts: int) -> str | None:
    """Say why this suspect must not be attempted again; None if it may be. Pure."""
    if earlier_attempts < ATTEMPTS_MAX:
        return None
    return (
        f"{earlier_attempts} consumers ended while they settled it, so it is not tried again"
        f" (delivered {entry.deliveries} times)"
    )


async def forget_attempts(conn: asyncpg.Connection, entries: Iterable[Entry]) -> None:
    """Forget the attempts of those that are suspects, in the transaction that finishes them."""
    for entry in entries:
        if is_suspect(entry):
            await delivery_attempts.forget_attempts(conn, entry.stream, entry.id)
