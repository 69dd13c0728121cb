"""The expected outcome of a run, kept apart from the code under test."""

from dataclasses import dataclass, field
from typing import NamedTuple

from bus import Source


class Effect(NamedTuple):
    """The effect of one event on the books."""

    source: Source
    account: int
    xp: int = 0
    balance: int = 0
    achievement: str | None = None


@dataclass
class Expectations:
    """The answers that the bots received, by idempotency key."""

    #: Confirmed as committed: the event must be in the books of both platforms.
    committed: dict[str, Effect] = field(default_factory=dict)
    #: Not confirmed, for example because the answer to the commit was lost.
    unknown: dict[str, Effect] = field(default_factory=dict)
    #: Added to a stream by another program. The event may be lost with Redis, or be refused.
    foreign: dict[str, Effect] = field(default_factory=dict)
    #: Keys of entries without an event, which must have the status `failed`.
    unreadable: set[str] = field(default_factory=set)
    #: Whether Redis lost data, which may include entries of another program.
    redis_lost_data: bool = False

    def tried(self, key: str, effect: Effect) -> None:
        """Record an attempt whose outcome is not known yet."""
        if key not in self.committed:
            self.unknown.setdefault(key, effect)

    def succeeded(self, key: str, effect: Effect) -> None:
        """Record that a bot received the confirmation."""
        self.committed[key] = effect
        self.unknown.pop(key, None)
