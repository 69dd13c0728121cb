"""Earning as deeds: members write and write again, updates come twice, and members ask."""

import asyncio
import contextlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bus import Source
from db.earning import Earning, Rules, windows
from db.errors import mapped_errors

from .bot_calls import accounts_of
from .expectations import Expectations
from .link_deeds import NO_ANSWER
from .pool import Pool

REASON: Final = "messages"
#: Virtual time begins here, well before the clock of any Postgres.
BEGAN_AT: Final = datetime(2020, 1, 1, tzinfo=UTC)
#: Windows of a few virtual seconds, so that all three kinds of closing happen in a run.
WINDOW_S: Final = 3.0


class EarningDeeds:
    """The deeds of one bot that concern what members earn by being there."""

    def __init__(
        self, source: Source, pool: Pool, dice: random.Random, expected: Expectations
    ) -> None:
        self._source = source
        self._pool: Any = pool
        self._dice = dice
        self._expected = expected
        self._done: list[Earning] = []

    async def act(self) -> None:
        """Do one of them. An error of a server that is away leaves the outcome unknown."""
        with contextlib.suppress(*NO_ANSWER), mapped_errors():
            if self._dice.random() < 0.2:
                account = self._dice.choice(accounts_of(self._source))
                async with self._pool.acquire() as conn, conn.transaction():
                    await windows.close_of(conn, self._source, account)
            else:
                await self._earn([self._new() for _ in range(self._dice.randint(1, 3))])

    def _new(self) -> Earning:
        if self._done and self._dice.random() < 0.3:
            return self._dice.choice(self._done)
        now = BEGAN_AT + timedelta(seconds=asyncio.get_running_loop().time())
        account = self._dice.choice(accounts_of(self._source))
        one = Earning(account, REASON, self._dice.randint(1, 9), now, 1.0, 10**6)
        self._done.append(one)
        return one

    async def _earn(self, earnings: list[Earning]) -> None:
        for one in earnings:
            self._expected.earned_at_most[self._source, one.account_id] += one.xp
        async with self._pool.acquire() as conn, conn.transaction():
            results = await windows.earn(conn, self._source, earnings, Rules(WINDOW_S, UTC))
        for one, result in zip(earnings, results, strict=True):
            counted = 0 if result is None else result.xp
            # The answer came, so exactly this much of it counts.
            self._expected.earned_at_most[self._source, one.account_id] -= one.xp - counted
            self._expected.earned[self._source, one.account_id] += counted
