"""The chat of one platform, as a bot finds it that starts again: messages, and what was done."""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from bus import Source
from db.earning import Earning
from db.rewards.administrators import Reward

from .clock import EPOCH_MS

#: The place in which members write: a Telegram group, a Discord channel.
PLACES: Final[dict[Source, int]] = {"telegram": -1, "discord": 9}
BEGAN_AT: Final = datetime.fromtimestamp(EPOCH_MS / 1_000, UTC)


class Message(NamedTuple):
    """A message of a member."""

    number: int
    author: int
    sent_at: datetime


class Given(NamedTuple):
    """A command of an administrator that gives a member something."""

    administrator: int
    account: int
    reward: Reward


class Chat:
    """Everything that a bot may hear of a second time, from members or from its platform."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.messages: list[Message] = []
        #: Earnings that were handed in; platforms deliver updates again.
        self.earnings: list[Earning] = []
        self.rewards: list[Given] = []
        #: The reactions that members gave, as (message, account); also those that do not count.
        self.reactions: set[tuple[int, int]] = set()
        self._last = 0

    def post(self, author: int, sent_at: datetime) -> Message:
        """Let a member write a message."""
        self._last += 1
        message = Message(self._last, author, sent_at)
        self.messages.append(message)
        return message

    def author_of(self, number: int) -> Any:
        """Return the author of a message; None for a message that nobody wrote here."""
        return next((one.author for one in self.messages if one.number == number), None)
