"""Methods that forward messages and copy them."""

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.parameters import ChatId, MessageEntity, Methods, Parameters, Sending
from sandbox.telegram_api.texts.formatting import formatted_caption
from sandbox.telegram_api.texts.keyboards import read_keyboard
from sandbox.telegram_api.world import JSON, User, World
from sandbox.telegram_api.world.deliveries import is_service
from sandbox.telegram_api.world.payloads import forward_origin

from .sending import post, thread_for

__all__ = ["METHODS", "content_of"]

FORWARDED_AT_ONCE = range(1, 101)
# Fields that belong to the place of a message, and do not go along.
PLACE = frozenset(
    {
        "message_id",
        "date",
        "edit_date",
        "chat",
        "from",
        "sender_chat",
        "sender_tag",
        "message_thread_id",
        "is_topic_message",
        "is_automatic_forward",
        "reply_to_message",
        "external_reply",
        "quote",
        "reply_markup",
        "forward_origin",
        "has_protected_content",
        "media_group_id",
    }
)


def content_of(message: JSON) -> JSON:
    """Return what a forward or copy of a message contains."""
    return {key: value for key, value in message.items() if key not in PLACE}


class Forwarding(Parameters, kw_only=True):
    """Parameters of every method that forwards."""

    chat_id: ChatId
    from_chat_id: ChatId
    message_thread_id: int | None = None
    disable_notification: bool = False
    protect_content: bool = False


class ForwardMessage(Forwarding, kw_only=True):
    message_id: int


def forward_message(world: World, call: ForwardMessage) -> JSON:
    """Forward one message. Returns Message."""
    return _forward(world, call, _source(world, call.from_chat_id, call.message_id, "forward"))


def _source(world: World, chat_id: ChatId, message_id: int, verb: str) -> JSON:
    message = world.message(world.chat(chat_id).id, message_id)
    if message is None:
        raise bad_request(f"message to {verb} not found")
    if is_service(message) or message.get("has_protected_content"):
        raise bad_request(f"message can't be {'copied' if verb == 'copy' else 'forwarded'}")
    return message


def _forward(world: World, call: Forwarding, source: JSON) -> JSON:
    chat = world.writable(call.chat_id)
    message = world.compose(
        chat,
        world.bot,
        thread_id=thread_for(world, chat, call.message_thread_id),
        forward_origin=forward_origin(source),
        has_protected_content=call.protect_content or None,
        **content_of(source),
    )
    return world.post(message, author=world.bot_id)


class ForwardMessages(Forwarding, kw_only=True):
    message_ids: list[int]


def forward_messages(world: World, call: ForwardMessages) -> list[JSON]:
    """Forward up to 100 messages, skipping those that cannot be. Returns a list of MessageId."""
    sources = _sources(world, call.from_chat_id, call.message_ids, "forward")
    return [{"message_id": _forward(world, call, source)["message_id"]} for source in sources]


def _sources(world: World, chat_id: ChatId, message_ids: list[int], verb: str) -> list[JSON]:
    if len(message_ids) not in FORWARDED_AT_ONCE:
        raise bad_request(f"there are no messages to {verb}, or too many")
    if sorted(set(message_ids)) != message_ids:
        raise bad_request("message identifiers must be in a strictly increasing order")
    source = world.chat(chat_id)
    kept = [world.message(source.id, message_id) for message_id in message_ids]
    found = [
        message
        for message in kept
        if message and not is_service(message) and not message.get("has_protected_content")
    ]
    if not found:
        raise bad_request(f"there are no messages to {verb}")
    return found


class CopyMessage(Sending, kw_only=True):
    from_chat_id: ChatId
    message_id: int
    caption: str | None = None
    parse_mode: str | None = None
    caption_entities: list[MessageEntity] | None = None
    show_caption_above_media: bool = False


def copy_message(world: World, call: CopyMessage) -> JSON:
    """Send the content of a message again, with another caption if given. Returns MessageId."""
    source = _source(world, call.from_chat_id, call.message_id, "copy")
    content = content_of(source)
    if call.caption is not None and "text" not in content:
        content.pop("caption_entities", None)
        content.pop("caption", None)
        content |= formatted_caption(
            world.state, call.caption, call.parse_mode, call.caption_entities
        )
    return {"message_id": post(world, call, content)["message_id"]}


class CopyMessages(Forwarding, kw_only=True):
    message_ids: list[int]
    remove_caption: bool = False


def copy_messages(world: World, call: CopyMessages) -> list[JSON]:
    """Send the contents of up to 100 messages again. Returns a list of MessageId."""
    chat = world.writable(call.chat_id)
    thread_id = thread_for(world, chat, call.message_thread_id)
    copies = []
    for source in _sources(world, call.from_chat_id, call.message_ids, "copy"):
        content = content_of(source)
        if call.remove_caption:
            content = {k: v for k, v in content.items() if k not in ("caption", "caption_entities")}
        markup = read_keyboard(source.get("reply_markup"), private=isinstance(chat, User))
        copied = world.compose(chat, world.bot, thread_id=thread_id, reply_markup=markup, **content)
        copies.append({"message_id": world.post(copied, author=world.bot_id)["message_id"]})
    return copies


METHODS: Methods = {
    ForwardMessage: forward_message,
    ForwardMessages: forward_messages,
    CopyMessage: copy_message,
    CopyMessages: copy_messages,
}
