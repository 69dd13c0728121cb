"""The common part of all methods that send: place, topic, reply, keyboard, and the post itself."""

from typing import Any

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.methods.parameter_parser import STALE_QUERY
from sandbox.telegram_api.parameters import (
    EphemeralMessageParameters,
    Posting,
    ReplyParameters,
    Sending,
)
from sandbox.telegram_api.texts.found_entities import length_of
from sandbox.telegram_api.texts.keyboards import read_keyboard
from sandbox.telegram_api.world import JSON, Group, User, World
from sandbox.telegram_api.world.payloads import forward_origin, quoted, words_of
from sandbox.telegram_api.world.world import GENERAL

__all__ = ["SendingToAll", "post", "quotation", "thread_for"]

EPHEMERAL_REPLY_SECONDS = 15
# The parts of a message that a reply from another chat shows of it.
SHOWN_OUTSIDE = (
    "link_preview_options",
    "animation",
    "audio",
    "document",
    "photo",
    "sticker",
    "video",
    "video_note",
    "voice",
    "has_media_spoiler",
    "contact",
    "dice",
    "location",
    "poll",
    "venue",
)


class SendingToAll(Sending, kw_only=True):
    """Parameters of methods whose message may also be ephemeral, for one member only."""

    ephemeral_message_parameters: EphemeralMessageParameters | None = None


def post(
    world: World,
    call: Posting,
    content: JSON,
    *,
    permission: str = "can_send_messages",
    things: str = "text messages",
) -> JSON:
    """Send a message with `content` as the bot. Returns Message."""
    chat = world.writable(call.chat_id, permission, things)
    ephemeral = getattr(call, "ephemeral_message_parameters", None)
    reply = _reply_fields(world, chat, call.reply_parameters, ephemeral=ephemeral is not None)
    markup = read_keyboard(getattr(call, "reply_markup", None), private=isinstance(chat, User))
    inline = markup if markup and "inline_keyboard" in markup else None
    message = world.compose(
        chat,
        world.bot,
        thread_id=thread_for(world, chat, call.message_thread_id, reply.get("reply_to_message")),
        reply_markup=inline,
        has_protected_content=call.protect_content or None,
        **reply,
        **content,
    )
    if ephemeral is not None:
        return world.post_ephemeral(message, _receiver(world, chat, ephemeral))
    world.post(message, author=world.bot_id)
    if markup and inline is None:
        _show_keyboard(world, message, markup)
    return message


def thread_for(
    world: World, chat: Group | User, thread_id: int | None, replied: JSON | None = None
) -> int | None:
    """Return the topic of a new message of the bot: its own, the replied message's, or General."""
    if isinstance(chat, User) or not chat.is_forum:
        if thread_id is not None:
            raise bad_request("message thread not found")
        return None
    if thread_id == GENERAL:
        # General is where messages without a thread go; Telegram knows no thread of this id.
        raise bad_request("message thread not found")
    thread_id = thread_id or (replied or {}).get("message_thread_id") or GENERAL
    topic = chat.topics.get(thread_id)
    if topic is None:
        raise bad_request("message thread not found")
    if topic.is_closed and world.member(chat, world.bot_id).status != "administrator":
        raise bad_request("TOPIC_CLOSED")
    return thread_id


def _reply_fields(
    world: World, chat: Group | User, reply: ReplyParameters | None, *, ephemeral: bool
) -> JSON:
    if reply is None:
        return {}
    if reply.ephemeral_message_id is not None:
        message = _replied_ephemeral(world, chat, reply.ephemeral_message_id, ephemeral=ephemeral)
        return {"reply_to_message": message}
    if reply.message_id is None:
        raise bad_request("message identifier is not specified")
    source = chat if reply.chat_id is None else world.chat(reply.chat_id)
    replied = world.message(source.id, reply.message_id)
    if replied is None:
        if reply.allow_sending_without_reply and source.id == chat.id:
            return {}
        raise bad_request("message to be replied not found")
    fields: JSON = {}
    if reply.quote:
        quote = quotation(reply.quote, replied, near=reply.quote_position or 0)
        if quote is None:
            raise bad_request("QUOTE_TEXT_INVALID")
        fields["quote"] = quote
    if source.id == chat.id:
        return fields | {"reply_to_message": quoted(replied)}
    return fields | {"external_reply": _external(replied)}


def quotation(quote: str, message: JSON, *, near: int = 0) -> JSON | None:
    """Return the TextQuote of a message at the place next to `near`, or None if it is not there."""
    text = words_of(message)
    places = [at for at in range(len(text)) if text.startswith(quote, at)]
    offsets = [length_of(text[:at]) for at in places]
    if not offsets:
        return None
    nearest = min(offsets, key=lambda offset: abs(offset - near))
    return {"text": quote, "position": nearest, "is_manual": True}


def _external(message: JSON) -> JSON:
    found: JSON = {"origin": forward_origin(message)}
    if message["chat"]["type"] != "private":
        found |= {"chat": message["chat"], "message_id": message["message_id"]}
    return found | {name: message[name] for name in SHOWN_OUTSIDE if name in message}


def _replied_ephemeral(
    world: World, chat: Group | User, ephemeral_id: int, *, ephemeral: bool
) -> JSON:
    message = world.state.ephemeral.get(ephemeral_id)
    if message is None or message["chat"]["id"] != chat.id:
        raise bad_request("message to be replied not found")
    if not ephemeral:
        raise bad_request("a reply to an ephemeral message must be ephemeral")
    if world.now() - message["date"] > EPHEMERAL_REPLY_SECONDS:
        raise bad_request("message to be replied is too old")
    return quoted(message)


def _receiver(world: World, chat: Group | User, to: EphemeralMessageParameters) -> User:
    if isinstance(chat, User) or chat.kind == "channel":
        raise bad_request("ephemeral messages can be sent only to groups and supergroups")
    if not world.present(chat, to.receiver_user_id):
        raise bad_request("receiver user not found in the chat")
    if to.callback_query_id and to.callback_query_id not in world.state.queries:
        raise bad_request(STALE_QUERY)
    return world.state.users[to.receiver_user_id]


def _show_keyboard(world: World, message: JSON, markup: JSON) -> None:
    """Show a reply keyboard to everybody in the chat, or if selective to those it is meant for."""
    chat_id = message["chat"]["id"]
    people: list[Any] = [0]
    if markup.get("selective"):
        mentioned = [
            entity["user"]["id"] for entity in message.get("entities", []) if "user" in entity
        ]
        replied = message.get("reply_to_message", {}).get("from", {}).get("id")
        people = [*mentioned, *([replied] if replied else [])]
    for person in people:
        key = f"{chat_id}:{person}"
        world.own.keyboards.pop(key, None)
        if "keyboard" in markup:
            world.own.keyboards[key] = markup
