"""Roles of the guild."""

from typing import Any

from sandbox.discord_api import payloads
from sandbox.discord_api.bodies.forms import Flag, Form, Text, Whole
from sandbox.discord_api.errors import ApiError, invalid_role, unknown
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import check_grants, check_role_below
from sandbox.discord_api.world import Role

from .routing import Request, Routes

__all__ = ["routes"]

routes = Routes()

ROLES_MAX = 250
COLOR = Whole(0, 0xFFFFFF)
COLORS = Form(
    {"primary_color": COLOR, "secondary_color": COLOR, "tertiary_color": COLOR},
    {"primary_color"},
    "a role's colors",
)
ROLE = Form(
    {
        "name": Text(1, 100),
        "permissions": Whole(0, 2**63 - 1),
        "color": COLOR,
        "colors": COLORS,
        "hoist": Flag(),
        "mentionable": Flag(),
        "icon": Text(),
        "unicode_emoji": Text(),
    },
    what="a role",
)
FIELDS = frozenset(ROLE.fields)


@routes.add("GET", "/guilds/{guild_id}/roles")
def roles(request: Request) -> list[Json]:
    """All roles, @everyone among them."""
    return [payloads.role(one) for one in request.guild().roles.values()]


@routes.add("GET", "/guilds/{guild_id}/roles/member-counts")
def member_counts(request: Request) -> dict[str, int]:
    """How many members hold each role; @everyone is left out."""
    guild = request.guild()
    counts = {str(role_id): 0 for role_id in guild.roles if role_id != guild.id}
    for one in guild.members.values():
        for role_id in one.roles:
            counts[str(role_id)] += 1
    return counts


@routes.add("GET", "/guilds/{guild_id}/roles/{role_id}")
def role(request: Request) -> Json:
    """One role."""
    return payloads.role(request.role())


@routes.add("POST", "/guilds/{guild_id}/roles", fields=FIELDS, rate="role_creates")
def create_role(request: Request) -> Json:
    """A new role, just above @everyone. Its permissions default to those of @everyone."""
    guild = request.guild_where(Permission.MANAGE_ROLES)
    if len(guild.roles) >= ROLES_MAX:
        raise ApiError(400, 30005, f"Maximum number of guild roles reached ({ROLES_MAX})")
    values = _values(request)
    values.setdefault("permissions", guild.roles[guild.id].permissions)
    check_grants(guild, request.world.bot, values["permissions"])
    one = Role(**({"name": "new role"} | values), id=request.world.next_id(), position=1)
    request.editor.create_role(one, by=request.world.bot_id, reason=request.reason)
    return payloads.role(one)


@routes.add("PATCH", "/guilds/{guild_id}/roles/{role_id}", fields=FIELDS)
def edit_role(request: Request) -> Json:
    """Change a role below the bot's highest. The bot cannot grant permissions that it lacks."""
    guild, one = request.guild_where(Permission.MANAGE_ROLES), request.role()
    check_role_below(guild, request.world.bot, one)
    values = _values(request)
    check_grants(guild, request.world.bot, values.get("permissions", 0) & ~one.permissions)
    request.editor.edit_role(one, values, by=request.world.bot_id, reason=request.reason)
    return payloads.role(one)


@routes.add("PATCH", "/guilds/{guild_id}/roles")
def move_roles(request: Request) -> list[Json]:
    """Move roles to new positions, all below the bot's highest role."""
    guild = request.guild_where(Permission.MANAGE_ROLES)
    positions = {one.id: one.position for one in guild.roles.values()}
    for wanted in request.body:
        one = guild.roles.get(int(wanted["id"]))
        if one is None:
            raise unknown("Role")
        check_role_below(guild, request.world.bot, one)
        check_role_below(guild, request.world.bot, Role(one.id, one.name, wanted["position"]))
        positions[one.id] = wanted["position"]
    order = sorted(guild.roles.values(), key=lambda one: (positions[one.id], -one.id))
    order.remove(guild.roles[guild.id])
    request.editor.move_roles(order, by=request.world.bot_id, reason=request.reason)
    return roles(request)


@routes.add("DELETE", "/guilds/{guild_id}/roles/{role_id}")
def delete_role(request: Request) -> None:
    """Delete a role below the bot's highest, but never a managed one or @everyone."""
    guild, one = request.guild_where(Permission.MANAGE_ROLES), request.role()
    if one.managed or one.id == guild.id:
        raise invalid_role()
    check_role_below(guild, request.world.bot, one)
    request.editor.delete_role(one, by=request.world.bot_id, reason=request.reason)


def _values(request: Request) -> dict[str, Any]:
    """Return the attributes that the body sets. Icons are refused: the guild is not boosted."""
    body = ROLE.read(request.body, "")
    if body.pop("icon", None) or body.pop("unicode_emoji", None):
        raise ApiError(400, 50101, "This server needs more boosts to perform this action")
    colors = body.pop("colors", None)
    if colors is not None:
        if colors.get("secondary_color") is not None or colors.get("tertiary_color") is not None:
            # The guild lacks the feature ENHANCED_ROLE_COLORS.
            raise ApiError(400, 50101, "This server needs more boosts to perform this action")
        body["color"] = colors["primary_color"]
    return body
