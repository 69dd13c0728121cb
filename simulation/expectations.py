"""What must come of a run, kept apart from the code that is tested."""

from dataclasses import dataclass, field
from typing import NamedTuple

from bus import Source


class Effect(NamedTuple):
    """What one event does to the books."""

    source: Source
    account: int
    xp: int = 0
    balance: int = 0
    achievement: str | None = None


@dataclass
class Expectations:
    """What the bots were told about each idempotency key."""

    #: Told that it is committed: it must be in the books, on both sides.
    committed: dict[str, Effect] = field(default_factory=dict)
    #: Neither told so nor told otherwise, as when the answer to the commit was lost.
    unknown: dict[str, Effect] = field(default_factory=dict)
    #: Put on a stream by another program. It may be lost with Redis, or break a rule.
    foreign: dict[str, Effect] = field(default_factory=dict)
    #: Keys under which an entry that carries no event must be found among the failed.
    unreadable: set[str] = field(default_factory=set)
    #: Whether Redis lost anything, and perhaps what nobody else had.
    redis_lost_data: bool = False

    def tried(self, key: str, effect: Effect) -> None:
        """Note an attempt whose outcome is not known yet."""
        if key not in self.committed:
            self.unknown.setdefault(key, effect)

    def succeeded(self, key: str, effect: Effect) -> None:
        """Note that a bot was told so."""
        self.committed[key] = effect
        self.unknown.pop(key, None)
