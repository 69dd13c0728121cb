"""Entries that were delivered so often that they may have killed whoever settled them.

The rest of a batch must not suffer for such an entry, and it must not come for ever. So it is
settled alone, and each try is counted before it begins, in a transaction of its own: the count is
there even if the process is not. A process counts an entry once, however often it has to try while
Postgres or Redis is away; only a death, or an end by an error that nobody expected, makes another
one try.
"""

from collections.abc import Iterable
from typing import Final

import asyncpg

from bus import Entry
from consumers.runtime.transactions import transaction
from db.ledger import delivery_attempts

#: An entry comes a second time after any crash or restart, so that means nothing.
SUSPECT_DELIVERIES: Final = 3
#: So many processes may try to settle a suspect and end before they are done.
ATTEMPTS_MAX: Final = 5


class Suspects:
    """The suspects that one consumer has in hand."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        #: How often other processes tried before us, by entry id.
        self._earlier: dict[str, int] = {}

    async def begin(self, entry: Entry) -> str | None:
        """Count a try to settle this entry. Returns why it must not be tried again, if so.

        Raises:
            Contention, StorageUnavailable: it could not be counted, so do not try yet.
        """
        if entry.id not in self._earlier:
            async with transaction(self._pool) as conn:
                count = await delivery_attempts.count_attempt(conn, entry.stream, entry.id)
            self._earlier[entry.id] = count - 1
        earlier = self._earlier[entry.id]
        if earlier < ATTEMPTS_MAX:
            return None
        return (
            f"{earlier} consumers ended while they settled it, so it is not tried again"
            f" (delivered {entry.deliveries} times)"
        )

    async def forget(self, conn: asyncpg.Connection, entries: Iterable[Entry]) -> None:
        """Forget those of the entries that are suspects, in the transaction that finishes them."""
        for entry in entries:
            if is_suspect(entry):
                await delivery_attempts.forget_attempts(conn, entry.stream, entry.id)

    def put_down(self, entry_id: str) -> None:
        """Note that this consumer has an entry in hand no more."""
        self._earlier.pop(entry_id, None)


def is_suspect(entry: Entry) -> bool:
    """Tell whether an entry may have killed those to whom it was delivered. Pure."""
    return entry.deliveries >= SUSPECT_DELIVERIES
