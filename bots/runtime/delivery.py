"""The port through which a bot sends messages that answer no command, and its errors.

Each platform implements it in its own `delivery.py`. Duties of the rooms send through it.
"""

from typing import NamedTuple, Protocol

from bots.texts.buttons import Rows

#: Seconds until a message is tried again that was refused for a reason which lasts until a person
#: acts, such as a closed topic or a missing right.
LASTING_RETRY_S = 60.0


class PublicPlace(NamedTuple):
    """Where several people read along."""

    channel_id: int | None = None
    """The channel or the thread on Discord; a chat on Telegram. None: the Telegram group."""
    topic_id: int | None = None
    """The topic of a forum in Telegram."""


class Unsent(Exception):
    """The platform certainly refused the message, so it may be sent again later.

    An attempt within `retry_s` seconds is of no use. `cause` says in a few words what a person has
    to change; None if the platform asks for patience only.
    """

    def __init__(
        self, why: str, *, retry_s: float = LASTING_RETRY_S, cause: str | None = None
    ) -> None:
        super().__init__(why)
        self.retry_s = retry_s
        self.cause = cause


class PerhapsSent(Exception):
    """It is unknown whether the platform sent the message."""


class Unwanted(Exception):
    """The account takes no private messages from the bot, or does not exist any more."""


class Delivery(Protocol):
    """One platform's way to send messages that answer no command."""

    async def announce(self, place: PublicPlace, text: str, *, reply_to: int | None = None) -> None:
        """Send a formatted text to a place, there as a reply to a message if it still exists.

        Raises:
            Unsent: the platform certainly refused it.
            PerhapsSent: it is unknown whether the platform sent it.
        """
        ...

    async def community_name(self) -> str:
        """Return the name of the group or the server; empty while the platform does not say it."""
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
