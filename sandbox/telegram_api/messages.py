"""Methods on messages, ephemeral ones included: sending, editing, deleting."""

from collections.abc import Sequence
from typing import Any

import msgspec

from . import parameters as p
from .errors import bad_request
from .formatting import found_in, from_html, length_of
from .keyboards import checked_keyboard
from .parameter_parser import STALE_QUERY
from .payloads import quoted
from .state import JSON, Group, User
from .world import World

__all__ = ["METHODS"]

TEXT_LENGTH_MAX = 4096
DELETED_AT_ONCE_MAX = 100
EPHEMERAL_REPLY_SECONDS = 15


def send_message(world: World, call: p.SendMessage) -> JSON:
    """Post a message, ephemeral on request. Returns Message."""
    chat = world.writable(call.chat_id)
    text, entities = _formatted(call.text, call.parse_mode, call.entities)
    message = world.compose(
        chat,
        world.bot,
        text=text,
        entities=entities or None,
        reply_to_message=_replied(world, chat, call),
        reply_markup=checked_keyboard(call.reply_markup),
        link_preview_options=_built(call.link_preview_options),
        has_protected_content=call.protect_content or None,
    )
    if call.ephemeral_message_parameters is None:
        return world.post(message)
    return world.post_ephemeral(message, _receiver(world, chat, call.ephemeral_message_parameters))


def _formatted(
    text: str, parse_mode: str | None, entities: Sequence[p.MessageEntity] | None
) -> tuple[str, list[JSON]]:
    if parse_mode is None:
        plain = text.strip()
        found = [msgspec.to_builtins(entity) for entity in entities or ()] or found_in(plain)
        if any(e["offset"] < 0 or e["offset"] + e["length"] > length_of(text) for e in found):
            raise bad_request("entity beyond the end of the text")
    elif parse_mode.lower() == "html":
        plain, found = from_html(text)
        found = sorted(found + found_in(plain), key=lambda entity: entity["offset"])
    else:
        raise bad_request(f"unsupported parse_mode: the sandbox parses HTML, not {parse_mode!r}")
    if not plain:
        raise bad_request("text must be non-empty")
    if length_of(plain) > TEXT_LENGTH_MAX:
        raise bad_request("message is too long")
    return plain, found


def _replied(world: World, chat: Group | User, call: p.SendMessage) -> JSON | None:
    reply = call.reply_parameters
    if reply is None:
        return None
    if reply.ephemeral_message_id is not None:
        return _replied_ephemeral(world, chat, call, reply.ephemeral_message_id)
    if reply.message_id is None:
        raise bad_request("message identifier is not specified")
    source = chat if reply.chat_id is None else world.chat(reply.chat_id)
    message = world.message(source.id, reply.message_id)
    if message is None:
        if reply.allow_sending_without_reply and source.id == chat.id:
            return None
        raise bad_request("message to be replied not found")
    if reply.quote and reply.quote not in message.get("text", ""):
        raise bad_request("QUOTE_TEXT_INVALID")
    return quoted(message)


def _replied_ephemeral(
    world: World, chat: Group | User, call: p.SendMessage, ephemeral_id: int
) -> JSON:
    message = world.state.ephemeral.get(ephemeral_id)
    if message is None or message["chat"]["id"] != chat.id:
        raise bad_request("message to be replied not found")
    if call.ephemeral_message_parameters is None:
        raise bad_request("a reply to an ephemeral message must be ephemeral")
    if world.now() - message["date"] > EPHEMERAL_REPLY_SECONDS:
        raise bad_request("message to be replied is too old")
    return quoted(message)


def _receiver(world: World, chat: Group | User, to: p.EphemeralMessageParameters) -> User:
    if isinstance(chat, User):
        raise bad_request("ephemeral messages can be sent only to groups and supergroups")
    if not world.present(chat, to.receiver_user_id):
        raise bad_request("receiver user not found in the chat")
    if to.callback_query_id and to.callback_query_id not in world.state.queries:
        raise bad_request(STALE_QUERY)
    return world.state.users[to.receiver_user_id]


def edit_message_text(world: World, call: p.EditMessageText) -> JSON:
    """Replace text and keyboard of one of the bot's messages. Returns Message."""
    old = _own(world, call.chat_id, call.message_id)
    return _store(world, old, _edited(old, call))


def _edited(old: JSON, call: p.EditMessageText | p.EditEphemeralMessageText) -> JSON:
    text, entities = _formatted(call.text, call.parse_mode, call.entities)
    new = {key: old[key] for key in old.keys() - {"entities", "reply_markup"}} | {"text": text}
    if entities:
        new["entities"] = entities
    if preview := _built(call.link_preview_options):
        new["link_preview_options"] = preview
    return _with_keyboard(new, call.reply_markup)


def edit_message_reply_markup(world: World, call: p.EditMessageReplyMarkup) -> JSON:
    """Replace the keyboard of one of the bot's messages. Returns Message."""
    old = _own(world, call.chat_id, call.message_id)
    return _store(world, old, _with_keyboard(old, call.reply_markup))


def _own(world: World, chat_id: p.ChatId, message_id: int) -> JSON:
    chat = world.writable(chat_id)
    message = world.message(chat.id, message_id)
    if message is None:
        raise bad_request("message to edit not found")
    if message["from"]["id"] != world.bot.id or "text" not in message:
        raise bad_request("message can't be edited")
    return message


def _with_keyboard(message: JSON, markup: p.InlineKeyboardMarkup | None) -> JSON:
    bare = {key: value for key, value in message.items() if key != "reply_markup"}
    keyboard = checked_keyboard(markup)
    return bare | {"reply_markup": keyboard} if keyboard else bare


def _store(world: World, old: JSON, new: JSON) -> JSON:
    _require_change(old, new)
    new = new | {"edit_date": int(world.now())}
    world.state.messages[new["chat"]["id"]][new["message_id"]] = new
    return new


def _require_change(old: JSON, new: JSON) -> None:
    shown = ("text", "entities", "reply_markup", "link_preview_options")
    if all(old.get(key) == new.get(key) for key in shown):
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly "
            "the same as a current content and reply markup of the message"
        )


def edit_ephemeral_text(world: World, call: p.EditEphemeralMessageText) -> bool:
    """Replace text and keyboard of an ephemeral message that the bot sent."""
    old = _own_ephemeral(world, call)
    return _store_ephemeral(world, old, _edited(old, call))


def edit_ephemeral_markup(world: World, call: p.EditEphemeralMessageReplyMarkup) -> bool:
    """Replace the keyboard of an ephemeral message that the bot sent."""
    old = _own_ephemeral(world, call)
    return _store_ephemeral(world, old, _with_keyboard(old, call.reply_markup))


def delete_ephemeral(world: World, call: p.DeleteEphemeralMessage) -> bool:
    """Delete an ephemeral message that the bot sent."""
    del world.state.ephemeral[_own_ephemeral(world, call)["ephemeral_message_id"]]
    return True


def _own_ephemeral(
    world: World,
    call: p.EditEphemeralMessageText | p.EditEphemeralMessageReplyMarkup | p.DeleteEphemeralMessage,
) -> JSON:
    chat = world.writable(call.chat_id)
    message = world.state.ephemeral.get(call.ephemeral_message_id)
    if (
        message is None
        or message["chat"]["id"] != chat.id
        or message["receiver_user"]["id"] != call.receiver_user_id
    ):
        raise bad_request("message not found")
    return message


def _store_ephemeral(world: World, old: JSON, new: JSON) -> bool:
    _require_change(old, new)
    world.state.ephemeral[new["ephemeral_message_id"]] = new
    return True


def delete_message(world: World, call: p.DeleteMessage) -> bool:
    """Delete one message: the bot's own, or with can_delete_messages any message."""
    chat = world.chat(call.chat_id)
    message = world.message(chat.id, call.message_id)
    if message is None:
        raise bad_request("message to delete not found")
    if not _deletable(world, chat, message):
        raise bad_request("message can't be deleted")
    del world.state.messages[chat.id][call.message_id]
    return True


def delete_messages(world: World, call: p.DeleteMessages) -> bool:
    """Delete up to 100 messages; missing ones are skipped."""
    chat = world.chat(call.chat_id)
    if not 1 <= len(call.message_ids) <= DELETED_AT_ONCE_MAX:
        raise bad_request("too many message identifiers specified")
    found = [world.message(chat.id, message_id) for message_id in call.message_ids]
    there = [message for message in found if message is not None]
    if not all(_deletable(world, chat, message) for message in there):
        raise bad_request("message can't be deleted")
    for message in there:
        world.state.messages[chat.id].pop(message["message_id"], None)
    return True


def _deletable(world: World, chat: Group | User, message: JSON) -> bool:
    if isinstance(chat, User) or message["from"]["id"] == world.bot.id:
        return True
    return "can_delete_messages" in world.member(chat, world.bot.id).rights


def _built(value: msgspec.Struct | None) -> Any:
    return None if value is None else msgspec.to_builtins(value)


METHODS: p.Methods = {
    p.SendMessage: send_message,
    p.EditMessageText: edit_message_text,
    p.EditMessageReplyMarkup: edit_message_reply_markup,
    p.EditEphemeralMessageText: edit_ephemeral_text,
    p.EditEphemeralMessageReplyMarkup: edit_ephemeral_markup,
    p.DeleteEphemeralMessage: delete_ephemeral,
    p.DeleteMessage: delete_message,
    p.DeleteMessages: delete_messages,
}
