"""The daily reward as a deed: members claim, also while links come and go and answers are lost."""

import contextlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bus import Source
from db.rewards import daily
from db.rewards.daily import DailyRules
from db.rewards.days import Days

from .bot_calls import accounts_of
from .clock import EPOCH_MS
from .expectations import Effect, Expectations
from .link_deeds import NO_ANSWER
from .pool import Pool

XP, BALANCE = 3, 2
RULES: Final = DailyRules(XP, BALANCE, 0, 0, 0, 0, 1, 0, {})
#: The length of a day. Clocks jump by an hour at most, so that days come again and are left out.
DAY: Final = timedelta(hours=1)
#: Days on either side of the first one: more than clocks jump together.
AROUND: Final = 12
_FIRST: Final = datetime.fromtimestamp(EPOCH_MS / 1_000, UTC).replace(minute=30)
BEGINS: Final = [_FIRST + number * DAY for number in range(-AROUND, AROUND + 1)]
DAYS: Final = Days(
    [_FIRST.date() + timedelta(days=number) for number in range(len(BEGINS))], BEGINS
)


class DailyDeeds:
    """The claims of one platform's members."""

    def __init__(
        self, source: Source, pool: Pool, dice: random.Random, expected: Expectations
    ) -> None:
        self._source = source
        self._pool: Any = pool
        self._dice = dice
        self._expected = expected

    async def act(self) -> None:
        """Let a member claim. Without an answer, any of the days may have been paid."""
        account = self._dice.choice(accounts_of(self._source))
        possible = {
            key: effect for begin in BEGINS for key, effect in self._effects(account, begin).items()
        }
        new = possible.keys() - self._expected.unknown.keys() - self._expected.committed.keys()
        for key, effect in possible.items():
            self._expected.tried(key, effect)
        with contextlib.suppress(*NO_ANSWER):
            async with self._pool.acquire() as conn:
                claim = await daily.claim(
                    conn, self._source, account, f"m{account}", days=DAYS, rules=RULES
                )
            # An answer leaves open only what earlier calls without one may have done.
            for key in new:
                self._expected.unknown.pop(key, None)
            if claim.outcome == "claimed":
                for key, effect in self._effects(account, claim.next_at - DAY).items():
                    self._expected.succeeded(key, effect)

    def _effects(self, account: int, begin: datetime) -> dict[str, Effect]:
        short = {"telegram": "tg", "discord": "dc"}[self._source]
        entity = f"{begin:%Y-%m-%dT%H:%MZ}"
        return {
            f"{short}_daily_claim_{account}_{entity}": Effect(self._source, account, xp=XP),
            f"{short}_daily_claim.balance_{account}_{entity}": Effect(
                self._source, account, balance=BALANCE
            ),
        }
