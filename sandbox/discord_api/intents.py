"""Gateway intents: which events a session receives, and which of their fields."""

from enum import IntFlag

from .payloads import Json

__all__ = ["ALL_INTENTS", "PRIVILEGED_INTENTS", "Intent", "application_flags", "seen_with"]


class Intent(IntFlag):
    """The intent bits of API v10."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_MODERATION = 1 << 2
    GUILD_EXPRESSIONS = 1 << 3
    GUILD_INTEGRATIONS = 1 << 4
    GUILD_WEBHOOKS = 1 << 5
    GUILD_INVITES = 1 << 6
    GUILD_VOICE_STATES = 1 << 7
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15
    GUILD_SCHEDULED_EVENTS = 1 << 16
    AUTO_MODERATION_CONFIGURATION = 1 << 20
    AUTO_MODERATION_EXECUTION = 1 << 21
    GUILD_MESSAGE_POLLS = 1 << 24
    DIRECT_MESSAGE_POLLS = 1 << 25


ALL_INTENTS = ~Intent(0)
PRIVILEGED_INTENTS = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT

# The flags of an application by which Discord shows the privileged intents granted without a
# review, to applications below 10,000 users.
GRANTED_FLAGS = {
    Intent.GUILD_PRESENCES: 1 << 13,
    Intent.GUILD_MEMBERS: 1 << 15,
    Intent.MESSAGE_CONTENT: 1 << 19,
}

NEEDED_IN_GUILD = {
    "GUILD_CREATE": Intent.GUILDS,
    "GUILD_DELETE": Intent.GUILDS,
    "GUILD_ROLE_CREATE": Intent.GUILDS,
    "GUILD_ROLE_UPDATE": Intent.GUILDS,
    "GUILD_ROLE_DELETE": Intent.GUILDS,
    "GUILD_MEMBER_ADD": Intent.GUILD_MEMBERS,
    "GUILD_MEMBER_UPDATE": Intent.GUILD_MEMBERS,
    "GUILD_MEMBER_REMOVE": Intent.GUILD_MEMBERS,
    "GUILD_BAN_ADD": Intent.GUILD_MODERATION,
    "GUILD_BAN_REMOVE": Intent.GUILD_MODERATION,
    "GUILD_AUDIT_LOG_ENTRY_CREATE": Intent.GUILD_MODERATION,
    "MESSAGE_CREATE": Intent.GUILD_MESSAGES,
    "MESSAGE_UPDATE": Intent.GUILD_MESSAGES,
    "MESSAGE_DELETE": Intent.GUILD_MESSAGES,
    "TYPING_START": Intent.GUILD_MESSAGE_TYPING,
}
CONTENT_HIDDEN = {"content": "", "embeds": [], "components": [], "attachments": []}


def application_flags(privileged: Intent) -> int:
    """Return the flags of an application that was granted these privileged intents."""
    return sum(flag for intent, flag in GRANTED_FLAGS.items() if intent in privileged)


def seen_with(
    intents: Intent, event: str, payload: Json, *, direct: bool, bot_id: int
) -> Json | None:
    """Return an event's payload for a session with these intents, or None if it gets no event.

    Without MESSAGE_CONTENT a guild message arrives empty, unless the bot wrote it or is mentioned.
    Interactions need no intent. Updates of the bot's own member need no GUILD_MEMBERS.
    """
    needed = NEEDED_IN_GUILD.get(event, Intent(0))
    if direct and needed:
        needed = Intent.DIRECT_MESSAGES
    own_membership = event == "GUILD_MEMBER_UPDATE" and payload["user"]["id"] == str(bot_id)
    if needed not in intents and not own_membership:
        return None
    if event not in ("MESSAGE_CREATE", "MESSAGE_UPDATE") or direct:
        return payload
    concerned = {payload["author"]["id"], *(user["id"] for user in payload["mentions"])}
    if Intent.MESSAGE_CONTENT in intents or str(bot_id) in concerned:
        return payload
    return payload | CONTENT_HIDDEN
