"""The parameters of every method.

One struct per method, with the method's name. Its fields are the parameters that the sandbox knows:
a request with another parameter, or with a value of the wrong type, is refused with its name.
"""

from collections.abc import Callable
from typing import Any

import msgspec

__all__ = ["ChatId", "Methods", "Parameters"]

ChatId = int | str


class Parameters(msgspec.Struct, kw_only=True):
    """The base of all methods' parameters."""


# The function that executes each method in a world, by the type of the method's parameters.
Methods = dict[type[Parameters], Callable[..., Any]]


class Nested(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An object inside a parameter; unknown fields are refused."""


class ReplyParameters(Nested):
    message_id: int | None = None
    chat_id: ChatId | None = None
    allow_sending_without_reply: bool = False
    quote: str | None = None
    quote_parse_mode: str | None = None
    quote_position: int | None = None
    ephemeral_message_id: int | None = None


class LinkPreviewOptions(Nested):
    is_disabled: bool | None = None
    url: str | None = None
    prefer_small_media: bool | None = None
    prefer_large_media: bool | None = None
    show_above_text: bool | None = None


class MessageEntity(Nested):
    type: str
    offset: int
    length: int
    url: str | None = None
    language: str | None = None
    custom_emoji_id: str | None = None


class InlineKeyboardButton(Nested):
    text: str
    callback_data: str | None = None
    url: str | None = None
    style: str | None = None


class InlineKeyboardMarkup(Nested):
    inline_keyboard: list[list[InlineKeyboardButton]]


class EphemeralMessageParameters(Nested):
    receiver_user_id: int
    callback_query_id: str | None = None
    replace_callback_query_message: bool = False


class BotCommand(Nested):
    command: str
    description: str
    is_ephemeral: bool | None = None


class BotCommandScope(Nested):
    type: str
    chat_id: ChatId | None = None
    user_id: int | None = None


def _every_chat() -> BotCommandScope:
    return BotCommandScope(type="default")


class ReactionType(Nested):
    type: str
    emoji: str | None = None
    custom_emoji_id: str | None = None


class ChatPermissions(Nested):
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


class GetUpdates(Parameters):
    offset: int = 0
    limit: int = 100
    timeout: int = 0
    allowed_updates: list[str] | None = None


class SetWebhook(Parameters):
    url: str = ""
    drop_pending_updates: bool = False


class DeleteWebhook(Parameters):
    drop_pending_updates: bool = False


class GetWebhookInfo(Parameters):
    pass


class GetMe(Parameters):
    pass


class LogOut(Parameters):
    pass


class Close(Parameters):
    pass


class SendMessage(Parameters):
    chat_id: ChatId
    text: str
    parse_mode: str | None = None
    entities: list[MessageEntity] | None = None
    link_preview_options: LinkPreviewOptions | None = None
    disable_notification: bool = False
    protect_content: bool = False
    reply_parameters: ReplyParameters | None = None
    reply_markup: InlineKeyboardMarkup | None = None
    ephemeral_message_parameters: EphemeralMessageParameters | None = None


class EditMessageText(Parameters):
    chat_id: ChatId
    message_id: int
    text: str
    parse_mode: str | None = None
    entities: list[MessageEntity] | None = None
    link_preview_options: LinkPreviewOptions | None = None
    reply_markup: InlineKeyboardMarkup | None = None


class EditMessageReplyMarkup(Parameters):
    chat_id: ChatId
    message_id: int
    reply_markup: InlineKeyboardMarkup | None = None


class EditEphemeralMessageText(Parameters):
    chat_id: ChatId
    receiver_user_id: int
    ephemeral_message_id: int
    text: str
    parse_mode: str | None = None
    entities: list[MessageEntity] | None = None
    link_preview_options: LinkPreviewOptions | None = None
    reply_markup: InlineKeyboardMarkup | None = None


class EditEphemeralMessageReplyMarkup(Parameters):
    chat_id: ChatId
    receiver_user_id: int
    ephemeral_message_id: int
    reply_markup: InlineKeyboardMarkup | None = None


class DeleteEphemeralMessage(Parameters):
    chat_id: ChatId
    receiver_user_id: int
    ephemeral_message_id: int


class DeleteMessage(Parameters):
    chat_id: ChatId
    message_id: int


class DeleteMessages(Parameters):
    chat_id: ChatId
    message_ids: list[int]


class PinChatMessage(Parameters):
    chat_id: ChatId
    message_id: int
    disable_notification: bool = False


class UnpinChatMessage(Parameters):
    chat_id: ChatId
    message_id: int | None = None


class SetMessageReaction(Parameters):
    chat_id: ChatId
    message_id: int
    reaction: list[ReactionType] = []
    is_big: bool = False


class SendChatAction(Parameters):
    chat_id: ChatId
    action: str


class AnswerCallbackQuery(Parameters):
    callback_query_id: str
    text: str = ""
    show_alert: bool = False
    url: str = ""
    cache_time: int = 0


class GetChat(Parameters):
    chat_id: ChatId


class GetChatMember(Parameters):
    chat_id: ChatId
    user_id: int


class GetChatAdministrators(Parameters):
    chat_id: ChatId
    return_bots: bool = False


class GetChatMemberCount(Parameters):
    chat_id: ChatId


class LeaveChat(Parameters):
    chat_id: ChatId


class SetChatMemberTag(Parameters):
    chat_id: ChatId
    user_id: int
    tag: str = ""


class SetChatAdministratorCustomTitle(Parameters):
    chat_id: ChatId
    user_id: int
    custom_title: str = ""


class PromoteChatMember(Parameters):
    chat_id: ChatId
    user_id: int
    is_anonymous: bool = False
    can_manage_chat: bool = False
    can_delete_messages: bool = False
    can_manage_video_chats: bool = False
    can_restrict_members: bool = False
    can_promote_members: bool = False
    can_change_info: bool = False
    can_invite_users: bool = False
    can_post_stories: bool = False
    can_edit_stories: bool = False
    can_delete_stories: bool = False
    can_send_welcome_messages: bool = False
    can_pin_messages: bool = False
    can_manage_topics: bool = False
    can_manage_tags: bool = False


class RestrictChatMember(Parameters):
    chat_id: ChatId
    user_id: int
    permissions: ChatPermissions
    use_independent_chat_permissions: bool = False
    until_date: int = 0


class SetChatPermissions(Parameters):
    chat_id: ChatId
    permissions: ChatPermissions
    use_independent_chat_permissions: bool = False


class BanChatMember(Parameters):
    chat_id: ChatId
    user_id: int
    until_date: int = 0
    revoke_messages: bool = False


class UnbanChatMember(Parameters):
    chat_id: ChatId
    user_id: int
    only_if_banned: bool = False


class SetMyCommands(Parameters):
    commands: list[BotCommand]
    scope: BotCommandScope = msgspec.field(default_factory=_every_chat)
    language_code: str = ""


class GetMyCommands(Parameters):
    scope: BotCommandScope = msgspec.field(default_factory=_every_chat)
    language_code: str = ""


class DeleteMyCommands(Parameters):
    scope: BotCommandScope = msgspec.field(default_factory=_every_chat)
    language_code: str = ""


class SetMyName(Parameters):
    name: str = ""
    language_code: str = ""


class GetMyName(Parameters):
    language_code: str = ""


class SetMyDescription(Parameters):
    description: str = ""
    language_code: str = ""


class GetMyDescription(Parameters):
    language_code: str = ""


class SetMyShortDescription(Parameters):
    short_description: str = ""
    language_code: str = ""


class GetMyShortDescription(Parameters):
    language_code: str = ""
