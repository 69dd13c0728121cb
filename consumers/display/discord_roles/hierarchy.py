"""The role hierarchy: finds the roles that the bot cannot give by reading, not by trying.

A hopeless write costs more than the call: Discord bans an address that collects refusals.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from config import Community

MANAGE_ROLES = 1 << 28
ADMINISTRATOR = 1 << 3

NOT_IN_SERVER = (
    "the bot is not in the Discord server: invite it, or correct guild_id in twinstream.toml"
)


class RoleHindrance(NamedTuple):
    """Why a role cannot be given, and the remedy. With `only_giving` it can still be taken."""

    why: str
    only_giving: bool = False


class RoleHierarchy(NamedTuple):
    """The hindrances of each configured role. `everyone`: why the bot can write none at all."""

    everyone: str | None
    roles: dict[int, RoleHindrance]


def examine(
    community: Community, roles: Sequence[Mapping[str, Any]], held_by_bot: Iterable[str | int]
) -> RoleHierarchy:
    """Compare the server's roles, and those that the bot holds, with twinstream.toml. Pure.

    Takes the API's own objects. The member does not matter: an owner can be given a role too.
    """
    known = {int(role["id"]): role for role in roles}
    guild_id = community.discord.guild_id
    held = [known[one] for one in (guild_id, *map(int, held_by_bot)) if one in known]
    top = max(held, key=_height, default=None)
    permissions = 0
    for role in held:
        permissions |= int(role["permissions"])
    if top is None or not permissions & (MANAGE_ROLES | ADMINISTRATOR):
        name = "the bot's role" if top is None or int(top["id"]) == guild_id else repr(top["name"])
        return RoleHierarchy(
            "the bot lacks the permission Manage Roles: open Server Settings > Roles and tick it"
            f" for {name}",
            {},
        )
    found = {}
    for role_id, use in _configured(community).items():
        hindrance = _hindrance(known.get(role_id), role_id, use, top, guild_id)
        if hindrance is not None:
            found[role_id] = hindrance
    return RoleHierarchy(None, found)


class _Use(NamedTuple):
    """A use of a role in twinstream.toml: what it stands for, and the key that names it."""

    of: str
    key: str = "discord_role"


def _configured(community: Community) -> dict[int, _Use]:
    """Return every role of twinstream.toml, with what it stands for."""
    named = [(one.discord_role, _Use(f"the rank {one.name!r}")) for one in community.ranks]
    named += [
        (one.discord_role, _Use(f"the achievement {one.name!r}")) for one in community.achievements
    ]
    named.append((community.linking.linked_role_id, _Use("linked members", "linked_role_id")))
    return {role_id: use for role_id, use in named if role_id is not None}


def _hindrance(
    role: Mapping[str, Any] | None, role_id: int, use: _Use, top: Mapping[str, Any], guild_id: int
) -> RoleHindrance | None:
    if role is None:
        return RoleHindrance(
            f"the role {role_id} of {use.of} does not exist in the server: create one and set"
            f" {use.key} to its id in twinstream.toml"
        )
    name = f"the role {role['name']!r} of {use.of}"
    if role_id == guild_id:
        return RoleHindrance(
            f"{name} is everybody's and cannot be given: set {use.key} to another one in"
            " twinstream.toml"
        )
    if role["managed"]:
        return RoleHindrance(
            f"{name} is handed out by an integration only: set {use.key} to another one in"
            " twinstream.toml"
        )
    if _height(role) >= _height(top):
        return RoleHindrance(
            f"{name} stands above the bot's own: open Server Settings > Roles and drag"
            f" {top['name']!r} above it"
        )
    if int(role["permissions"]) & ADMINISTRATOR:
        return RoleHindrance(
            f"{name} makes its holders administrators, which nobody should be by XP: take the"
            " permission Administrator from it in Server Settings > Roles",
            only_giving=True,
        )
    return None


def _height(role: Mapping[str, Any]) -> tuple[int, int]:
    """Return a key that orders roles. Of two in the same position the older one is higher."""
    return int(role["position"]), -int(role["id"])
