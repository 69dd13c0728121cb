"""The parts that the parameters of all methods are made of.

Each method has a struct with its name, beside the function that executes it. The fields of the
struct are the parameters that the sandbox knows: a request with another parameter, or with a value
of the wrong type, is refused with its name.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from sandbox.telegram_api.world.state import JSON

__all__ = [
    "ChatId",
    "ChatPermissions",
    "Editing",
    "EphemeralMessageParameters",
    "LinkPreviewOptions",
    "MessageEntity",
    "Methods",
    "Nested",
    "Parameters",
    "Posting",
    "ReplyParameters",
    "Sending",
]

ChatId = int | str


class Parameters(msgspec.Struct, kw_only=True):
    """The base of all methods' parameters."""


# The function that executes each method in a world, by the type of the method's parameters.
Methods = dict[type[Parameters], Callable[..., Any]]


class Nested(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An object inside a parameter; unknown fields are refused."""


class MessageEntity(Nested):
    """A part of a text that looks or acts differently."""

    type: str
    offset: int
    length: int
    url: str | None = None
    user: JSON | None = None
    language: str | None = None
    custom_emoji_id: str | None = None


class ReplyParameters(Nested):
    """The message to which another one replies."""

    message_id: int | None = None
    chat_id: ChatId | None = None
    allow_sending_without_reply: bool = False
    quote: str | None = None
    quote_parse_mode: str | None = None
    quote_entities: list[MessageEntity] | None = None
    quote_position: int | None = None
    ephemeral_message_id: int | None = None


class LinkPreviewOptions(Nested):
    """How the preview of a link looks."""

    is_disabled: bool | None = None
    url: str | None = None
    prefer_small_media: bool | None = None
    prefer_large_media: bool | None = None
    show_above_text: bool | None = None


class EphemeralMessageParameters(Nested):
    """The member who alone sees a message."""

    receiver_user_id: int
    callback_query_id: str | None = None
    replace_callback_query_message: bool = False


class ChatPermissions(Nested):
    """The permissions of members."""

    can_send_messages: bool = False
    can_send_audios: bool = False
    can_send_documents: bool = False
    can_send_photos: bool = False
    can_send_videos: bool = False
    can_send_video_notes: bool = False
    can_send_voice_notes: bool = False
    can_send_polls: bool = False
    can_send_other_messages: bool = False
    can_add_web_page_previews: bool = False
    can_react_to_messages: bool | None = None
    can_edit_tag: bool = False
    can_change_info: bool = False
    can_invite_users: bool = False
    can_pin_messages: bool = False
    can_manage_topics: bool | None = None


class Posting(Parameters, kw_only=True):
    """Parameters of every method that sends."""

    chat_id: ChatId
    message_thread_id: int | None = None
    disable_notification: bool = False
    protect_content: bool = False
    reply_parameters: ReplyParameters | None = None


class Sending(Posting, kw_only=True):
    """Parameters of every method that sends one message."""

    reply_markup: JSON | None = None


class Editing(Parameters, kw_only=True):
    """Parameters of every method that edits."""

    chat_id: ChatId
    message_id: int
    reply_markup: JSON | None = None
