"""The port behind which a platform's own books live: a bot's table of members, or anything else.

Where no store is configured, `sync_state` is the platform's books, and the ledger keeps them.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, Protocol

import asyncpg

#: Digits of a whole number that is still read as one: a bigint has 19, and sums of some a few more.
DIGITS_MAX: Final = 30
#: Characters of anything else that are shown to an operator.
SHOWN_CHARS_MAX: Final = 60


class Change(NamedTuple):
    """What one account's row is to be changed by: signed amounts, never totals."""

    account_id: int
    delta_xp: int
    delta_balance: int


class Holding(NamedTuple):
    """What one account's row says. `read_holding` makes a text of what is no whole number."""

    account_id: int
    xp: int | str
    balance: int | str


def read_holding(row: Sequence[Any]) -> Holding:
    """Read what a store said of one account, once, whatever its columns became since `check`."""
    account_id, xp, balance = row
    return Holding(account_id, _amount(xp), _amount(balance))


def _amount(value: Any) -> int | str:
    """Return a whole number as such, nothing as 0, and anything else as a text for people."""
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
    if isinstance(value, int):  # Python refuses to write out very long ones
        return f"a number of {value.bit_length()} bits"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}..."


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
