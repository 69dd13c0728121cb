"""Members of the guild, and which roles they hold."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.discord_api import payloads
from sandbox.discord_api.bodies.forms import Many, Snowflake, Text
from sandbox.discord_api.errors import invalid_form, missing_access, missing_permissions, unknown
from sandbox.discord_api.gateway.intents import Intent
from sandbox.discord_api.gateway.member_requests import is_called
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import (
    check_outranks,
    check_role_change,
    permissions_of,
    require,
)
from sandbox.discord_api.world import Guild, Member

from .routing import Request, Routes
from .voice import apply_voice_changes, check_voice_changes

__all__ = ["routes"]

routes = Routes()

NICK_LENGTH_MAX = 32
TIMEOUT_MAX = timedelta(days=28)
MEMBER_ROLE = "/guilds/{guild_id}/members/{user_id}/roles/{role_id}"


@routes.add("GET", "/guilds/{guild_id}/members", query={"limit", "after"})
def members(request: Request) -> list[Json]:
    """A page of members in the order of their ids, beginning above `after`.

    Refused with 50001 to an application that was not granted the intent for members.
    """
    guild = request.guild()
    if Intent.GUILD_MEMBERS not in request.privileged:
        raise missing_access()
    limit = request.number("limit", 1, low=1, high=1000)
    after = request.number("after", 0)
    found = [guild.members[one] for one in sorted(guild.members) if one > after]
    return [payloads.member(one, request.world.users) for one in found[:limit]]


@routes.add("GET", "/guilds/{guild_id}/members/search", query={"limit", "query"})
def search(request: Request) -> list[Json]:
    """Members whose nickname or username begins with the query."""
    guild = request.guild()
    limit = request.number("limit", 1, low=1, high=1000)
    query = request.query.get("query", "")
    if not query:
        raise invalid_form("query", "BASE_TYPE_REQUIRED", "This field is required")
    found = [one for one in guild.members.values() if is_called(one, query, request.world)]
    return [payloads.member(one, request.world.users) for one in found[:limit]]


@routes.add("GET", "/guilds/{guild_id}/members/{user_id}")
def member(request: Request) -> Json:
    """One member."""
    return payloads.member(request.member(), request.world.users)


@routes.add(
    "PATCH",
    "/guilds/{guild_id}/members/{user_id}",
    fields={"roles", "nick", "mute", "deaf", "channel_id", "communication_disabled_until"},
    rate="member_edits",
)
def edit_member(request: Request) -> Json:
    """Set a member's roles (the whole list), nickname, timeout or place in voice channels.

    All checks precede all changes.
    """
    guild, one = request.guild(), request.member()
    role_ids = None
    if request.body.get("roles") is not None:
        role_ids = _checked_roles(request, guild, one, request.body["roles"])
    until = _checked_timeout(request, guild, one)
    check_voice_changes(request, guild, one)
    if "nick" in request.body:
        _check_nick(request, guild, one)
        nick = request.body["nick"] or None
        request.editor.set_nick(one, nick, by=request.world.bot_id, reason=request.reason)
    if role_ids is not None:
        request.editor.set_roles(one, role_ids, by=request.world.bot_id, reason=request.reason)
    if "communication_disabled_until" in request.body:
        values = {"timed_out_until": until}
        request.editor.set_attributes(one, values, by=request.world.bot_id, reason=request.reason)
    apply_voice_changes(request, one)
    return payloads.member(one, request.world.users)


def _checked_roles(request: Request, guild: Guild, one: Member, wanted: Any) -> list[int]:
    """Return the wanted roles, if the bot may make every necessary change.

    @everyone, which every member has, is passed over.
    """
    require(guild, request.world.bot, Permission.MANAGE_ROLES)
    listed = Many(Snowflake()).read(wanted, "roles")
    role_ids = [one for one in dict.fromkeys(map(int, listed)) if one != guild.id]
    for role_id in role_ids:
        if role_id not in guild.roles:
            raise unknown("Role")
    for role_id in set(role_ids) ^ set(one.roles):
        check_role_change(guild, request.world.bot, guild.roles[role_id])
    return role_ids


def _checked_timeout(request: Request, guild: Guild, one: Member) -> str | None:
    """Return until when the member is timed out: at most 28 days, never an administrator."""
    until = request.body.get("communication_disabled_until")
    if "communication_disabled_until" not in request.body:
        return None
    require(guild, request.world.bot, Permission.MODERATE_MEMBERS)
    check_outranks(guild, request.world.bot, one)
    if until is None:
        return None
    moment = datetime.fromisoformat(Text(1).read(until, "communication_disabled_until"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if moment - datetime.now(UTC) > TIMEOUT_MAX:
        raise invalid_form(
            "communication_disabled_until",
            "GUILD_MEMBER_COMMUNICATION_DISABLED_UNTIL_TOO_LONG",
            "Must be within 28 days",
        )
    if Permission.ADMINISTRATOR in permissions_of(guild, one):
        raise missing_permissions()
    return moment.isoformat()


def _check_nick(request: Request, guild: Guild, one: Member) -> None:
    if request.body["nick"] is not None:
        Text(0, NICK_LENGTH_MAX).read(request.body["nick"], "nick")
    require(guild, request.world.bot, Permission.MANAGE_NICKNAMES)
    check_outranks(guild, request.world.bot, one)


@routes.add("PATCH", "/guilds/{guild_id}/members/@me", fields={"nick"}, rate="member_edits")
def edit_own_member(request: Request) -> Json:
    """The bot changes its own nickname."""
    request.guild_where(Permission.CHANGE_NICKNAME)
    bot = request.world.bot
    nick = Text(0, NICK_LENGTH_MAX).read(request.body.get("nick") or "", "nick") or None
    request.editor.set_nick(bot, nick, by=bot.user_id, reason=request.reason)
    return payloads.member(bot, request.world.users)


@routes.add("DELETE", "/guilds/{guild_id}/members/{user_id}", rate="member_edits")
def kick(request: Request) -> None:
    """Kick a member below the bot's highest role."""
    guild = request.guild_where(Permission.KICK_MEMBERS)
    one = request.member()
    check_outranks(guild, request.world.bot, one)
    request.editor.kick(one, by=request.world.bot_id, reason=request.reason)


@routes.add("PUT", MEMBER_ROLE, rate="role_writes")
def give_role(request: Request) -> None:
    """Give a member one role. If they hold it already, nothing is announced."""
    one = _member_whose_role_may_change(request)
    role_ids = list(dict.fromkeys([*one.roles, request.id("role_id")]))
    request.editor.set_roles(one, role_ids, by=request.world.bot_id, reason=request.reason)


@routes.add("DELETE", MEMBER_ROLE, rate="role_writes")
def take_role(request: Request) -> None:
    """Take one role from a member. If they do not hold it, nothing is announced."""
    one = _member_whose_role_may_change(request)
    role_ids = [role_id for role_id in one.roles if role_id != request.id("role_id")]
    request.editor.set_roles(one, role_ids, by=request.world.bot_id, reason=request.reason)


def _member_whose_role_may_change(request: Request) -> Member:
    guild = request.guild_where(Permission.MANAGE_ROLES)
    one = request.member()
    check_role_change(guild, request.world.bot, request.role())
    return one
