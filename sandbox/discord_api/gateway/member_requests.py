"""Op 8, Request Guild Members: reading the request, and the answer in chunks."""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.discord_api import payloads
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.world import Member, World

from .intents import Intent

__all__ = ["MemberRequest", "RequestRefused", "chunks", "is_called", "read_request"]

MEMBERS_PER_CHUNK = 1_000
USER_IDS_MAX = 100
MATCHES_MAX = 100


class RequestRefused(Exception):
    """The session lacks the intent for its request."""


@dataclass(frozen=True, slots=True)
class MemberRequest:
    """A request for `user_ids`, for members whose name begins with `query`, or for all members."""

    user_ids: tuple[int, ...]
    query: str
    limit: int
    presences: bool
    nonce: str | None

    @property
    def all_members(self) -> bool:
        """Whether this requests all members, which is limited to once in 30 s per guild."""
        return not self.user_ids and not self.query and self.limit == 0


def read_request(said: Json, world: World, intents: Intent) -> MemberRequest | None:
    """Return the request, or None for a guild without the bot, which Discord does not answer.

    Raises RequestRefused for all members without GUILD_MEMBERS, and for presences without
    GUILD_PRESENCES.
    """
    here = world.installed and not world.guild.unavailable
    if int(said["guild_id"]) != world.guild.id or not here:
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
    if request.all_members and Intent.GUILD_MEMBERS not in intents:
        raise RequestRefused
    if request.presences and Intent.GUILD_PRESENCES not in intents:
        raise RequestRefused
    return request


def chunks(request: MemberRequest, world: World) -> Iterator[Json]:
    """Yield the payloads of GUILD_MEMBERS_CHUNK: at least one, even if no member matches."""
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
            online = [one.user_id for one in page if one.user_id in world.guild.presences]
            chunk["presences"] = [payloads.presence(one, world) for one in online]
        if request.nonce is not None:
            chunk["nonce"] = request.nonce
        yield chunk


def _found(request: MemberRequest, world: World) -> list[Member]:
    members = world.guild.members
    if request.user_ids:
        return [members[one] for one in request.user_ids if one in members]
    if request.all_members:
        return list(members.values())
    matching = [member for member in members.values() if is_called(member, request.query, world)]
    return matching[: min(request.limit or MATCHES_MAX, MATCHES_MAX)]


def is_called(member: Member, query: str, world: World) -> bool:
    """Whether the nickname or the username of a member begins with the query."""
    names = (member.nick or "", world.users[member.user_id].username)
    return any(name.lower().startswith(query.lower()) for name in names)
