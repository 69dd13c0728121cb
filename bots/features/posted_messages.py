"""Messages that members post, as rooms see them on either platform."""

from datetime import datetime
from typing import NamedTuple


class MessagePlace(NamedTuple):
    """Where a message was posted. Ids of Telegram's groups are negative, Discord's positive."""

    id: int
    """The chat, the channel, or the thread."""
    topic: int | None = None
    """The topic of a Telegram forum; 1 is its general one."""
    within: tuple[int, ...] = ()
    """On Discord the channel of a thread, and the category."""
    is_home: bool = True
    """Whether it belongs to the community's group or server, not to another chat of the list."""


class Posted(NamedTuple):
    """A message that a member wrote: no edit, no forward, no post of a bot or a channel."""

    account_id: int
    name: str
    message_id: int
    place: MessagePlace
    at: datetime
    """When the platform received it, by the platform's clock."""
    text: str | None
    """None where there is nothing to judge: a picture without a caption, or a bot that may not
    read. Empty for a sticker."""
    is_command: bool = False
    """Whether Telegram marks it as a command of some bot."""
    roles: frozenset[int] = frozenset()
    """The author's roles on Discord."""
