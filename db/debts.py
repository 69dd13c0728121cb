"""What a platform's own table is owed: what it could not take, because a member has no row there.

No row means "not there yet", never zero. Whatever arrives for such a member is remembered in
`store_debts`, and paid once the row exists. A row of the table is therefore always worth the sum of
its ledger less what it is owed.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import asyncpg

from .errors import DbError, StorageUnavailable, mapped_errors
from .ledger import LedgerRow
from .platforms import Platform
from .stores import Change, Store


class Amounts(NamedTuple):
    """Signed amounts."""

    xp: int
    balance: int

    def plus(self, other: "Amounts") -> "Amounts":
        """Add up field by field."""
        return Amounts(self.xp + other.xp, self.balance + other.balance)


NOTHING: Final = Amounts(0, 0)


class Payment(NamedTuple):
    """One round of paying."""

    paid: int
    """How many members got what they were owed."""
    upto: int | None
    """Where the next round goes on; None after the last account."""


async def apply_rows(
    conn: asyncpg.Connection, platform: Platform, store: Store, rows: Iterable[LedgerRow]
) -> None:
    """Bring ledger rows that were entered just now to the platform's own table.

    Call it after `ledger.enter`, in the same transaction: its locks on the books keep two callers
    from each other. What a member was owed is paid along.

    Raises:
        RuleBroken: the table refuses a change.
        StorageUnavailable: the store cannot do it now.
    """
    due: dict[int, Amounts] = {}
    for row in rows:
        amounts = Amounts(row.delta_xp, row.delta_balance)
        if amounts != NOTHING:
            due[row.member_id] = due.get(row.member_id, NOTHING).plus(amounts)
    if due:
        await _apply(conn, platform, store, due)


async def pay(
    conn: asyncpg.Connection, platform: Platform, store: Store, *, after: int, limit: int
) -> Payment:
    """Pay up to `limit` members who are owed something and have a row by now.

    Looks at accounts above `after`, in their order. Two payers at once share the work. The caller
    owns the transaction.

    Raises:
        RuleBroken: the table refuses a change.
        StorageUnavailable: the store cannot do it now.
    """
    with mapped_errors():
        owed = await conn.fetch(
            """
            SELECT a.account_id, d.member_id FROM store_debts AS d
            JOIN accounts AS a ON a.member_id = d.member_id AND a.platform = d.platform
            WHERE d.platform = $1 AND a.account_id > $2
            ORDER BY a.account_id LIMIT $3
            FOR UPDATE OF d SKIP LOCKED
            """,
            platform,
            after,
            limit,
        )
        members: dict[int, int] = dict(owed)
        if not members:
            return Payment(0, None)
        with _failures_told(platform):
            there = await store.snapshot(conn, after, limit, sorted(members))
        due = {members[holding[0]]: NOTHING for holding in there}
        if due:
            await _apply(conn, platform, store, due)
    return Payment(len(due), max(members) if len(members) == limit else None)


async def next_owed(conn: asyncpg.Connection, platform: Platform, after: int) -> int | None:
    """Return the next account above `after` that is owed something; None if there is none."""
    with mapped_errors():
        account_id: int | None = await conn.fetchval(
            """
            SELECT min(a.account_id) FROM store_debts AS d
            JOIN accounts AS a ON a.member_id = d.member_id AND a.platform = d.platform
            WHERE d.platform = $1 AND a.account_id > $2
            """,
            platform,
            after,
        )
    return account_id


async def _apply(
    conn: asyncpg.Connection, platform: Platform, store: Store, due: Mapping[int, Amounts]
) -> None:
    """Apply what is due to members, and what they were owed; what cannot be is owed again."""
    members = sorted(due)
    accounts = await conn.fetch(
        "SELECT member_id, account_id FROM accounts"
        " WHERE platform = $1 AND member_id = ANY ($2::bigint[])",
        platform,
        members,
    )
    account_of: dict[int, int] = dict(accounts)
    total = {member: due[member] for member in members}
    for member, debt in (await _forgive(conn, platform, sorted(account_of))).items():
        total[member] = total[member].plus(debt)
    changes = sorted(Change(account, *total[member]) for member, account in account_of.items())
    with _failures_told(platform):
        absent = set(await store.apply(conn, changes)) if changes else set()
    await owe(
        conn,
        platform,
        {
            member: amounts
            for member, amounts in total.items()
            if account_of.get(member) in {None, *absent} and amounts != NOTHING
        },
    )


async def owe(conn: asyncpg.Connection, platform: Platform, debts: Mapping[int, Amounts]) -> None:
    """Add to what members are owed."""
    if not debts:
        return
    members = sorted(debts)
    with mapped_errors():
        await conn.execute(
            """
            INSERT INTO store_debts AS d (member_id, platform, xp, balance)
            SELECT member_id, $1, xp, balance
            FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS o (member_id, xp, balance)
            ON CONFLICT ON CONSTRAINT store_debt_once DO UPDATE SET
                xp = d.xp + excluded.xp, balance = d.balance + excluded.balance, updated_at = now()
            """,
            platform,
            members,
            [debts[member].xp for member in members],
            [debts[member].balance for member in members],
        )


async def _forgive(
    conn: asyncpg.Connection, platform: Platform, members: Sequence[int]
) -> dict[int, Amounts]:
    rows = await conn.fetch(
        """
        DELETE FROM store_debts WHERE platform = $1 AND member_id = ANY ($2::bigint[])
        RETURNING member_id, xp, balance
        """,
        platform,
        members,
    )
    return {member: Amounts(xp, balance) for member, xp, balance in rows}


@contextlib.contextmanager
def _failures_told(platform: Platform) -> Iterator[None]:
    """Take whatever another program's class raises for "not now": it must not bury good events."""
    try:
        yield
    except (DbError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        raise
    except Exception as error:
        raise StorageUnavailable(
            f"the store of {platform} failed: {type(error).__name__}: {error}"
        ) from error
