"""Links of accounts: made, ended and undone while events of both accounts are under way."""

import random
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

from db import PLATFORMS, Contention, DbError
from db.links import links, offers
from db.links.refusals import LinkRefused

from . import users_table
from .errors import ChaosError

POLICIES: Final[tuple[links.Policy, ...]] = ("sum", "max", "telegram", "discord")
#: Share of the links that an administrator makes by a policy; members make the others by a code.
BY_POLICY_SHARE: Final = 0.3
#: Attempts of one operation while transactions of bots and consumers are in the way.
ATTEMPTS_MAX: Final = 10

Operation = Callable[[asyncpg.Connection], Awaitable[object]]


class AccountLinks:
    """Links pairs of accounts with the same number, and ends some of these links."""

    def __init__(self, accounts: int, seed: str) -> None:
        self._accounts = accounts
        self._chance = random.Random(f"{seed}/links")
        self._linked = 0

    async def link(self, conn: asyncpg.Connection, count: int) -> None:
        """Link the next pairs, as long as there are some.

        Raises:
            ChaosError: two accounts could not be linked.
        """
        for number in range(self._linked + 1, min(self._linked + count, self._accounts) + 1):
            by_policy = self._chance.random() < BY_POLICY_SHARE
            await _try(conn, self._by_policy(number) if by_policy else _by_code(number))
            self._linked = number

    async def end_one(self, conn: asyncpg.Connection) -> None:
        """Unlink a pair, or undo a link, which may have ended or may be refused.

        Raises:
            ChaosError: anything but a refusal happened.
        """
        number = self._chance.randint(1, max(self._linked, 1))
        await _try(conn, self._chance.choice([_unlink, _undo])(number))

    def _by_policy(self, number: int) -> Operation:
        policy = self._chance.choice(POLICIES)
        return lambda conn: links.link(
            conn,
            telegram_account_id=number,
            discord_account_id=number,
            policy=policy,
            stores=users_table.STORES.keys(),
        )


def _by_code(number: int) -> Operation:
    async def link(conn: asyncpg.Connection) -> None:
        offer_id, code, _ = await offers.start(conn, PLATFORMS[0], number)
        if code is not None:
            await offers.open_offer(conn, PLATFORMS[1], number, code)
        await offers.confirm(conn, PLATFORMS[0], number, offer_id, stores=users_table.STORES.keys())

    return link


def _unlink(number: int) -> Operation:
    return lambda conn: links.unlink(
        conn, platform=PLATFORMS[0], account_id=number, stores=users_table.STORES.keys()
    )


def _undo(number: int) -> Operation:
    async def undo(conn: asyncpg.Connection) -> None:
        newest = "SELECT max(id) FROM links WHERE telegram_account_id = $1"
        link_id = await conn.fetchval(newest, number)
        if link_id is not None:
            await links.undo(conn, link_id, stores=users_table.STORES.keys())

    return undo


async def _try(conn: asyncpg.Connection, operation: Operation) -> None:
    for _ in range(ATTEMPTS_MAX):
        try:
            async with conn.transaction():
                await operation(conn)
        except Contention:
            continue
        except LinkRefused:
            return
        except (DbError, asyncpg.PostgresError, OSError) as error:
            raise ChaosError(f"two accounts could not be linked or unlinked: {error}") from error
        else:
            return
    raise ChaosError("two accounts could not be linked or unlinked: others were in the way")
