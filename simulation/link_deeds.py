"""Links as deeds: members link by code, administrators link, unlink and undo."""

import contextlib
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import asyncpg

from db import Contention, StorageUnavailable
from db.links import links, offers
from db.links.offers import Confirmation, Opening
from db.links.refusals import LinkRefused

from .bot_calls import NEWCOMERS, accounts_of
from .expectations import Expectations
from .pool import Connection, Pool

POLICIES: tuple[links.Policy, ...] = ("sum", "max", "telegram", "discord")
#: More than any run makes, so that the limit seldom ends an administrator's link.
LINKS_MAX = 1_000

#: Errors after which the bot does not know whether its transaction has committed.
NO_ANSWER = (
    *(StorageUnavailable, Contention, asyncpg.PostgresError, asyncpg.InterfaceError),
    *(asyncpg.InternalClientError, OSError, TimeoutError),
)


class LinkDeeds:
    """The deeds of one bot that concern links."""

    def __init__(self, pool: Pool, dice: random.Random, expected: Expectations) -> None:
        self._pool: Any = pool
        self._dice = dice
        self._expected = expected

    async def act(self) -> None:
        """Do one of them. A refusal is an answer; so is an error of a server that is away."""
        deeds: list[Callable[[], Coroutine[Any, Any, None]]] = [
            *(self._redeem, self._link, self._link, self._unlink, self._undo)
        ]
        with contextlib.suppress(LinkRefused, *NO_ANSWER):
            await self._dice.choice(deeds)()

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        async with self._pool.acquire() as conn, conn.transaction():
            yield conn

    def _pair(self) -> tuple[int, int]:
        telegram = NEWCOMERS if self._dice.random() < 0.2 else accounts_of("telegram")
        return self._dice.choice(telegram), self._dice.choice(accounts_of("discord"))

    async def _redeem(self) -> None:
        pair = telegram, discord = self._pair()
        async with self._pool.acquire() as conn:
            started = await offers.start(conn, "telegram", telegram)
            if started.code is None:  # an earlier one was opened, and its answer was lost
                await offers.decline(conn, "telegram", telegram, started.id)
                return
            opened = await offers.open_offer(conn, "discord", discord, started.code)
            if opened.outcome is not Opening.OPENED:
                return
            outcome = await offers.confirm(conn, "telegram", telegram, started.id)
        if outcome is Confirmation.LINKED:
            self._expected.links.redeemed[pair] += 1

    async def _link(self) -> None:
        telegram, discord = self._pair()
        policy = self._dice.choice(POLICIES)
        async with self._transaction() as conn:
            made = await links.link(
                conn,
                telegram_account_id=telegram,
                discord_account_id=discord,
                policy=policy,
                links_max=LINKS_MAX,
            )
            await self._lost(conn, policy, telegram if policy == "discord" else discord)
        self._expected.links.made[made.id] = (telegram, discord, policy)

    async def _lost(self, conn: Connection, policy: links.Policy, account: int) -> None:
        """See that the account that a policy does not name has nothing left."""
        if policy in ("sum", "max"):
            return
        left = await conn.fetchrow(
            """
            SELECT coalesce(sum(delta_xp), 0)::bigint, coalesce(sum(delta_balance), 0)::bigint
            FROM twinstream.transactions
            WHERE platform = source AND source <> $1 AND account_id = $2
            """,
            policy,
            account,
        )
        if tuple(left) != (0, 0):
            raise AssertionError(f"the policy {policy} left {tuple(left)} to account {account}")

    async def _unlink(self) -> None:
        account = self._dice.choice(accounts_of("discord"))
        async with self._transaction() as conn:
            ended = await links.unlink(conn, platform="discord", account_id=account)
        self._expected.links.unlinked.add(ended.id)

    async def _undo(self) -> None:
        async with self._transaction() as conn:
            known = [row[0] for row in await conn.fetch("SELECT id FROM links ORDER BY id")]
            undone = await links.undo(conn, self._dice.choice(known))
        self._expected.links.undone.add(undone.id)
