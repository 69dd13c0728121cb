"""Decoding Discord's answers: the needed fields only. An unreadable answer costs only itself."""

from typing import Any

import msgspec
import structlog

from consumers.display.port import CannotShow

from .errors import REFUSED_RETRY_S, TROUBLE_RETRY_S

log = structlog.get_logger("twinstream.surfaces")


class Member(msgspec.Struct):
    """The needed fields of a member: the roles held, and whether membership screening is open."""

    roles: frozenset[int]
    pending: bool | None = False
    user: Any = None

    @property
    def is_bot(self) -> bool:
        """Whether the member is a bot. One whose user cannot be read counts as a person."""
        return isinstance(self.user, dict) and self.user.get("bot") is True


class _Role(msgspec.Struct):
    """The needed fields of a role. A missing field gets a value that hinders nothing."""

    id: int
    name: str = ""
    permissions: int = 0
    position: int = 0
    managed: bool = False


def read_member(answer: Any) -> Member:
    """Read one member.

    Raises:
        CannotShow: it cannot be read. Only an answer that is no JSON object concerns all members.
    """
    if not isinstance(answer, dict):
        raise CannotShow(
            "Discord answers no member: is a proxy's page in the way?",
            retry_s=TROUBLE_RETRY_S,
            everyone=True,
        )
    try:
        return msgspec.convert(answer, Member, strict=False)
    except msgspec.ValidationError as error:
        raise CannotShow(
            f"what Discord says of the member cannot be read: {error}", retry_s=REFUSED_RETRY_S
        ) from error


def read_roles(answer: Any) -> list[dict[str, Any]]:
    """Read the server's roles; one that cannot be read is left out.

    Raises:
        CannotShow: the answer is no list.
    """
    if not isinstance(answer, list):
        raise CannotShow(
            "Discord lists no roles: is a proxy's page in the way?",
            retry_s=TROUBLE_RETRY_S,
            everyone=True,
        )
    roles = []
    for one in answer:
        try:
            roles.append(msgspec.to_builtins(msgspec.convert(one, _Role, strict=False)))
        except msgspec.ValidationError as error:
            log.warning("discord_role.skipped", why=str(error))
    return roles
