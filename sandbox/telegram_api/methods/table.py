"""The method table: every Bot API method that the sandbox imitates."""

from sandbox.telegram_api.parameters import Methods, Parameters

from . import bot_profile, updates
from .chats import chat_settings, members, topics
from .messages import (
    ephemeral,
    forwarding,
    media,
    pins_and_reactions,
    polls,
    simple_contents,
    texts,
)
from .updates import GetUpdates

__all__ = ["METHODS", "TABLE", "method_name"]

# getUpdates waits for updates, so the platform runs it apart. All others return at once.
TABLE: Methods = {
    **texts.METHODS,
    **ephemeral.METHODS,
    **media.METHODS,
    **simple_contents.METHODS,
    **polls.METHODS,
    **forwarding.METHODS,
    **pins_and_reactions.METHODS,
    **topics.METHODS,
    **chat_settings.METHODS,
    **members.METHODS,
    **bot_profile.METHODS,
    **updates.METHODS,
}


def method_name(parameters: type[Parameters]) -> str:
    """Return the method's name on the wire: SendMessage -> sendMessage."""
    return parameters.__name__[0].lower() + parameters.__name__[1:]


KINDS: list[type[Parameters]] = [*TABLE, GetUpdates]
METHODS: dict[str, type[Parameters]] = {method_name(kind): kind for kind in KINDS}
