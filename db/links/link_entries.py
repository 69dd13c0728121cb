"""The entries of links: the ones that move amounts and achievements between two accounts.

They bear keys that begin with `link:`, stand in the ledgers of both platforms at once, and travel
on no stream, so no consumer has to settle them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

import asyncpg

from ..ledger import entries
from ..ledger.entries import Entry, LedgerRow
from ..platforms import PLATFORMS
from ..stores.store_debts import NOTHING, Amounts
from .member_rows import Account

#: The cause of a change of amounts: the policy of a link, its end, undoing it, or a move from one
#: account to another.
Step = Literal["policy", "unlink", "undo", "move_from", "move_to"]

#: The reasons that the entries give, as /why shows them.
REASONS: Final[Mapping[Step, str]] = {
    "policy": "link",
    "unlink": "unlink",
    "undo": "link_undo",
    "move_from": "account_move",
    "move_to": "account_move",
}


async def change(
    conn: asyncpg.Connection,
    link: str,
    step: Step,
    amounts: Mapping[Account, Amounts],
    owners: Mapping[Account, int],
) -> None:
    """Change what accounts have earned by signed amounts, on both platforms.

    `link` is the number of the link, as keys have it.

    Raises:
        InsufficientFunds: a member's total would go below zero.
    """
    now = await conn.fetchval("SELECT now()")
    rows = [
        row
        for account, change in sorted(amounts.items())
        for row in _rows(link, step, account, change, now)
    ]
    await _enter(conn, [Entry(row, owners[_account(row)]) for row in rows])


async def carry(
    conn: asyncpg.Connection,
    move: str,
    amounts: Amounts,
    accounts: tuple[Account, Account],
    owners: Mapping[Account, int],
) -> None:
    """Carry what the first account has earned over to the second one, on both platforms.

    `move` is the number of the move. The members' totals are the caller's business.
    """
    now = await conn.fetchval("SELECT now()")
    old, new = accounts
    rows = [
        *_rows(move, "move_from", old, amounts.negated(), now),
        *_rows(move, "move_to", new, amounts, now),
    ]
    await _enter_in_ledgers(conn, [Entry(row, owners[_account(row)]) for row in rows])


async def unlock(
    conn: asyncpg.Connection,
    link: str,
    step: Step,
    account: Account,
    owner: int,
    unlocked: Mapping[str, datetime],
) -> None:
    """Give an account entries for achievements that another account brought its member."""
    rows = [
        _row(link, step, account, f"achievement.{name}", at)._replace(
            type="achievement.unlocked", achievement=name
        )
        for name, at in sorted(unlocked.items())
    ]
    await _enter(conn, [Entry(row, owner) for row in rows])


async def moved(
    conn: asyncpg.Connection, link: str, steps: Sequence[Step], accounts: Sequence[Account]
) -> dict[Account, Amounts]:
    """Return what these steps of a link have changed each account's amounts by."""
    rows = await conn.fetch(
        """
        SELECT source, account_id, sum(delta_xp)::bigint, sum(delta_balance)::bigint
        FROM twinstream.transactions
        WHERE idempotency_key = ANY ($1::text[]) AND platform = source
        GROUP BY source, account_id
        """,
        [
            _key(link, step, account, field)
            for step in steps
            for account in accounts
            for field in ("xp", "balance")
        ],
    )
    found = {Account(row[0], row[1]): Amounts(row[2], row[3]) for row in rows}
    return {account: found.get(account, NOTHING) for account in accounts}


async def _enter(conn: asyncpg.Connection, new: Sequence[Entry]) -> None:
    if new:
        await entries.add_to_totals(conn, new)
        await _enter_in_ledgers(conn, new)


async def _enter_in_ledgers(conn: asyncpg.Connection, new: Sequence[Entry]) -> None:
    for platform in PLATFORMS:
        await entries.enter(conn, platform, new)


def _rows(
    link: str, step: Step, account: Account, change: Amounts, now: datetime
) -> Sequence[LedgerRow]:
    rows = []
    if change.xp:
        row = _row(link, step, account, "xp", now)
        rows.append(row._replace(type="xp.changed", delta_xp=change.xp))
    if change.balance:
        row = _row(link, step, account, "balance", now)
        rows.append(row._replace(type="balance.changed", delta_balance=change.balance))
    return rows


def _row(link: str, step: Step, account: Account, what: str, at: datetime) -> LedgerRow:
    return LedgerRow(
        idempotency_key=_key(link, step, account, what),
        source=account.platform,
        type="",
        account_id=account.account_id,
        delta_xp=0,
        delta_balance=0,
        achievement=None,
        reason=REASONS[step],
        entity_id=link,
        occurred_at=at,
    )


def _key(link: str, step: Step, account: Account, what: str) -> str:
    # Without the account, so that an account's id can be replaced when a person is forgotten.
    return f"link:{link}:{step}:{account.platform}:{what}"


def _account(row: LedgerRow) -> Account:
    return Account(row.source, row.account_id)
