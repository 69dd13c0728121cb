"""The port through which a bot sends messages that answer no command, and its errors.

Each platform implements it in its own `delivery.py`. Duties of the rooms send through it.
"""

from typing import Protocol

from bots.texts.buttons import Rows

#: Seconds until a message is tried again that was refused for a reason which lasts until a person
#: acts, such as a closed topic or a missing right.
LASTING_RETRY_S = 60.0


class Unsent(Exception):
    """The platform certainly refused the message, so it may be sent again later.

    An attempt within `retry_s` seconds is of no use.
    """

    def __init__(self, why: str, *, retry_s: float = LASTING_RETRY_S) -> None:
        super().__init__(why)
        self.retry_s = retry_s


class PerhapsSent(Exception):
    """It is unknown whether the platform sent the message."""


class Unwanted(Exception):
    """The account takes no private messages from the bot, or does not exist any more."""


class Delivery(Protocol):
    """One platform's way to send messages that answer no command."""

    @property
    def has_announcements(self) -> bool:
        """Whether twinstream.toml wants announcements on this platform."""
        ...

    async def announce(self, text: str) -> None:
        """Send a formatted text to the place of announcements.

        Raises:
            Unsent: the platform certainly refused it.
            PerhapsSent: it is unknown whether the platform sent it.
        """
        ...

    async def tell(self, account_id: int, text: str, buttons: Rows = ()) -> None:
        """Send a formatted text to one account, in private, with buttons for it under the text.

        Raises:
            Unwanted: the account takes no private messages from the bot.
            Unsent: the platform certainly refused it for now.
            PerhapsSent: it is unknown whether the platform sent it.
        """
        ...

    async def bot_name(self) -> str | None:
        """Return the user name by which people open the private chat with the bot; None for none.

        Raises:
            Unsent: the platform does not say it now.
        """
        ...
