"""The events that Hypothesis lets bots create, and the sums that must come of them."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypothesis import strategies as st

import schemas
from bus import SOURCES, Source

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PEOPLE = 2
DISCORD_OFFSET = 100
PRIZES = ("first_win", "lucky")

sources = st.sampled_from(SOURCES)
amounts = st.integers(-25, 40).filter(bool)


class Wanted(NamedTuple):
    """An event that a bot is asked to create."""

    source: Source
    person: int
    kind: str
    amount: int
    number: int

    @property
    def method(self) -> str:
        names = {"xp": "xp_change", "balance": "balance_change", "achievement": "achievement"}
        return f"create_{names[self.kind]}_event"

    @property
    def account(self) -> int:
        return self.person + (DISCORD_OFFSET if self.source == "discord" else 0)

    def arguments(self) -> dict[str, Any]:
        common: dict[str, Any] = {"user_id": self.account, "source": self.source}
        if self.kind == "achievement":
            return common | {"achievement": PRIZES[self.number % len(PRIZES)]}
        cause = {"reason": "game", "entity_id": str(self.number)}
        return common | cause | {f"delta_{self.kind}": self.amount}

    def event(self) -> schemas.Event:
        builders: dict[str, Callable[..., schemas.Event]] = {
            "xp": schemas.xp_changed,
            "balance": schemas.balance_changed,
            "achievement": schemas.achievement_unlocked,
        }
        return builders[self.kind](**self.arguments(), occurred_at=NOON)

    @property
    def key(self) -> str:
        return self.event().idempotency_key


def sums(wanted: list[Wanted]) -> Counter[tuple[int, str]]:
    """The sums of these events, by account and column."""
    total: Counter[tuple[int, str]] = Counter()
    for one in wanted:
        if one.kind != "achievement":
            total[one.account, one.kind] += one.amount
    return Counter({what: value for what, value in total.items() if value})


wanted = st.builds(
    Wanted,
    source=sources,
    person=st.integers(1, PEOPLE),
    kind=st.sampled_from(["xp", "xp", "xp", "balance", "achievement"]),
    amount=amounts,
    number=st.integers(0, 10**9),
)
