"""Earning as deeds: members write and write again, updates come twice, and members ask."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from db import DbError
from db.earning import Earned, Earning, Earnings, Rules, windows
from db.errors import mapped_errors

from .bot_calls import accounts_of
from .chats import Chat
from .earning_model import MESSAGES
from .expectations import Expectations
from .link_deeds import NO_ANSWER
from .pool import Connection, Pool

#: Virtual time begins here, well before the clock of any Postgres, and ten seconds before a month.
BEGAN_AT: Final = datetime(2019, 12, 31, 23, 59, 50, tzinfo=UTC)
#: Windows of a few virtual seconds, so that all three kinds of closing happen in a run.
WINDOW_S: Final = 3.0
RULES: Final = Rules(WINDOW_S, UTC)
COOLDOWN_S: Final = 1.0
#: Seconds between two closings because a member asks.
ASKED_REST_S: Final = 6.0
#: XP of a person a day: some members come to it in a run.
XP_PER_DAY_MAX: Final = 15


class WatchedEarnings(Earnings):
    """The earnings of a bot. The model learns what is handed in, and what is answered."""

    def __init__(self, pool: Any, chat: Chat, expected: Expectations) -> None:
        super().__init__(pool, chat.source, RULES)
        self._source = chat.source
        self._model = expected.earnings

    def earn(self, earning: Earning) -> asyncio.Future[Earned]:
        """Record an earning soon."""
        self._model.asked(self._source, earning)
        answer = super().earn(earning)
        answer.add_done_callback(lambda done: self._learn(earning, done))
        return answer

    def _learn(self, earning: Earning, answer: asyncio.Future[Earned]) -> None:
        # "Nothing counts" may answer a second call, after one that counted and lost its answer.
        if not answer.cancelled() and answer.result().xp:
            self._model.answered(self._source, earning, answer.result())


class EarningDeeds:
    """The deeds of one bot that concern messages."""

    def __init__(
        self,
        chat: Chat,
        pool: Pool,
        earnings: Earnings,
        dice: random.Random,
        expected: Expectations,
    ) -> None:
        self._chat = chat
        self._pool: Any = pool
        self._earnings = earnings
        self._dice = dice
        self._model = expected.earnings

    async def act(self) -> None:
        """Do one of them. An error of a server that is away leaves the outcome unknown."""
        chance = self._dice.random()
        with contextlib.suppress(DbError, *NO_ANSWER), mapped_errors():
            if chance < 0.25:
                account = self._dice.choice(accounts_of(self._chat.source))
                async with self._pool.acquire() as conn, conn.transaction():
                    await self._ask(conn, account)
            elif chance < 0.6:
                for _ in range(self._dice.randint(1, 4)):
                    self._earnings.earn(self._new())
            else:
                await self._earn([self._new() for _ in range(self._dice.randint(1, 3))])

    async def _ask(self, conn: Connection, account: int) -> None:
        """Let a member ask, and see that asking again closes nothing."""
        source = self._chat.source
        has_rested, closed = await conn.fetchrow(_ASK, source, account, ASKED_REST_S)
        if closed and not has_rested:
            raise AssertionError(f"{account} of {source} asked again, and windows were closed")

    def _new(self) -> Earning:
        done = self._chat.earnings
        if done and self._dice.random() < 0.3:
            return self._dice.choice(done)
        # Nothing happens at one moment twice, so the model tells any two of them apart.
        now = BEGAN_AT + timedelta(
            seconds=asyncio.get_running_loop().time(), microseconds=len(done)
        )
        account = self._dice.choice(accounts_of(self._chat.source))
        one = Earning(account, MESSAGES, self._dice.randint(1, 9), now, COOLDOWN_S, XP_PER_DAY_MAX)
        done.append(one)
        return one

    async def _earn(self, earnings: list[Earning]) -> None:
        source = self._chat.source
        for one in earnings:
            self._model.asked(source, one)
        async with self._pool.acquire() as conn, conn.transaction():
            results = await windows.earn(conn, source, earnings, RULES)
            await self._check_person(conn, earnings, results)
        for one, result in zip(earnings, results, strict=True):
            self._model.answered(source, one, result)

    async def _check_person(
        self, conn: Connection, earnings: Sequence[Earning], results: Sequence[Earned | None]
    ) -> None:
        """See that cooldown and limit are the person's, with whichever account they write."""
        last = {
            one.account_id: one
            for one, result in zip(earnings, results, strict=True)
            if result is not None and result.xp
        }
        for one in last.values():
            others, earned = await conn.fetchrow(
                _OF_PERSON,
                self._chat.source,
                one.account_id,
                MESSAGES,
                one.happened_at,
                COOLDOWN_S,
                one.happened_at.date(),
            )
            if others or earned > XP_PER_DAY_MAX:
                raise AssertionError(
                    f"{one} of {self._chat.source} counted: {others} accounts of the person earned"
                    f" within the cooldown, all have {earned} XP"
                )


#: Closes the windows of a person who asks. One statement, so that both have the same time.
_ASK: Final = """
    WITH before AS MATERIALIZED (
        SELECT count(*) = 0 AS has_rested FROM accounts AS a JOIN accounts AS t USING (member_id)
        JOIN earning_windows AS w ON w.platform = t.platform AND w.account_id = t.account_id
        WHERE a.platform = $1 AND a.account_id = $2
            AND w.closed_at BETWEEN now() - make_interval(secs => $3) AND now()
    )
    SELECT b.has_rested, (SELECT count(*) FROM twinstream.close_windows_of($1, $2, '{}', $3))
    FROM before AS b
"""
#: How many other accounts of a person earned less than the cooldown ago, and what all of them have
#: in windows and ledger of that day: each window is of one day here, because a month ends.
_OF_PERSON: Final = """
    WITH theirs AS (
        SELECT t.platform, t.account_id FROM accounts AS a JOIN accounts AS t USING (member_id)
        WHERE a.platform = $1 AND a.account_id = $2
    )
    SELECT
        (
            SELECT count(*) FROM theirs JOIN earning_windows AS w USING (platform, account_id)
            WHERE w.reason = $3 AND theirs.platform <> $1
                AND w.last_at > $4::timestamptz - make_interval(secs => $5)
        ),
        (
            SELECT coalesce(sum(w.xp), 0) FROM theirs
            JOIN earning_windows AS w USING (platform, account_id)
            WHERE w.reason = $3 AND w.day = $6
        ) + (
            SELECT coalesce(sum(e.delta_xp), 0) FROM theirs
            JOIN transactions AS e ON e.source = theirs.platform
                AND e.account_id = theirs.account_id AND e.platform = e.source
            WHERE e.reason = $3 AND (e.occurred_at AT TIME ZONE 'UTC')::date = $6
        )
"""
