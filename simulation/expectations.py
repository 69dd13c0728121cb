"""The expected outcome of a run, kept apart from the code under test."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from bus import Source

from .earning_model import EarningModel


class Effect(NamedTuple):
    """The effect of one event on the books."""

    source: Source
    account: int
    xp: int = 0
    balance: int = 0
    achievement: str | None = None


@dataclass
class LinkAnswers:
    """Answers about links. An answer may be lost, so more links may have been made and ended."""

    #: By the number of the link: the account on Telegram, the one on Discord, and the policy.
    made: dict[int, tuple[int, int, str]] = field(default_factory=dict)
    #: How often a code has linked these accounts.
    redeemed: Counter[tuple[int, int]] = field(default_factory=Counter)
    unlinked: set[int] = field(default_factory=set)
    undone: set[int] = field(default_factory=set)


@dataclass
class InvitationsTold:
    """The news that bots had of newcomers in Telegram, and the answers that they got."""

    #: By the account that came: everybody by whom it may have come.
    inviters: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    #: Accounts that had earned something before they were first invited.
    known_before: set[int] = field(default_factory=set)
    #: The status that an invitation had once its account had left; it is the last one.
    ended: dict[int, str] = field(default_factory=dict)


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
    #: Keys that no event may have, from another program's entries. They must have the status
    #: `failed`.
    refused: set[str] = field(default_factory=set)
    links: LinkAnswers = field(default_factory=LinkAnswers)
    invitations: InvitationsTold = field(default_factory=InvitationsTold)
    earnings: EarningModel = field(default_factory=EarningModel)
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
