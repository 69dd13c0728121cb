"""Gateway intents: which events a session receives, and which of their fields."""

from enum import IntFlag

from sandbox.discord_api.payloads import Json

__all__ = [
    "ALL_INTENTS",
    "PRIVILEGED_INTENTS",
    "Intent",
    "application_flags",
    "hidden",
    "seen_with",
]


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

NEEDED_IN_DIRECT = {
    "MESSAGE_REACTION_ADD": Intent.DIRECT_MESSAGE_REACTIONS,
    "MESSAGE_REACTION_REMOVE": Intent.DIRECT_MESSAGE_REACTIONS,
    "MESSAGE_REACTION_REMOVE_ALL": Intent.DIRECT_MESSAGE_REACTIONS,
    "MESSAGE_REACTION_REMOVE_EMOJI": Intent.DIRECT_MESSAGE_REACTIONS,
    "TYPING_START": Intent.DIRECT_MESSAGE_TYPING,
}
NEEDED_IN_GUILD = {
    "GUILD_CREATE": Intent.GUILDS,
    "GUILD_UPDATE": Intent.GUILDS,
    "GUILD_DELETE": Intent.GUILDS,
    "CHANNEL_CREATE": Intent.GUILDS,
    "CHANNEL_UPDATE": Intent.GUILDS,
    "CHANNEL_DELETE": Intent.GUILDS,
    "CHANNEL_PINS_UPDATE": Intent.GUILDS,
    "THREAD_CREATE": Intent.GUILDS,
    "THREAD_UPDATE": Intent.GUILDS,
    "THREAD_DELETE": Intent.GUILDS,
    "THREAD_MEMBERS_UPDATE": Intent.GUILDS,
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
    "MESSAGE_DELETE_BULK": Intent.GUILD_MESSAGES,
    "MESSAGE_REACTION_ADD": Intent.GUILD_MESSAGE_REACTIONS,
    "MESSAGE_REACTION_REMOVE": Intent.GUILD_MESSAGE_REACTIONS,
    "MESSAGE_REACTION_REMOVE_ALL": Intent.GUILD_MESSAGE_REACTIONS,
    "MESSAGE_REACTION_REMOVE_EMOJI": Intent.GUILD_MESSAGE_REACTIONS,
    "VOICE_STATE_UPDATE": Intent.GUILD_VOICE_STATES,
    "PRESENCE_UPDATE": Intent.GUILD_PRESENCES,
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
        needed = NEEDED_IN_DIRECT.get(event, Intent.DIRECT_MESSAGES)
    if needed not in intents and not _own_membership(event, payload, str(bot_id)):
        return None
    if event == "THREAD_MEMBERS_UPDATE" and Intent.GUILD_MEMBERS not in intents:
        return payload if _names(payload, str(bot_id)) else None
    if event not in ("MESSAGE_CREATE", "MESSAGE_UPDATE") or direct:
        return payload
    return payload if Intent.MESSAGE_CONTENT in intents else hidden(payload, str(bot_id))


def _own_membership(event: str, payload: Json, bot_id: str) -> bool:
    """Whether this says something of the bot's own membership, which needs no intent."""
    if event == "GUILD_MEMBER_UPDATE":
        return bool(payload["user"]["id"] == bot_id)
    return event == "VOICE_STATE_UPDATE" and payload["user_id"] == bot_id


def _names(payload: Json, bot_id: str) -> bool:
    """Whether the bot is among the members who came to a thread or left it."""
    added = [one["user_id"] for one in payload.get("added_members", ())]
    return bot_id in (*added, *payload.get("removed_member_ids", ()))


def hidden(payload: Json, bot_id: str) -> Json:
    """Return a message without content, unless the bot wrote it or is mentioned in it."""
    concerned = {payload["author"]["id"], *(user["id"] for user in payload["mentions"])}
    shown = payload if bot_id in concerned else payload | CONTENT_HIDDEN
    if shown is not payload and "message_snapshots" in shown:
        snapshots = [one["message"] | CONTENT_HIDDEN for one in shown["message_snapshots"]]
        shown["message_snapshots"] = [{"message": one} for one in snapshots]
    if shown.get("referenced_message"):
        shown = shown | {"referenced_message": hidden(shown["referenced_message"], bot_id)}
    return shown
