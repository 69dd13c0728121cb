"""The method table: every Bot API method that the sandbox imitates."""

from . import bot_profile, members, message_actions, messages, updates
from .parameters import GetUpdates, Methods, Parameters

__all__ = ["METHODS", "TABLE", "method_name"]

# getUpdates waits for updates, so the platform runs it apart. All others return at once.
TABLE: Methods = {
    **messages.METHODS,
    **message_actions.METHODS,
    **members.METHODS,
    **bot_profile.METHODS,
    **updates.METHODS,
}


def method_name(parameters: type[Parameters]) -> str:
    """Return the method's name on the wire: SendMessage -> sendMessage."""
    return parameters.__name__[0].lower() + parameters.__name__[1:]


KINDS: list[type[Parameters]] = [*TABLE, GetUpdates]
METHODS: dict[str, type[Parameters]] = {method_name(kind): kind for kind in KINDS}
