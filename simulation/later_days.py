"""The days after a run: members come back or miss days, and a model says what becomes of streaks.

Nothing fails any more, so every answer is known: a day is paid once to a person, with whichever
account they come, a missed day is forgiven once a month, and more of them end the streak.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from bus import SOURCES
from db.rewards import daily
from db.rewards.daily import Claim, DailyRules
from db.rewards.days import days_around

from .bot_calls import accounts_of
from .pool import Pool

DAYS: Final = 6
DAY_MS: Final = 24 * 3_600_000
FORGIVEN_DAYS: Final = 1
RULES: Final = DailyRules(3, 2, 0, 0, 0, 0, FORGIVEN_DAYS, 0, {})


class WrongStreak(AssertionError):
    """An answer to a claim is not what the model says."""


@dataclass
class _Streak:
    """What a member has after the last claim."""

    day: date
    days: int
    forgiven: int

    def on(self, day: date) -> tuple[int, int, int]:
        """Return the days in a row, those forgiven now, and the streak that ends, by a claim."""
        missed = (day - self.day).days - 1
        if missed <= 0:
            return self.days + 1, 0, 0
        if missed <= FORGIVEN_DAYS - self.forgiven:
            return self.days + 1, missed, 0
        return 1, 0, self.days


class LaterDays:
    """The claims of all members on the days after a run."""

    def __init__(
        self, dice: random.Random, now_ms: Callable[[], int], pass_ms: Callable[[int], None]
    ) -> None:
        """`pass_ms` lets the clock of Postgres go on."""
        self._dice = dice
        self._now_ms = now_ms
        self._pass_ms = pass_ms
        self._streaks: dict[int, _Streak] = {}

    async def live(self, pool: Pool) -> None:
        """Let the days pass, and members claim on some of them.

        Raises:
            WrongStreak: says which answer is wrong.
        """
        async with pool.acquire() as conn:
            for _ in range(DAYS):
                self._pass_ms(self._dice.choice([1, 1, 1, 2, 3]) * DAY_MS)
                for source in SOURCES:
                    for account in accounts_of(source):
                        if self._dice.random() < 0.6:
                            await self._claim(conn, source, account)

    async def _claim(self, conn: Any, source: Any, account: int) -> None:
        now = datetime.fromtimestamp(self._now_ms() / 1_000, UTC)
        claim = await daily.claim(
            conn, source, account, "Ann", days=days_around(now, ZoneInfo("UTC")), rules=RULES
        )
        member = await conn.fetchval(
            "SELECT member_id FROM accounts WHERE platform = $1 AND account_id = $2",
            source,
            account,
        )
        known = self._streaks.get(member)
        if known is not None:
            _compare(claim, known, now.date())
        if claim.outcome == "claimed":
            used = FORGIVEN_DAYS - claim.left_to_forgive
            self._streaks[member] = _Streak(now.date(), claim.streak, used)


def _compare(claim: Claim, known: _Streak, today: date) -> None:
    if known.day == today:
        if claim.outcome != "counted" or claim.streak != known.days:
            raise WrongStreak(f"the day was claimed already, and the answer is {claim}")
        return
    wanted = known.on(today)
    got = claim.streak, claim.forgiven, claim.lost
    if claim.outcome != "claimed" or got != wanted:
        raise WrongStreak(f"after {known} a claim on {today} is {claim}, and should be {wanted}")
