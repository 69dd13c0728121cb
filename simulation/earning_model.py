"""A model of what members earn in windows: each thing they did counts once at most.

It knows what was handed in, and what Postgres answered. Without an answer, a thing may count.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from bus import Source
from db.earning import Earned, Earning

from .postgres import RealPostgres

#: The reasons of the events that windows become.
MESSAGES: Final = "messages"
VOICE: Final = "voice"
REACTIONS: Final = "reactions"
WINDOW_REASONS: Final = (MESSAGES, VOICE, REACTIONS)


class Account(NamedTuple):
    """An account and the reason for which it earns."""

    source: Source
    account: int
    reason: str


@dataclass
class _Fact:
    """One thing that a member did at one moment."""

    earning: Earning
    #: Calls without an answer; each of them may have counted.
    unanswered: int = 0
    #: The XP that Postgres said that it counts.
    counted: int = 0


@dataclass
class EarningModel:
    """Everything that was handed in, by account, reason and moment."""

    _facts: dict[tuple[Account, datetime], _Fact] = field(default_factory=dict)
    _breaches: list[str] = field(default_factory=list)

    def asked(self, source: Source, one: Earning) -> None:
        """Note that an earning was handed in; it may count from now on."""
        self._fact(source, one).unanswered += 1

    def answered(self, source: Source, one: Earning, result: Earned | None) -> None:
        """Note the answer. None: another transaction held the person, and nothing counts."""
        fact = self._fact(source, one)
        fact.unanswered -= 1
        if result is None or not result.xp:
            return
        if fact.counted:
            self._breaches.append(f"{one} of {source} counted twice: {fact.counted}, {result.xp}")
        if result.xp > one.xp or result.day_xp > one.xp_per_day_max:
            self._breaches.append(f"{one} of {source} counted as {result}")
        fact.counted = result.xp

    def number_of(self, source: Source, reason: str) -> Counter[int]:
        """Return how many things were handed in for each account."""
        return Counter(
            key.account for key, _ in self._facts if key.source == source and key.reason == reason
        )

    def breaches(self, real: RealPostgres) -> Iterator[str]:
        """Yield what does not add up: windows and ledger against what was answered."""
        yield from self._breaches
        found = _earned_by_day(real)
        facts: dict[tuple[Account, date], list[_Fact]] = defaultdict(list)
        for (account, moment), fact in self._facts.items():
            facts[account, moment.date()].append(fact)
        for account, day in found.keys() | facts.keys():
            if account.reason == REACTIONS:
                continue  # judged by the reactions that were entered
            theirs = facts.get((account, day), [])
            least = sum(fact.counted for fact in theirs)
            most = sum(
                fact.counted or (fact.earning.xp if fact.unanswered else 0) for fact in theirs
            )
            limit = min((fact.earning.xp_per_day_max for fact in theirs), default=0)
            if not least <= found[account, day] <= min(most, limit):
                yield (
                    f"{account} earned {least} to {most} XP on {day}, {limit} at most,"
                    f" and has {found[account, day]}"
                )
        yield from _too_early(self._facts)

    def _fact(self, source: Source, one: Earning) -> _Fact:
        key = Account(source, one.account_id, one.reason), one.happened_at
        return self._facts.setdefault(key, _Fact(one))


def earned_by_account(real: RealPostgres) -> Counter[Account]:
    """Return the XP in windows, and in the ledger that came from windows."""
    found: Counter[Account] = Counter()
    for (account, _), xp in _earned_by_day(real).items():
        found[account] += xp
    return found


def _earned_by_day(real: RealPostgres) -> Counter[tuple[Account, date]]:
    """Return it by the day of what counted last. A window ends with its month, so it has one."""
    found: Counter[tuple[Account, date]] = Counter()
    for row in real.fetch(
        """
        SELECT platform AS source, account_id, reason, xp, last_at FROM earning_windows
        UNION ALL
        SELECT source, account_id, reason, delta_xp, occurred_at FROM transactions
        WHERE platform = source AND reason = ANY ($1)
        """,
        list(WINDOW_REASONS),
    ):
        account = Account(row["source"], row["account_id"], row["reason"])
        found[account, row["last_at"].date()] += row["xp"]
    return found


def _too_early(facts: Mapping[tuple[Account, datetime], _Fact]) -> Iterator[str]:
    """Yield things that counted although the one before was less than the cooldown ago."""
    counted = sorted((*key, fact.earning.cooldown_s) for key, fact in facts.items() if fact.counted)
    for (before, at, _), (account, moment, cooldown_s) in pairwise(counted):
        if account == before and moment < at + timedelta(seconds=cooldown_s):
            yield f"{account} earned at {at}, and again at {moment}"
