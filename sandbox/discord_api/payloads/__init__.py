"""The JSON objects of the API. Every id becomes a string here and nowhere else.

The shapes follow Discord's published OpenAPI description; a contract test compares the two.
"""

from .applications import application, command
from .audit_log import audit_entry, audit_log
from .channels import channel, thread_member
from .files import attachment, expanded
from .guilds import (
    PREFERRED_LOCALE,
    community,
    gateway_guild,
    guild,
    overview,
    own_guild,
    presence,
    role,
    voice_state,
)
from .json_values import Json
from .messages import forward_of, message, message_event, reaction_event
from .users import acting_member, member, own_user, resolved_member, user

__all__ = [
    "PREFERRED_LOCALE",
    "Json",
    "acting_member",
    "application",
    "attachment",
    "audit_entry",
    "audit_log",
    "channel",
    "command",
    "community",
    "expanded",
    "forward_of",
    "gateway_guild",
    "guild",
    "member",
    "message",
    "message_event",
    "overview",
    "own_guild",
    "own_user",
    "presence",
    "reaction_event",
    "resolved_member",
    "role",
    "thread_member",
    "user",
    "voice_state",
]
