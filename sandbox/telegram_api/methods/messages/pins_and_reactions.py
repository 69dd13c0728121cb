"""Methods around messages: pins, reactions, chat actions and answers to pressed buttons."""

import msgspec

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.methods.parameter_parser import STALE_QUERY
from sandbox.telegram_api.parameters import ChatId, Methods, Nested, Parameters
from sandbox.telegram_api.texts.links import LinkError, checked_link
from sandbox.telegram_api.world import JSON, Group, User, World
from sandbox.telegram_api.world.payloads import chat_payload, quoted, user_payload
from sandbox.telegram_api.world.world import GENERAL

from .sending import thread_for

__all__ = ["METHODS", "REACTIONS", "announce_reaction"]

ALERT_LENGTH_MAX = 200
#: Seconds within which a pressed button can be answered.
QUERY_SECONDS = 60
NO_PINNING = "not enough rights to manage pinned messages in the chat"
CHAT_ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)
# Some consist of several code points, joined by U+200D.
_REACTIONS = """
👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤\u200d🔥 🌚
🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨\u200d💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗
🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷\u200d♂ 🤷 🤷\u200d♀ 😡
"""
REACTIONS = frozenset(_REACTIONS.split())


class PinChatMessage(Parameters, kw_only=True):
    chat_id: ChatId
    message_id: int
    disable_notification: bool = False


def pin_message(world: World, call: PinChatMessage) -> bool:
    """Pin a message."""
    chat = _pinnable(world, call.chat_id)
    message = world.message(chat.id, call.message_id)
    if message is None:
        raise bad_request("message to pin not found")
    pinned = world.pins(chat)
    pinned[:] = [one for one in pinned if one != call.message_id] + [call.message_id]
    thread_id = message.get("message_thread_id")
    world.notice(chat, world.bot, thread_id=thread_id, pinned_message=quoted(message))
    return True


class UnpinChatMessage(Parameters, kw_only=True):
    chat_id: ChatId
    message_id: int | None = None


def unpin_message(world: World, call: UnpinChatMessage) -> bool:
    """Unpin a message of the chat, by default the latest pinned one."""
    chat = _pinnable(world, call.chat_id)
    pinned = world.pins(chat)
    target = call.message_id if call.message_id is not None else (pinned or [0])[-1]
    if target not in pinned:
        raise bad_request("message to unpin not found")
    pinned.remove(target)
    return True


class UnpinAllChatMessages(Parameters, kw_only=True):
    chat_id: ChatId


def unpin_all(world: World, call: UnpinAllChatMessages) -> bool:
    """Unpin every message of a chat."""
    world.pins(_pinnable(world, call.chat_id)).clear()
    return True


def _pinnable(world: World, chat_id: ChatId) -> Group | User:
    chat = world.chat(chat_id)
    if isinstance(chat, Group):
        right = "can_edit_messages" if chat.kind == "channel" else "can_pin_messages"
        world.require(chat, right, NO_PINNING)
    return chat


class ReactionType(Nested):
    type: str
    emoji: str | None = None
    custom_emoji_id: str | None = None


class SetMessageReaction(Parameters, kw_only=True):
    chat_id: ChatId
    message_id: int
    reaction: list[ReactionType] = msgspec.field(default_factory=list)
    is_big: bool = False


def set_message_reaction(world: World, call: SetMessageReaction) -> bool:
    """Set the bot's one reaction to a message; an empty list removes it."""
    chat = world.chat(call.chat_id)
    if isinstance(chat, User):
        world.writable(chat.id)
    if world.message(chat.id, call.message_id) is None:
        raise bad_request("message to react not found")
    if len(call.reaction) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    if any(one.type != "emoji" or one.emoji not in REACTIONS for one in call.reaction):
        raise bad_request("REACTION_INVALID")
    reactions = world.state.reactions.setdefault(world.reaction_key(chat.id, call.message_id), {})
    reactions[str(world.bot_id)] = [msgspec.to_builtins(one) for one in call.reaction]
    return True


def announce_reaction(
    world: World, group: Group, message_id: int, actor: JSON, change: tuple[list[JSON], list[JSON]]
) -> None:
    """Send the administrating bots what a person's reactions were and are.

    `actor` is {"user": User} or {"actor_chat": Chat}. Bots of a channel get the counts only.
    """
    place: JSON = {"chat": chat_payload(group), "message_id": message_id, "date": int(world.now())}
    if group.kind == "channel":
        counts: dict[str, JSON] = {}
        for given in world.state.reactions.get(f"{group.id}:{message_id}", {}).values():
            for one in given:
                count = counts.setdefault(repr(one), {"type": one, "total_count": 0})
                count["total_count"] += 1
        news = place | {"reactions": list(counts.values())}
        world.emit_to_administrators(group, "message_reaction_count", news)
        return
    news = place | actor | {"old_reaction": change[0], "new_reaction": change[1]}
    world.emit_to_administrators(group, "message_reaction", news)


class DeleteMessageReaction(Parameters, kw_only=True):
    chat_id: ChatId
    message_id: int
    user_id: int | None = None
    actor_chat_id: int | None = None


def delete_reaction(world: World, call: DeleteMessageReaction) -> bool:
    """Remove a person's reactions to a message."""
    group = _moderated(world, call.chat_id)
    if world.message(group.id, call.message_id) is None:
        raise bad_request("message not found")
    _forget_reactions(world, group, call.message_id, _actor(call))
    return True


class DeleteAllMessageReactions(Parameters, kw_only=True):
    chat_id: ChatId
    user_id: int | None = None
    actor_chat_id: int | None = None


def delete_all_reactions(world: World, call: DeleteAllMessageReactions) -> bool:
    """Remove a person's reactions to every message of a group."""
    group = _moderated(world, call.chat_id)
    for message_id in world.kept(group.id):
        _forget_reactions(world, group, message_id, _actor(call))
    return True


def _moderated(world: World, chat_id: ChatId) -> Group:
    group = world.supergroup(chat_id)
    world.require(group, "can_delete_messages", "not enough rights to delete reactions")
    return group


def _actor(call: DeleteMessageReaction | DeleteAllMessageReactions) -> str:
    if (call.user_id is None) == (call.actor_chat_id is None):
        raise bad_request("exactly one of user_id and actor_chat_id must be specified")
    return str(call.user_id if call.actor_chat_id is None else call.actor_chat_id)


def _forget_reactions(world: World, group: Group, message_id: int, actor: str) -> None:
    before = world.state.reactions.get(f"{group.id}:{message_id}", {}).pop(actor, [])
    user = world.state.users.get(int(actor))
    chat = world.state.groups.get(int(actor))
    if before and user is not None:
        announce_reaction(world, group, message_id, {"user": user_payload(user)}, (before, []))
    elif before and chat is not None:
        news = {"actor_chat": chat_payload(chat)}
        announce_reaction(world, group, message_id, news, (before, []))


class SendChatAction(Parameters, kw_only=True):
    chat_id: ChatId
    action: str
    message_thread_id: int | None = None


def send_chat_action(world: World, call: SendChatAction) -> bool:
    """Show a chat action, such as "typing..."."""
    chat = world.writable(call.chat_id)
    if call.message_thread_id != GENERAL:
        thread_for(world, chat, call.message_thread_id)
    if call.action.lower() not in CHAT_ACTIONS:
        raise bad_request("wrong parameter action in request")
    return True


class AnswerCallbackQuery(Parameters, kw_only=True):
    callback_query_id: str
    text: str = ""
    show_alert: bool = False
    url: str = ""
    cache_time: int = 0


def answer_callback_query(world: World, call: AnswerCallbackQuery) -> bool:
    """Answer a pressed button, once and in time."""
    query = world.state.queries.get(call.callback_query_id)
    if query is None or query.bot_id != world.bot_id:
        raise bad_request(STALE_QUERY)
    if query.answered or world.now() - query.at > QUERY_SECONDS:
        raise bad_request(STALE_QUERY)
    if len(call.text) > ALERT_LENGTH_MAX:
        raise bad_request("MESSAGE_TOO_LONG")
    if call.url and not _opens_the_bot(call.url, world.bot.username or ""):
        raise bad_request("URL_INVALID")
    query.answered = True
    query.text, query.show_alert, query.url = call.text, call.show_alert, call.url
    return True


def _opens_the_bot(url: str, username: str) -> bool:
    """Tell whether a button may open an address: a chat with the bot and a start parameter."""
    try:
        address = checked_link(url).partition("://")[2]
    except LinkError:
        return False
    return address.lower().startswith(f"t.me/{username}?start=".lower())


METHODS: Methods = {
    PinChatMessage: pin_message,
    UnpinChatMessage: unpin_message,
    UnpinAllChatMessages: unpin_all,
    SetMessageReaction: set_message_reaction,
    DeleteMessageReaction: delete_reaction,
    DeleteAllMessageReactions: delete_all_reactions,
    SendChatAction: send_chat_action,
    AnswerCallbackQuery: answer_callback_query,
}
