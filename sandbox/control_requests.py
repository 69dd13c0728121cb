"""The request bodies of the control interface, one struct per route."""

from typing import Any, Literal, TypeVar

import msgspec

from .errors import SandboxError
from .faults import When

__all__ = [
    "ControlRequest",
    "DiscordBlock",
    "DiscordClick",
    "DiscordEvent",
    "DiscordPermissions",
    "DiscordRole",
    "DiscordSay",
    "DiscordSlash",
    "FaultRequest",
    "Id",
    "MemberChange",
    "PlatformName",
    "TelegramBlock",
    "TelegramBotStatus",
    "TelegramClick",
    "TelegramEdit",
    "TelegramReact",
    "TelegramSay",
    "TelegramUpdate",
    "number_of",
    "request_from",
]

Id = int | str
PlatformName = Literal["telegram", "discord"]


class ControlRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A request body; unknown fields are refused."""


class TelegramSay(ControlRequest):
    """A person writes; with `anonymous`, an administrator writes as the group."""

    chat_id: Id
    user_id: Id
    text: str
    reply_to: int | None = None
    anonymous: bool = False


class TelegramEdit(ControlRequest):
    """A person edits the text of their own message."""

    chat_id: Id
    message_id: int
    user_id: Id
    text: str


class TelegramUpdate(ControlRequest):
    """Telegram sends an update of any shape: `update` is JSON, `text` goes out as it is.

    An object without `update_id` gets the next id; in `text`, `$update_id` stands for that id.
    """

    update: Any = None
    text: str | None = None


class TelegramClick(ControlRequest):
    """A person presses a button; message 0 is their latest ephemeral message with it."""

    chat_id: Id
    message_id: int
    user_id: Id
    data: str


class TelegramReact(ControlRequest):
    """A person reacts to a message; without `emoji`, they remove their reaction."""

    chat_id: Id
    message_id: int
    user_id: Id
    emoji: str | None = None


class TelegramBotStatus(ControlRequest):
    """The owner changes the bot's status. `rights` are an administrator's; default: the seed's."""

    status: Literal["administrator", "member", "left", "kicked"]
    rights: frozenset[str] | None = None


class TelegramBlock(ControlRequest):
    """A person blocks the bot in private, or unblocks it."""

    user_id: Id
    blocked: bool = True


class DiscordSay(ControlRequest):
    """A member writes."""

    channel_id: Id
    user_id: Id
    text: str


class DiscordSlash(ControlRequest):
    """A member uses a slash command, options by name."""

    channel_id: Id
    user_id: Id
    command: str
    options: dict[str, Any] = {}


class DiscordClick(ControlRequest):
    """A member clicks a button, or picks `values` of a select."""

    channel_id: Id
    message_id: Id
    user_id: Id
    custom_id: str
    values: list[str] | None = None


class DiscordEvent(ControlRequest):
    """Discord sends every session a gateway event of any name and shape."""

    event: str
    data: Any = None


class DiscordBlock(ControlRequest):
    """A member closes their direct messages, or opens them again."""

    user_id: Id
    blocked: bool = True


class DiscordRole(ControlRequest):
    """The owner gives a role to a member, or takes it away."""

    action: Literal["give", "take"]
    user_id: Id
    role_id: Id


class DiscordPermissions(ControlRequest):
    """The owner sets the permissions of a role, such as "MANAGE_ROLES"."""

    role_id: Id
    permissions: list[str]


class MemberChange(ControlRequest):
    """A person joins or leaves, or the owner changes their membership.

    Joining without `user_id` creates a person. `tag`, promote and demote exist on Telegram only,
    `pending` and pass_screening on Discord only.
    """

    platform: PlatformName
    action: Literal["join", "leave", "promote", "demote", "tag", "pass_screening"]
    user_id: Id | None = None
    name: str | None = None
    tag: str = ""
    pending: bool = False


class FaultRequest(ControlRequest):
    """The next `times` calls of a Telegram method or Discord route fail as `Fault` describes."""

    platform: PlatformName
    method: str | None = None
    route: str | None = None
    status: int | None = None
    times: int = 1
    retry_after: float | None = None
    description: str | None = None
    code: int | None = None
    when: When = "before"
    changes: Any = None
    page: str | None = None


Body = TypeVar("Body", bound=ControlRequest)


def request_from(body: bytes, kind: type[Body]) -> Body:
    """Decode a request body. Raises SandboxError, which says what is wrong with it."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise SandboxError(f"the request body cannot be used: {error}") from error


def number_of(identifier: Id) -> int:
    """Return an id as a number, whether it was sent as a number or as a string."""
    try:
        return int(identifier)
    except ValueError as error:
        raise SandboxError(f"{identifier!r} is not an id") from error
