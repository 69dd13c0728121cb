"""Which bot receives which update, and the queue of each."""

from typing import TYPE_CHECKING

from .payloads import words_of
from .state import JSON, BotState, Group, Member, State, User

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "NEVER_SENT",
    "OPT_IN_UPDATES",
    "UPDATE_KINDS",
    "bots_in",
    "is_command_for",
    "is_service",
    "queue",
    "queue_text",
    "sees",
]

UPDATES_KEPT = 100_000
OPT_IN_UPDATES = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
SENT = OPT_IN_UPDATES | {
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "callback_query",
    "poll",
    "poll_answer",
    "my_chat_member",
    "chat_join_request",
}
# Kinds that belong to what the sandbox does not imitate: a bot may ask for them, and none comes.
NEVER_SENT = frozenset(
    {
        "business_connection",
        "business_message",
        "edited_business_message",
        "deleted_business_messages",
        "guest_message",
        "inline_query",
        "chosen_inline_result",
        "shipping_query",
        "pre_checkout_query",
        "purchased_paid_media",
        "chat_boost",
        "removed_chat_boost",
        "managed_bot",
        "subscription",
        "stopped_message_generation",
    }
)
UPDATE_KINDS = SENT | NEVER_SENT
CONTENTS = frozenset(
    {
        "text",
        "animation",
        "audio",
        "contact",
        "dice",
        "document",
        "location",
        "photo",
        "poll",
        "sticker",
        "venue",
        "video",
        "video_note",
        "voice",
    }
)


def queue(state: State, bot: BotState, kind: str, payload: JSON) -> bool:
    """Queue an update for a bot, if its last poll asked for this kind. Tells whether it did."""
    allowed = bot.allowed_updates
    if kind not in allowed if allowed else kind in OPT_IN_UPDATES:
        return False
    state.update_id += 1
    bot.pending.append({"update_id": state.update_id, kind: payload})
    del bot.pending[:-UPDATES_KEPT]
    return True


def queue_text(state: State, bot: BotState, text: str) -> int:
    """Queue an update sent as `text`, even if the bot did not ask for it. Returns its id.

    `$update_id` in the text stands for the id.
    """
    state.update_id += 1
    bot.raw[state.update_id] = text.replace("$update_id", str(state.update_id))
    bot.pending.append({"update_id": state.update_id})
    return state.update_id


def bots_in(state: State, group: Group) -> "Iterator[tuple[int, Member]]":
    """Return the ids and memberships of the bots that are in a group."""
    for bot_id in state.bots:
        member = group.members.get(bot_id)
        if member is not None and member.in_chat and member.status not in ("left", "kicked"):
            yield bot_id, member


def is_service(message: JSON) -> bool:
    """Tell whether a message reports an event, such as a person who joined."""
    return not CONTENTS & message.keys()


def sees(state: State, group: Group, bot: User, message: JSON, *, author: int | None) -> bool:
    """Tell whether a bot of the group receives a message that `author` sent there.

    No bot receives the messages of bots, and one in privacy mode only those meant for it: commands,
    mentions of itself and replies to itself. Administrators and bots without privacy mode receive
    all others, and everybody receives service messages.
    """
    if is_service(message):
        return True
    if author is not None and author in state.users and state.users[author].is_bot:
        return False
    if group.kind == "channel" or message.get("is_automatic_forward"):
        return True
    if state.bots[bot.id].reads_all or group.members[bot.id].status == "administrator":
        return True
    answered = message.get("reply_to_message", {}).get("from", {}).get("id")
    if answered == bot.id or f"@{bot.username}".lower() in words_of(message).lower():
        return True
    return is_command_for(message, bot.username or "", alone=group.last_bot in (0, bot.id))


def is_command_for(message: JSON, username: str, *, alone: bool) -> bool:
    """Tell whether a message has a command for a bot; one without a name needs `alone`."""
    text = message.get("text", "").encode("utf-16-le")
    for entity in message.get("entities", []):
        if entity["type"] == "bot_command":
            start, size = entity["offset"] * 2, entity["length"] * 2
            _, at, addressee = text[start : start + size].decode("utf-16-le").partition("@")
            if addressee.lower() == username.lower() if at else alone:
                return True
    return False
