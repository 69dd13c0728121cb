"""The port to a platform's own books: a bot's table of members, or anything else that has rows.

Where no store is configured, `sync_state` is the platform's books, and the ledger keeps them.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

import asyncpg

#: Digits up to which a number is read as a whole number. A bigint has 19, a sum of bigints a few
#: more.
DIGITS_MAX: Final = 30
#: Characters that operators see of a value that is no whole number. It fits on a line.
SHOWN_CHARS_MAX: Final = 60


class Change(NamedTuple):
    """A change of one account's row: signed amounts, never totals."""

    account_id: int
    delta_xp: int
    delta_balance: int


class Holding(NamedTuple):
    """One account's row. `read_holding` makes a text of an amount that is no whole number."""

    account_id: int
    xp: int | str
    balance: int | str


def read_holding(row: Sequence[Any]) -> Holding:
    """Read a row that a store returned, whatever type its columns have become since `check`."""
    account_id, xp, balance = row
    return Holding(account_id, _amount(xp), _amount(balance))


def _amount(value: Any) -> int | str:
    """Return a whole number as it is, NULL as 0, and any other value as a text for operators."""
    if value is None:
        return 0
    whole = _whole(value)
    return _shown(value) if whole is None or abs(whole) >= 10**DIGITS_MAX else whole


def _whole(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Decimal | float):
        number = Decimal(value)
        if number.is_finite() and number.adjusted() < DIGITS_MAX:
            return int(number) if number == number.to_integral_value() else None
    return None


def _shown(value: Any) -> str:
    if isinstance(value, int):  # Python refuses to print a very long one
        return f"a number of {value.bit_length()} bits"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}..."


class Store(Protocol):
    """A platform's own books. Both methods work on the connection that they are given.

    Another program's class must be self-contained: it may import neither `db` nor `bus`, and it
    gets plain tuples in these orders.
    """

    async def apply(self, conn: asyncpg.Connection, changes: Sequence[Change]) -> Collection[int]:
        """Add changes to the rows of these accounts; return the account ids that have no row yet.

        It is called inside the consumer's transaction, with one change per account at most, in
        account order. A change without a row is owed, and applied when the row appears.
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
    """The configuration of a store, as `[stores.telegram]` of twinstream.toml has it."""

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


class StoreTable(NamedTuple):
    """A bot's own table, for a program that has no twinstream.toml: a `StoreSetting`.

    Names are written as in SQL.
    """

    table: str
    id: str = "id"
    xp: str = "xp"
    balance: str = "balance"
    class_: str = ""
    options: Mapping[str, Any] = MappingProxyType({})
