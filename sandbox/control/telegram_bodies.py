"""Request bodies of the routes by which a person acts in Telegram.

`bot_id` is the bot of a private chat; without it, the chat is one with the seed's bot.
"""

from typing import Any, Literal

import msgspec

from .request_bodies import ControlRequest, Id

__all__ = [
    "AnyUpdate",
    "Block",
    "BotStatusChange",
    "ChannelOpening",
    "Click",
    "CopiedText",
    "Deletion",
    "Edit",
    "ForumChange",
    "Forward",
    "GroupChange",
    "Join",
    "KeyboardQuestion",
    "Kick",
    "NewBot",
    "Press",
    "React",
    "Rename",
    "Say",
    "Send",
    "Start",
    "TopicClosing",
    "TopicOpening",
    "VersionChange",
    "Vote",
    "Writing",
]


class Writing(ControlRequest):
    """How a person sends a message: as a reply, in a topic, or as a chat.

    `anonymous` administrators write as the group; with `sender_chat_id`, people as their channel.
    """

    chat_id: Id
    user_id: Id
    reply_to: int | None = None
    quote: str | None = None
    anonymous: bool = False
    sender_chat_id: Id | None = None
    thread_id: int | None = None
    bot_id: Id | None = None


class Say(Writing, kw_only=True):
    """A person writes."""

    text: str


class Send(Writing, kw_only=True):
    """A person sends a file, or a location, contact, venue or dice.

    `content` are the bytes of the file in Base64; without it, a tiny picture is sent. `fields` add
    to the object that the bot receives. Messages with the same number as `album` belong together.
    """

    kind: str
    content: bytes | None = None
    file_name: str = ""
    caption: str = ""
    fields: dict[str, Any] = msgspec.field(default_factory=dict)
    album: int | None = None


class Forward(Writing, kw_only=True):
    """A person forwards a message; the account of a `hidden` author is not linked."""

    from_chat_id: Id
    message_id: int
    hidden: bool = False


class Start(ControlRequest):
    """A person opens the bot by a link with a start payload."""

    user_id: Id
    payload: str = ""
    bot_id: Id | None = None


class Edit(ControlRequest):
    """A person edits the text or caption of their own message."""

    chat_id: Id
    message_id: int
    user_id: Id
    text: str
    bot_id: Id | None = None


class Deletion(ControlRequest):
    """A person deletes a message."""

    chat_id: Id
    message_id: int
    user_id: Id
    bot_id: Id | None = None


class AnyUpdate(ControlRequest):
    """Telegram sends an update of any shape: `update` is JSON, `text` goes out as it is.

    An object without `update_id` gets the next id; in `text`, `$update_id` stands for that id.
    """

    update: Any = None
    text: str | None = None


class Click(ControlRequest):
    """A person presses a button; message 0 is their latest ephemeral message with it."""

    chat_id: Id
    message_id: int
    user_id: Id
    data: str
    bot_id: Id | None = None


class CopiedText(ControlRequest):
    """A person presses a copy button with the label `text`."""

    chat_id: Id
    message_id: int
    user_id: Id
    text: str
    bot_id: Id | None = None


class KeyboardQuestion(ControlRequest):
    """A question for the reply keyboard that a person sees."""

    chat_id: Id
    user_id: Id
    bot_id: Id | None = None


class Press(ControlRequest):
    """A person presses a button of the reply keyboard; its web app returns `web_app_data`."""

    chat_id: Id
    user_id: Id
    text: str
    web_app_data: str | None = None
    bot_id: Id | None = None


class Vote(ControlRequest):
    """A person votes in a poll; no `options` take the vote back."""

    chat_id: Id
    message_id: int
    user_id: Id
    options: list[int]
    bot_id: Id | None = None


class React(ControlRequest):
    """A person reacts to a message; without `emoji`, they remove their reactions.

    A number in place of an emoji is the id of a custom emoji.
    """

    chat_id: Id
    message_id: int
    user_id: Id
    emoji: str | list[str] | None = None
    anonymous: bool = False
    bot_id: Id | None = None


class Join(ControlRequest):
    """A person joins, or asks to join where an administrator must consent.

    Without `user_id`, a new person called `name`. A member may add them (`added_by`).
    """

    user_id: Id | None = None
    name: str | None = None
    chat_id: Id | None = None
    invite_link: str | None = None
    added_by: Id | None = None


class Rename(ControlRequest):
    """A person changes their name; an empty `username` removes it."""

    user_id: Id
    first_name: str
    last_name: str | None = None
    username: str | None = None


class ProfilePhoto(ControlRequest):
    """A person chooses a profile photo; `content` are its bytes in Base64."""

    user_id: Id
    content: bytes


class InviteLink(ControlRequest):
    """An administrator makes an invite link of their own."""

    user_id: Id
    chat_id: Id | None = None


class Block(ControlRequest):
    """A person blocks the bot in private, or unblocks it."""

    user_id: Id
    blocked: bool = True
    bot_id: Id | None = None


class BotStatusChange(ControlRequest):
    """The owner changes a bot's status in the group, or in the channel `chat_id`.

    `rights` are an administrator's; default: the seed's.
    """

    status: Literal["administrator", "member", "left", "kicked"]
    rights: frozenset[str] | None = None
    bot_id: Id | None = None
    chat_id: Id | None = None


class NewBot(ControlRequest):
    """A further bot comes into the group; with `reads_all`, its privacy mode is off."""

    name: str
    username: str
    token: str | None = None
    reads_all: bool = False
    status: Literal["administrator", "member", "left"] = "member"


class ForumChange(ControlRequest):
    """The owner gives the group topics, or takes them away."""

    is_forum: bool = True


class TopicOpening(ControlRequest):
    """The owner, or a member who may, opens a topic."""

    name: str
    user_id: Id | None = None


class TopicClosing(ControlRequest):
    """The owner closes a topic to members, or opens it again."""

    thread_id: int
    closed: bool = True


class ChannelOpening(ControlRequest):
    """A person (default: the group's owner) opens a channel; the group discusses a `linked` one."""

    title: str
    username: str | None = None
    owner_id: Id | None = None
    linked: bool = False
    with_bot: bool = True


class GroupChange(ControlRequest):
    """The owner changes the group's title, entrance, permissions or pinned message."""

    title: str | None = None
    join_by_request: bool | None = None
    permissions: frozenset[str] | None = None
    pin: int | None = None


class Kick(ControlRequest):
    """The owner bans a member."""

    user_id: Id


class VersionChange(ControlRequest):
    """The server becomes one of another version; an empty request makes it the sandbox's again.

    `without` are fields and `missing_methods` methods that an older server does not know, `extra`
    are fields by kind of object that a newer one sends: update, message, user, chat, chat_member.
    """

    without: frozenset[str] = frozenset()
    missing_methods: frozenset[str] = frozenset()
    extra: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
