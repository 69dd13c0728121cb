"""Op 8, Request Guild Members: who is asked for, and the answer in chunks."""

from collections.abc import Iterator
from dataclasses import dataclass

from . import payloads
from .intents import Intent
from .payloads import Json
from .world import Member, World

__all__ = ["MemberRequest", "RequestRefused", "chunks", "read_request"]

MEMBERS_PER_CHUNK = 1_000
USER_IDS_MAX = 100
MATCHES_MAX = 100


class RequestRefused(Exception):
    """The session lacks the intent to ask for this."""


@dataclass(frozen=True, slots=True)
class MemberRequest:
    """What is asked for: `user_ids`, or members whose name begins with `query`, or everybody."""

    user_ids: tuple[int, ...]
    query: str
    limit: int
    presences: bool
    nonce: str | None

    @property
    def everybody(self) -> bool:
        """Whether this is for the whole list, which is limited to once in 30 s per guild."""
        return not self.user_ids and not self.query and self.limit == 0


def read_request(said: Json, world: World, intents: Intent) -> MemberRequest | None:
    """The request, or None when it is for a guild that the bot is not in (Discord is silent).

    Raises RequestRefused for everybody without GUILD_MEMBERS, and for presences without theirs.
    """
    if int(said["guild_id"]) != world.guild.id or not world.installed:
        return None
    wanted = said.get("user_ids", ())
    user_ids = wanted if isinstance(wanted, list | tuple) else [wanted]
    request = MemberRequest(
        user_ids=tuple(map(int, user_ids[:USER_IDS_MAX])),
        query=said.get("query", ""),
        limit=said.get("limit", 0),
        presences=bool(said.get("presences")),
        nonce=said.get("nonce"),
    )
    if request.everybody and Intent.GUILD_MEMBERS not in intents:
        raise RequestRefused
    if request.presences and Intent.GUILD_PRESENCES not in intents:
        raise RequestRefused
    return request


def chunks(request: MemberRequest, world: World) -> Iterator[Json]:
    """The payloads of GUILD_MEMBERS_CHUNK; at least one, also when nobody is found."""
    found = _found(request, world)
    starts = range(0, max(len(found), 1), MEMBERS_PER_CHUNK)
    pages = [found[start : start + MEMBERS_PER_CHUNK] for start in starts]
    present = {member.user_id for member in found}
    for index, page in enumerate(pages):
        chunk: Json = {
            "guild_id": str(world.guild.id),
            "members": [payloads.member(member, world.users) for member in page],
            "chunk_index": index,
            "chunk_count": len(pages),
            "not_found": [str(one) for one in request.user_ids if one not in present],
        }
        if request.presences:
            chunk["presences"] = []
        if request.nonce is not None:
            chunk["nonce"] = request.nonce
        yield chunk


def _found(request: MemberRequest, world: World) -> list[Member]:
    members = world.guild.members
    if request.user_ids:
        return [members[one] for one in request.user_ids if one in members]
    if request.everybody:
        return list(members.values())
    matching = [
        member
        for member in members.values()
        if named(member, world).startswith(request.query.lower())
    ]
    return matching[: min(request.limit or MATCHES_MAX, MATCHES_MAX)]


def named(member: Member, world: World) -> str:
    """The name that searches look at, in lower case: the nickname, or else the username."""
    return (member.nick or world.users[member.user_id].username).lower()
