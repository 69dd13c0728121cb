"""Methods on ephemeral messages, which only the bot and one member see."""

from sandbox.telegram_api.errors import bad_request
from sandbox.telegram_api.parameters import (
    ChatId,
    LinkPreviewOptions,
    MessageEntity,
    Methods,
    Parameters,
)
from sandbox.telegram_api.texts.formatting import formatted_caption
from sandbox.telegram_api.world import JSON, World

from .texts import require_change, text_fields, with_keyboard

__all__ = ["METHODS"]


class EphemeralMessage(Parameters, kw_only=True):
    """Parameters of every method on an ephemeral message."""

    chat_id: ChatId
    receiver_user_id: int
    ephemeral_message_id: int


class EditEphemeralMessageText(EphemeralMessage, kw_only=True):
    text: str
    parse_mode: str | None = None
    entities: list[MessageEntity] | None = None
    link_preview_options: LinkPreviewOptions | None = None
    reply_markup: JSON | None = None


def edit_text(world: World, call: EditEphemeralMessageText) -> bool:
    """Replace text and keyboard of an ephemeral message that the bot sent."""
    old = _own(world, call)
    if "text" not in old:
        raise bad_request("there is no text in the message to edit")
    fields = text_fields(
        world, call.text, call.parse_mode, call.entities, call.link_preview_options
    )
    bare = {key: old[key] for key in old.keys() - {"text", "entities", "link_preview_options"}}
    return _store(world, old, with_keyboard(bare | fields, call.reply_markup))


class EditEphemeralMessageCaption(EphemeralMessage, kw_only=True):
    caption: str = ""
    parse_mode: str | None = None
    caption_entities: list[MessageEntity] | None = None
    reply_markup: JSON | None = None


def edit_caption(world: World, call: EditEphemeralMessageCaption) -> bool:
    """Replace caption and keyboard of an ephemeral message with media."""
    old = _own(world, call)
    if "text" in old:
        raise bad_request("there is no caption in the message to edit")
    fields = formatted_caption(world.state, call.caption, call.parse_mode, call.caption_entities)
    bare = {key: old[key] for key in old.keys() - {"caption", "caption_entities"}}
    return _store(world, old, with_keyboard(bare | fields, call.reply_markup))


class EditEphemeralMessageReplyMarkup(EphemeralMessage, kw_only=True):
    reply_markup: JSON | None = None


def edit_markup(world: World, call: EditEphemeralMessageReplyMarkup) -> bool:
    """Replace the keyboard of an ephemeral message that the bot sent."""
    old = _own(world, call)
    return _store(world, old, with_keyboard(old, call.reply_markup))


class DeleteEphemeralMessage(EphemeralMessage):
    pass


def delete(world: World, call: DeleteEphemeralMessage) -> bool:
    """Delete an ephemeral message that the bot sent."""
    del world.state.ephemeral[_own(world, call)["ephemeral_message_id"]]
    return True


def _own(world: World, call: EphemeralMessage) -> JSON:
    chat = world.writable(call.chat_id)
    message = world.state.ephemeral.get(call.ephemeral_message_id)
    if (
        message is None
        or message["chat"]["id"] != chat.id
        or message["receiver_user"]["id"] != call.receiver_user_id
        or message["from"]["id"] != world.bot_id
    ):
        raise bad_request("message not found")
    return message


def _store(world: World, old: JSON, new: JSON) -> bool:
    require_change(old, new)
    world.state.ephemeral[new["ephemeral_message_id"]] = new
    return True


METHODS: Methods = {
    EditEphemeralMessageText: edit_text,
    EditEphemeralMessageCaption: edit_caption,
    EditEphemeralMessageReplyMarkup: edit_markup,
    DeleteEphemeralMessage: delete,
}
