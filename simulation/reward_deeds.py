"""Rewards as deeds: administrators give and take, also by a command that comes twice."""

import contextlib
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final

from bus import Source
from db import DbError
from db.rewards import administrators
from db.rewards.administrators import Reward, RewardLimits

from .bot_calls import ACHIEVEMENTS, Wanted, accounts_of, effect_of, key_of
from .chats import Chat, Given
from .expectations import Expectations
from .link_deeds import NO_ANSWER
from .pool import Pool
from .postgres import RealPostgres

REASON: Final = "reward"
LIMITS: Final = RewardLimits(rewards=5, xp=30, balance=30)


class RewardDeeds:
    """The commands of the administrators on one platform: all members are."""

    def __init__(self, chat: Chat, pool: Pool, dice: random.Random, expected: Expectations) -> None:
        self._chat = chat
        self._pool: Any = pool
        self._dice = dice
        self._expected = expected

    async def act(self) -> None:
        """Let administrators give a few rewards."""
        for _ in range(self._dice.randint(1, 3)):
            known = self._chat.rewards
            again = bool(known) and self._dice.random() < 0.3
            await self._give(self._dice.choice(known) if again else self._new())

    def _new(self) -> Given:
        dice, accounts = self._dice, accounts_of(self._chat.source)
        reward = Reward(
            entity_id=f"reward-{self._chat.source}-{len(self._chat.rewards)}",
            xp=dice.choice([0, 5, 20, -5, -40]),
            balance=dice.choice([0, 0, 4, -9]),
            achievement=dice.choice([None, None, None, *ACHIEVEMENTS]),
            reason="for the quiz",
        )
        if not (reward.xp or reward.balance or reward.achievement):
            reward = reward._replace(xp=5)
        given = Given(dice.choice(accounts), dice.choice(accounts), reward)
        self._chat.rewards.append(given)
        return given

    async def _give(self, one: Given) -> None:
        source, expected = self._chat.source, self._expected
        parts = {key_of(part): effect_of(part) for part in _parts(source, one)}
        new = parts.keys() - expected.unknown.keys() - expected.committed.keys()
        for key, effect in parts.items():
            expected.tried(key, effect)
        with contextlib.suppress(DbError, *NO_ANSWER):
            async with self._pool.acquire() as conn:
                given = await administrators.give(
                    conn, source, one.administrator, one.account, one.reward, LIMITS
                )
            amounts = [key for key, effect in parts.items() if effect.achievement is None]
            unlocks = parts.keys() - set(amounts)
            if given.outcome == "given":
                for key in [*amounts, *(unlocks if given.unlocked else ())]:
                    expected.succeeded(key, parts[key])
            elif given.outcome != "again":
                # The answer says that nothing was given, now or by an earlier call.
                for key in new:
                    expected.unknown.pop(key, None)


def _parts(source: Source, one: Given) -> Iterator[Wanted]:
    """Return the events of a reward, as calls of the producer."""
    common = {"user_id": one.account, "source": source}
    entity = {"reason": REASON, "entity_id": one.reward.entity_id}
    if one.reward.xp:
        yield common | entity | {"delta_xp": one.reward.xp}
    if one.reward.balance:
        yield common | entity | {"delta_balance": one.reward.balance}
    if one.reward.achievement:
        yield common | {"achievement": one.reward.achievement}


def reward_breaches(real: RealPostgres) -> Iterator[str]:
    """Each reward is in the ledger as its row says, nobody rewards themselves, and limits hold."""
    entries: dict[tuple[Source, str], Counter[str]] = defaultdict(Counter)
    for row in real.fetch(
        "SELECT * FROM transactions WHERE reason = $1 AND platform = source", REASON
    ):
        for what in ("xp", "balance"):
            entries[row["source"], row["entity_id"]][what] += row[f"delta_{what}"]
    rows = real.fetch("SELECT * FROM rewards ORDER BY id")
    of_rows: dict[tuple[Source, str], Counter[str]] = defaultdict(Counter)
    spent: dict[tuple[Source, int], Counter[str]] = defaultdict(Counter)
    for row in rows:
        administrator = row["platform"], row["administrator_id"]
        spent[administrator]["rewards"] += 1
        for what in ("xp", "balance"):
            of_rows[row["platform"], row["entity_id"]][what] += row[what]
            spent[administrator][what] += abs(row[what])
        if row["administrator_id"] == row["account_id"]:
            yield f"an administrator rewarded themselves: {dict(row)}"
    for key in entries.keys() | of_rows.keys():
        if any(entries[key][what] != of_rows[key][what] for what in ("xp", "balance")):
            yield f"the reward {key} is {of_rows[key]}, its entries are {entries[key]}"
    for administrator, sums in spent.items():
        if any(sums[what] > most for what, most in LIMITS._asdict().items()):
            yield f"the administrator {administrator} gave {dict(sums)}, the limits are {LIMITS}"
    for row in real.fetch("SELECT id, xp, balance FROM members WHERE least(xp, balance) < 0"):
        yield f"a member has less than nothing: {dict(row)}"
