"""Request bodies of the control interface by which a person acts in Discord.

`bot_id` is the bot that is meant; without it, that is the seed's bot.
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from sandbox.discord_api import CHANNEL_KINDS, Upload
from sandbox.errors import SandboxError

from .request_bodies import ControlRequest, Id, number_of

__all__ = [
    "BotChange",
    "ChannelChange",
    "Choices",
    "Click",
    "Delete",
    "DirectChannel",
    "DirectMessages",
    "Edit",
    "File",
    "GatewayEvent",
    "GuildChange",
    "Menu",
    "Moderation",
    "NameChange",
    "NewBot",
    "NewThread",
    "PermissionChange",
    "Presence",
    "React",
    "RoleChange",
    "Say",
    "Slash",
    "StoredFile",
    "Submit",
    "ThreadChange",
    "Typing",
    "Voice",
    "kind_number",
    "optional_number",
    "uploads_of",
    "values_of",
]


class File(ControlRequest):
    """A file that a member uploads, as `text` or as bytes in base64."""

    filename: str
    text: str | None = None
    base64: str | None = None
    content_type: Annotated[str, msgspec.Meta(pattern=r"\A[ -~]*\Z")] = ""


class Say(ControlRequest):
    """A member writes, perhaps as a reply or with files. Another bot may write, too."""

    channel_id: Id
    user_id: Id
    text: str = ""
    reply_to: Id | None = None
    files: tuple[File, ...] = ()
    sticker: str | None = None


class Forward(ControlRequest):
    """A member forwards a message into a channel."""

    channel_id: Id
    user_id: Id
    from_channel_id: Id
    message_id: Id


class Edit(ControlRequest):
    """A member changes the text of their own message."""

    channel_id: Id
    message_id: Id
    user_id: Id
    text: str


class Delete(ControlRequest):
    """A member deletes a message of their own; a moderator, any message."""

    channel_id: Id
    message_id: Id
    user_id: Id


class React(ControlRequest):
    """A member adds a reaction, or with `added` false takes it away."""

    channel_id: Id
    message_id: Id
    user_id: Id
    emoji: str
    added: bool = True


class Typing(ControlRequest):
    """A member begins to type."""

    channel_id: Id
    user_id: Id


class NewThread(ControlRequest):
    """A member starts a thread, on a message or without, or with a `text` a post in a forum."""

    channel_id: Id
    user_id: Id
    name: str
    text: str = ""
    message_id: Id | None = None
    files: tuple[File, ...] = ()


class ThreadChange(ControlRequest):
    """A member joins or leaves a thread, or the owner archives, locks or reopens it."""

    channel_id: Id
    action: Literal["join", "leave", "archive", "lock", "reopen"]
    user_id: Id | None = None


class Slash(ControlRequest):
    """A member uses a slash command ("shop buy"), options by name; a file is an object."""

    channel_id: Id
    user_id: Id
    command: str
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    focused: str | None = None
    bot_id: Id | None = None


class Menu(ControlRequest):
    """A member uses a command of the context menu of a user or of a message."""

    channel_id: Id
    user_id: Id
    command: str
    target_id: Id
    bot_id: Id | None = None


class Choices(ControlRequest):
    """A test reads the choices by which the bot completed a `focused` option."""

    interaction_id: Id


class Click(ControlRequest):
    """A member clicks a button, or picks `values` of a select."""

    channel_id: Id
    message_id: Id
    user_id: Id
    custom_id: str
    values: list[Id] | None = None


class Submit(ControlRequest):
    """A member submits the modal that the bot showed them: a value by each field's custom id."""

    user_id: Id
    custom_id: str
    values: dict[str, Any] = msgspec.field(default_factory=dict)


class Voice(ControlRequest):
    """A member enters or leaves voice channels, or changes what their client sends.

    `idle` moves them to the AFK channel, as Discord does after a while without a word.
    """

    user_id: Id
    action: Literal["join", "leave", "update", "idle"]
    channel_id: Id | None = None
    self_mute: bool | None = None
    self_deaf: bool | None = None
    self_stream: bool | None = None
    self_video: bool | None = None


class Moderation(ControlRequest):
    """The owner mutes, deafens, moves, disconnects, renames, times out or bans a member.

    `channel_id` is where "move" leads; `until` is the end of a timeout, in ISO 8601; `nick` is the
    nickname that "rename" gives, null for none.
    """

    user_id: Id
    action: Literal[
        "mute",
        "unmute",
        "deafen",
        "undeafen",
        "move",
        "disconnect",
        "rename",
        "time_out",
        "end_timeout",
        "kick",
        "ban",
        "unban",
    ]
    channel_id: Id | None = None
    until: datetime | None = None
    nick: str | None = None


class Presence(ControlRequest):
    """A member comes online, goes offline, or plays something."""

    user_id: Id
    status: Literal["online", "idle", "dnd", "offline"]
    playing: str | None = None


class Avatar(ControlRequest):
    """A person chooses a picture; `content` are its bytes in Base64."""

    user_id: Id
    content: bytes


class NameChange(ControlRequest):
    """A member changes their nickname (null removes it), or their names everywhere."""

    user_id: Id
    nick: str | msgspec.UnsetType | None = msgspec.UNSET
    username: str | None = None
    display_name: str | None = None


class GatewayEvent(ControlRequest):
    """Discord sends every session a gateway event of any name and shape."""

    event: str
    data: Any = None


class DirectMessages(ControlRequest):
    """A member closes their direct messages, or opens them again."""

    user_id: Id
    blocked: bool = True


class DirectChannel(ControlRequest):
    """A person opens a conversation with a bot."""

    user_id: Id
    bot_id: Id | None = None


class RoleChange(ControlRequest):
    """The owner gives a role to a member, takes it away, moves it above another one or deletes it.

    `user_id` is the member; `above` is the role above which "move" leads.
    """

    action: Literal["give", "take", "move", "delete"]
    role_id: Id
    user_id: Id | None = None
    above: Id | None = None


class PermissionChange(ControlRequest):
    """The owner sets the permissions of a role, such as "MANAGE_ROLES".

    With `channel_id` they set those that a role, or a member, has and lacks in this channel.
    """

    role_id: Id
    permissions: list[str] = msgspec.field(default_factory=list)
    denied: list[str] = msgspec.field(default_factory=list)
    channel_id: Id | None = None


class ChannelChange(ControlRequest):
    """The owner creates, renames or deletes a channel."""

    action: Literal["create", "rename", "delete"]
    channel_id: Id | None = None
    name: str | None = None
    kind: str = "text"
    parent_id: Id | None = None


class BotChange(ControlRequest):
    """The owner removes a bot from the guild, or invites it again."""

    action: Literal["remove", "invite"]
    bot_id: Id | None = None


class NewBot(ControlRequest):
    """A further bot comes into the guild; with `permissions`, it has a managed role."""

    username: str
    token: str | None = None
    permissions: list[str] = msgspec.field(default_factory=list)


class GuildChange(ControlRequest):
    """An outage of the guild begins or ends."""

    available: bool


class StoredFile(ControlRequest):
    """A test reads an uploaded file by its attachment's id."""

    attachment_id: Id


def optional_number(identifier: Id | None) -> int | None:
    """Return an id as a number, or None."""
    return None if identifier is None else number_of(identifier)


def kind_number(kind: str) -> int:
    """Return a channel's type by name, such as "voice"."""
    if kind not in CHANNEL_KINDS:
        raise SandboxError(f"a channel is one of {', '.join(CHANNEL_KINDS)}, not {kind!r}")
    return CHANNEL_KINDS[kind]


def uploads_of(files: Sequence[File]) -> list[Upload]:
    """Return files with their bytes."""
    return [_upload(one) for one in files]


def values_of(values: dict[str, Any]) -> dict[str, Any]:
    """Return values of options or fields, in which objects with a `filename` are files."""
    return {name: _value(one) for name, one in values.items()}


def _value(given: Any) -> Any:
    if isinstance(given, list):
        return [_value(one) for one in given]
    if isinstance(given, dict):
        try:
            return _upload(msgspec.convert(given, File))
        except msgspec.ValidationError as error:
            raise SandboxError(f"{given!r} is no file: {error}") from error
    return given


def _upload(file: File) -> Upload:
    if (file.text is None) == (file.base64 is None):
        raise SandboxError("a file has either `text` or `base64`")
    try:
        content = base64.b64decode(file.base64 or "", validate=True)
    except binascii.Error as error:
        raise SandboxError(f"the file {file.filename!r} is no base64: {error}") from error
    if file.text is not None:
        content = file.text.encode()
    return Upload(file.filename, content, file.content_type)
