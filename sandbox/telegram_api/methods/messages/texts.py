"""Methods on messages with text: sending, editing, deleting."""

from collections.abc import Sequence

import msgspec

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.parameters import (
    ChatId,
    Editing,
    LinkPreviewOptions,
    MessageEntity,
    Methods,
    Parameters,
)
from sandbox.telegram_api.texts.formatting import formatted
from sandbox.telegram_api.texts.keyboards import inline_only
from sandbox.telegram_api.world import JSON, Group, User, World

from .sending import SendingToAll, post

__all__ = [
    "METHODS",
    "own_message",
    "require_change",
    "store_edited",
    "text_fields",
    "with_keyboard",
]

DELETED_AT_ONCE_MAX = 100
#: Seconds after which a message can no longer be deleted.
DELETABLE_SECONDS = 48 * 3600
# Service messages that stay, since the chat or topic begins with them.
UNDELETABLE = frozenset({"supergroup_chat_created", "channel_chat_created", "forum_topic_created"})
SHOWN = (
    "text",
    "entities",
    "caption",
    "caption_entities",
    "reply_markup",
    "link_preview_options",
    "photo",
    "document",
    "video",
    "audio",
    "animation",
    "show_caption_above_media",
    "has_media_spoiler",
    "location",
)


class SendMessage(SendingToAll, kw_only=True):
    text: str
    parse_mode: str | None = None
    entities: list[MessageEntity] | None = None
    link_preview_options: LinkPreviewOptions | None = None


def send_message(world: World, call: SendMessage) -> JSON:
    """Post a message, ephemeral on request. Returns Message."""
    fields = text_fields(
        world, call.text, call.parse_mode, call.entities, call.link_preview_options
    )
    return post(world, call, fields)


def text_fields(
    world: World,
    text: str,
    parse_mode: str | None,
    entities: Sequence[MessageEntity] | None,
    preview: LinkPreviewOptions | None,
) -> JSON:
    """Return the fields of a message with text."""
    plain, found = formatted(world.state, text, parse_mode, entities)
    fields: JSON = {"text": plain}
    if found:
        fields["entities"] = found
    if preview is not None and (options := msgspec.to_builtins(preview)):
        fields["link_preview_options"] = options
    return fields


class EditMessageText(Editing, kw_only=True):
    text: str
    parse_mode: str | None = None
    entities: list[MessageEntity] | None = None
    link_preview_options: LinkPreviewOptions | None = None


def edit_message_text(world: World, call: EditMessageText) -> JSON:
    """Replace text and keyboard of one of the bot's messages. Returns Message."""
    old = own_message(world, call.chat_id, call.message_id)
    if "text" not in old:
        raise bad_request("there is no text in the message to edit")
    fields = text_fields(
        world, call.text, call.parse_mode, call.entities, call.link_preview_options
    )
    bare = {key: old[key] for key in old.keys() - {"text", "entities", "link_preview_options"}}
    return store_edited(world, old, with_keyboard(bare | fields, call.reply_markup))


class EditMessageReplyMarkup(Editing):
    pass


def edit_message_reply_markup(world: World, call: EditMessageReplyMarkup) -> JSON:
    """Replace the keyboard of one of the bot's messages. Returns Message."""
    old = own_message(world, call.chat_id, call.message_id)
    return store_edited(world, old, with_keyboard(old, call.reply_markup))


def own_message(world: World, chat_id: ChatId, message_id: int) -> JSON:
    """Return a message that the bot may edit: its own, or a post with can_edit_messages."""
    chat = world.writable(chat_id)
    message = world.message(chat.id, message_id)
    if message is None:
        raise bad_request("message to edit not found")
    ours = world.author(message) == world.bot_id
    if isinstance(chat, Group) and chat.kind == "channel":
        ours = ours or "can_edit_messages" in world.member(chat, world.bot_id).rights
    if not ours or "forward_origin" in message:
        raise bad_request("message can't be edited")
    return message


def with_keyboard(message: JSON, markup: JSON | None) -> JSON:
    """Return the message with another inline keyboard, or without one."""
    bare = {key: value for key, value in message.items() if key != "reply_markup"}
    keyboard = inline_only(markup, private=message["chat"]["type"] == "private")
    return bare | {"reply_markup": keyboard} if keyboard else bare


def store_edited(world: World, old: JSON, new: JSON) -> JSON:
    """Keep the new version of a message. Refuses one that shows nothing new."""
    require_change(old, new)
    new = new | {"edit_date": int(world.now())}
    world.kept(new["chat"]["id"])[new["message_id"]] = new
    return new


def require_change(old: JSON, new: JSON) -> None:
    """Refuse an edit that shows nothing new."""
    if all(old.get(key) == new.get(key) for key in SHOWN):
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly "
            "the same as a current content and reply markup of the message"
        )


class DeleteMessage(Parameters, kw_only=True):
    chat_id: ChatId
    message_id: int


def delete_message(world: World, call: DeleteMessage) -> bool:
    """Delete one message: the bot's own, or with can_delete_messages any message."""
    chat = world.chat(call.chat_id)
    message = world.message(chat.id, call.message_id)
    if message is None:
        raise bad_request("message to delete not found")
    _require_deletable(world, chat, message)
    world.remove(chat.id, call.message_id)
    return True


class DeleteMessages(Parameters, kw_only=True):
    chat_id: ChatId
    message_ids: list[int]


def delete_messages(world: World, call: DeleteMessages) -> bool:
    """Delete up to 100 messages; missing ones are skipped."""
    chat = world.chat(call.chat_id)
    if not 1 <= len(call.message_ids) <= DELETED_AT_ONCE_MAX:
        raise bad_request("too many message identifiers specified")
    found = [world.message(chat.id, message_id) for message_id in call.message_ids]
    there = [message for message in found if message is not None]
    for message in there:
        _require_deletable(world, chat, message)
    for message in there:
        world.remove(chat.id, message["message_id"])
    return True


def _require_deletable(world: World, chat: Group | User, message: JSON) -> None:
    allowed = isinstance(chat, User) or world.author(message) == world.bot_id
    if isinstance(chat, Group) and not allowed:
        allowed = "can_delete_messages" in world.member(chat, world.bot_id).rights
    if not allowed or UNDELETABLE & message.keys():
        raise bad_request("message can't be deleted")
    if world.now() - message["date"] > DELETABLE_SECONDS:
        raise bad_request("message can't be deleted for everyone")


METHODS: Methods = {
    SendMessage: send_message,
    EditMessageText: edit_message_text,
    EditMessageReplyMarkup: edit_message_reply_markup,
    DeleteMessage: delete_message,
    DeleteMessages: delete_messages,
}
