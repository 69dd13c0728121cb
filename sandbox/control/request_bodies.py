"""Request bodies of the control interface: how they are decoded, and those of both platforms."""

from collections.abc import Callable
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import msgspec

from sandbox.errors import SandboxError
from sandbox.faults import When

__all__ = [
    "ControlRequest",
    "FaultRequest",
    "Id",
    "MemberChange",
    "PlatformName",
    "Route",
    "number_of",
    "request_from",
]

Id = int | str
PlatformName = Literal["telegram", "discord"]


class ControlRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A request body; unknown fields are refused."""


class MemberChange(ControlRequest):
    """A person joins or leaves, or the owner changes their membership.

    Joining without `user_id` creates a person. `tag`, promote, demote, mute and unmute exist on
    Telegram only, `pending`, `bot` and pass_screening on Discord only.
    """

    platform: PlatformName
    action: Literal["join", "leave", "promote", "demote", "tag", "mute", "unmute", "pass_screening"]
    user_id: Id | None = None
    name: str | None = None
    tag: str = ""
    pending: bool = False
    bot: bool = False


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
    except (msgspec.MsgspecError, RecursionError) as error:
        raise SandboxError(f"the request body cannot be used: {error}") from error


def number_of(identifier: Id) -> int:
    """Return an id as a number, whether it was sent as a number or as a string."""
    try:
        return int(identifier)
    except ValueError as error:
        raise SandboxError(f"{identifier!r} is not an id") from error


class Route(NamedTuple, Generic[Body]):
    """One POST route: its path, the struct of its body, and what it does with a decoded body."""

    path: str
    body: type[Body]
    act: Callable[[Body], Any]
