"""The port behind which a platform's own books live: a bot's table of members, or anything else.

Where no store is configured, `sync_state` is the platform's books, and the ledger keeps them.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import asyncpg


class Change(NamedTuple):
    """What one account's row is to be changed by: signed amounts, never totals."""

    account_id: int
    delta_xp: int
    delta_balance: int


class Holding(NamedTuple):
    """What one account's row says."""

    account_id: int
    xp: int
    balance: int


class Store(Protocol):
    """A platform's own books. Both duties work on the connection that they are given.

    A class of another program's must be self-contained: it may import neither `db` nor `bus`, and
    plain tuples in these orders are all that it meets.
    """

    async def apply(self, conn: asyncpg.Connection, changes: Sequence[Change]) -> Collection[int]:
        """Add changes to the rows of these accounts; return the account ids that have no row yet.

        Called inside the consumer's transaction, once per account at most, in account order. What
        has no row is owed, and applied when the row appears.
        """
        ...

    async def snapshot(
        self,
        conn: asyncpg.Connection,
        after: int,
        limit: int,
        among: Sequence[int] | None = None,
    ) -> Sequence[Holding]:
        """Return up to `limit` rows whose account id is above `after`, in account order.

        With `among`, only of these accounts. An account without a row is left out: it is not there
        yet, which is not zero.
        """
        ...


class StoreSetting(Protocol):
    """What a platform's store is made of; twinstream.toml's `[stores.telegram]` has it."""

    @property
    def table(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def xp(self) -> str: ...
    @property
    def balance(self) -> str: ...
    @property
    def class_(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Any]: ...
