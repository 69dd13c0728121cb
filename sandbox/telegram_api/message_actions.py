"""Methods around messages: pins, reactions, chat actions and answers to pressed buttons."""

import msgspec

from . import parameters as p
from .errors import bad_request
from .parameter_parser import STALE_QUERY
from .payloads import quoted
from .world import World

__all__ = ["METHODS"]

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
REACTIONS = frozenset(
    "👍👎❤🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋🖕😈😴😭🤓👻👀🎃🙈😇😨🤝✍🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾😡"
)


def pin_message(world: World, call: p.PinChatMessage) -> bool:
    """Pin a message of the group."""
    group = world.group(call.chat_id)
    world.require(group, "can_pin_messages", NO_PINNING)
    message = world.message(group.id, call.message_id)
    if message is None:
        raise bad_request("message to pin not found")
    group.pinned = [m for m in group.pinned if m != call.message_id] + [call.message_id]
    world.notice(group, world.bot, pinned_message=quoted(message))
    return True


def unpin_message(world: World, call: p.UnpinChatMessage) -> bool:
    """Unpin a message of the group, by default the latest pinned one."""
    group = world.group(call.chat_id)
    world.require(group, "can_pin_messages", NO_PINNING)
    target = call.message_id if call.message_id is not None else (group.pinned or [0])[-1]
    if target not in group.pinned:
        raise bad_request("message to unpin not found")
    group.pinned.remove(target)
    return True


def set_message_reaction(world: World, call: p.SetMessageReaction) -> bool:
    """Set the bot's one reaction to a message; an empty list removes it."""
    chat = world.writable(call.chat_id)
    if world.message(chat.id, call.message_id) is None:
        raise bad_request("message to react not found")
    if len(call.reaction) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    if any(one.type != "emoji" or one.emoji not in REACTIONS for one in call.reaction):
        raise bad_request("REACTION_INVALID")
    key = f"{chat.id}:{call.message_id}:{world.bot.id}"
    world.state.reactions[key] = [msgspec.to_builtins(one) for one in call.reaction]
    return True


def send_chat_action(world: World, call: p.SendChatAction) -> bool:
    """Show a chat action, such as "typing..."."""
    world.writable(call.chat_id)
    if call.action not in CHAT_ACTIONS:
        raise bad_request("wrong parameter action in request")
    return True


def answer_callback_query(world: World, call: p.AnswerCallbackQuery) -> bool:
    """Answer a pressed button, once and in time."""
    query = world.state.queries.get(call.callback_query_id)
    if query is None or query.answered or world.now() - query.at > QUERY_SECONDS:
        raise bad_request(STALE_QUERY)
    if len(call.text) > ALERT_LENGTH_MAX:
        raise bad_request("MESSAGE_TOO_LONG")
    if call.url:
        raise bad_request("URL_INVALID")
    query.answered = True
    return True


METHODS: p.Methods = {
    p.PinChatMessage: pin_message,
    p.UnpinChatMessage: unpin_message,
    p.SetMessageReaction: set_message_reaction,
    p.SendChatAction: send_chat_action,
    p.AnswerCallbackQuery: answer_callback_query,
}
