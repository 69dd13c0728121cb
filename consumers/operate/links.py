"""`python -m consumers links`: links of accounts, as the owner looks at them and changes them."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import asyncpg

from config import ConfigError
from config.outside_text.terminal import Terminal, whole_table
from consumers.runtime.transactions import transaction
from db import Platform
from db.links import account_moves, links, states
from db.links.links import Account
from db.links.states import LinkAct, LinkState
from schemas import opposite

#: Members and acts that are listed.
LISTED: Final = 50
_ACCOUNT: Final = re.compile(r"(telegram|discord):([0-9]{1,19})", re.ASCII)
#: The largest id that Postgres holds (bigint).
_ID_MAX: Final = 2**63 - 1


def account_of(named: str) -> Account:
    """Read an account such as telegram:1001. Pure.

    Raises:
        ConfigError: this is none.
    """
    found = _ACCOUNT.fullmatch(named)
    if found is None or not 0 < int(found[2]) <= _ID_MAX:
        raise ConfigError(f"{named} names no account: write telegram:1001 or discord:2001")
    return Account("telegram" if found[1] == "telegram" else "discord", int(found[2]))


async def see(pool: asyncpg.Pool, console: Terminal, account: Account) -> None:
    """Print with whom an account is linked, since when, and every act that concerns it."""
    async with pool.acquire() as conn:
        state = await states.link_state(conn, *account)
        acts = await states.acts_of(conn, *account, limit=LISTED)
    _print_state(console, account, state)
    _print_acts(console, acts)


async def show_acts(
    pool: asyncpg.Pool, console: Terminal, platform: Platform, *, limit: int
) -> None:
    """Print what the administrators of a platform did, and what was done on the terminal."""
    async with pool.acquire() as conn:
        _print_acts(console, await states.acts_of(conn, platform, None, limit=limit))


async def show_one_sided(pool: asyncpg.Pool, console: Terminal, *, limit: int) -> None:
    """Print members who earn on one platform only."""
    async with pool.acquire() as conn:
        found = await states.one_sided(conn, limit=limit)
    table = whole_table("account", "name", "XP", "balance")
    for one in found:
        name = one.display_name or ""
        table.add_row(f"{one.platform}:{one.account_id}", name, f"{one.xp:,}", f"{one.balance:,}")
    console.print(table)


async def link(
    pool: asyncpg.Pool, here: Account, there: Account, stores: Sequence[Platform], reason: str
) -> None:
    """Link an account on Telegram with one on Discord."""
    if (here.platform, there.platform) != ("telegram", "discord"):
        raise ConfigError("name an account on Telegram first, then one on Discord")
    async with transaction(pool) as conn:
        await links.link(
            conn,
            telegram_account_id=here.account_id,
            discord_account_id=there.account_id,
            stores=stores,
            reason=reason,
        )


async def unlink(
    pool: asyncpg.Pool, account: Account, stores: Sequence[Platform], reason: str
) -> None:
    """Unlink an account."""
    async with transaction(pool) as conn:
        await links.unlink(
            conn,
            platform=account.platform,
            account_id=account.account_id,
            stores=stores,
            reason=reason,
        )


async def undo(
    pool: asyncpg.Pool, account: Account, stores: Sequence[Platform], reason: str
) -> None:
    """Undo the newest link of an account."""
    async with transaction(pool) as conn:
        link_id = await states.newest_link(conn, *account)
        if link_id is None:
            raise ConfigError(f"{account.platform}:{account.account_id} was never linked")
        await links.undo(conn, link_id, stores=stores, reason=reason)


async def move(
    pool: asyncpg.Pool, lost: Account, account: Account, stores: Sequence[Platform], reason: str
) -> None:
    """Put an account in the place of a lost one."""
    if lost.platform != account.platform:
        raise ConfigError("a member moves between two accounts of one platform; to join two, link")
    async with transaction(pool) as conn:
        await account_moves.move(
            conn,
            platform=lost.platform,
            from_account_id=lost.account_id,
            to_account_id=account.account_id,
            stores=stores,
            reason=reason,
        )


async def set_leave(pool: asyncpg.Pool, account: Account, *, may_link: bool, reason: str) -> None:
    """Take an account's leave to link, or give it back."""
    async with transaction(pool) as conn:
        await states.set_leave(conn, *account, may_link=may_link, reason=reason)


def _print_state(console: Terminal, account: Account, state: LinkState) -> None:
    other = opposite(account.platform)
    named = f"{account.platform}:{account.account_id}"
    table = whole_table(named, "")
    partner = f"{other}:{state.other_account_id} {state.other_name or ''}".strip()
    if state.other_account_id is not None:
        table.add_row("linked with" if state.is_linked else "was linked with", partner)
        table.add_row("since", _moment(state.linked_at))
        table.add_row("policy", state.policy or "")
    else:
        table.add_row("linked with", "no account")
    if state.xp_before is not None:
        table.add_row("before the link", f"{state.xp_before:,} XP, {state.balance_before:,} coins")
        theirs = f"{state.other_xp_before:,} XP, {state.other_balance_before:,} coins"
        table.add_row("the other before", theirs)
    for what, when in (
        ("can be undone until", state.undo_until),
        ("can link another from", state.free_at),
        ("may not link since", state.forbidden_at),
    ):
        if when is not None:
            table.add_row(what, _moment(when))
    console.print(table)


def _print_acts(console: Terminal, found: Sequence[LinkAct]) -> None:
    """Print each act as a line, however long it is: a table would break the reasons."""
    for act in found:
        accounts = [
            f"{platform}:{account_id}"
            for platform, account_id in (
                ("telegram", act.telegram_account_id),
                ("discord", act.discord_account_id),
            )
            if account_id is not None
        ]
        if act.from_account_id is not None:
            accounts.append(f"in the place of {act.from_platform}:{act.from_account_id}")
        by = f"by {act.actor}"
        if act.actor_account_id is not None:
            by += f" {act.actor_platform}:{act.actor_account_id}"
        line = f"{_moment(act.acted_at)}  {act.operation:<6}  {' '.join(accounts)}  {by}"
        console.print(f"{line}: {act.reason}" if act.reason else line, soft_wrap=True)


def _moment(when: datetime | None) -> str:
    return "" if when is None else when.strftime("%Y-%m-%d %H:%M:%S")
