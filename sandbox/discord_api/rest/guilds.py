"""The guild, its channels, its audit log and its bans."""

from sandbox.discord_api import payloads
from sandbox.discord_api.bodies.forms import Choice, Form, Many, Snowflake, Text, Whole, missing
from sandbox.discord_api.errors import ApiError, missing_permissions, unknown
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import check_outranks, outranks, require
from sandbox.discord_api.world import AuditEntry

from .routing import Request, Routes

__all__ = ["routes"]

routes = Routes()

GUILD = Form(
    {
        "name": Text(2, 100),
        "afk_channel_id": Snowflake(),
        "afk_timeout": Choice((60, 300, 900, 1800, 3600)),
    },
    what="a guild",
)
DAY_S = 24 * 3600
BAN_FIELDS = {"delete_message_seconds", "delete_message_days"}


@routes.add("GET", "/guilds/{guild_id}", query={"with_counts"})
def guild(request: Request) -> Json:
    """The guild, with approximate counts if asked for."""
    one = request.guild()
    shown = payloads.guild(one)
    if request.query.get("with_counts", "false").lower() in ("true", "1"):
        shown["approximate_member_count"] = len(one.members)
        shown["approximate_presence_count"] = len(one.presences)
    return shown


@routes.add("PATCH", "/guilds/{guild_id}", fields=frozenset(GUILD.fields))
def edit_guild(request: Request) -> Json:
    """Change the guild's name, and its AFK channel and timeout."""
    guild = request.guild_where(Permission.MANAGE_GUILD)
    values = GUILD.read(request.body, "")
    if request.body.get("name", "") is None:
        raise missing("name")
    if "afk_channel_id" in request.body:
        values["afk_channel_id"] = None
        if request.body["afk_channel_id"] is not None:
            values["afk_channel_id"] = int(request.body["afk_channel_id"])
            channel = request.world.channels.get(values["afk_channel_id"])
            if channel is None or not channel.vocal:
                raise unknown("Channel")
    request.editor.edit_guild(values, by=request.world.bot_id, reason=request.reason)
    return payloads.guild(guild)


@routes.add("GET", "/guilds/{guild_id}/channels")
def channels(request: Request) -> list[Json]:
    """The channels of the guild, without its threads."""
    request.guild()
    return [payloads.channel(one, request.world) for one in request.world.guild_channels]


@routes.add(
    "GET",
    "/guilds/{guild_id}/audit-logs",
    query={"user_id", "target_id", "action_type", "before", "after", "limit"},
)
def audit_log(request: Request) -> Json:
    """The newest entries first, or with `after` the oldest first."""
    request.guild_where(Permission.VIEW_AUDIT_LOG)
    limit = request.number("limit", 50, low=1, high=100)
    found = [entry for entry in request.world.audit_log if _wanted(entry, request)]
    page = found[:limit] if "after" in request.query else found[::-1][:limit]
    return payloads.audit_log(page, request.world.users)


def _wanted(entry: AuditEntry, request: Request) -> bool:
    for name in ("user_id", "target_id", "action_type"):
        if name in request.query and request.number(name, 0) != getattr(entry, name):
            return False
    after, before = request.number("after", 0), request.number("before", 2**63)
    return after < entry.id < before


@routes.add("GET", "/guilds/{guild_id}/bans", query={"limit", "before", "after"})
def bans(request: Request) -> list[Json]:
    """The bans, by user id."""
    guild = request.guild_where(Permission.BAN_MEMBERS)
    after, before = request.number("after", 0), request.number("before", 2**63)
    limit = request.number("limit", 1000, low=1, high=1000)
    found = [one for one in sorted(guild.bans) if after < one < before]
    return [_ban(request, user_id) for user_id in found[:limit]]


@routes.add("GET", "/guilds/{guild_id}/bans/{user_id}")
def ban(request: Request) -> Json:
    """One ban, or 10026."""
    guild = request.guild_where(Permission.BAN_MEMBERS)
    if request.id("user_id") not in guild.bans:
        raise unknown("Ban")
    return _ban(request, request.id("user_id"))


def _ban(request: Request, user_id: int) -> Json:
    user = payloads.user(request.world.users[user_id])
    return {"user": user, "reason": request.world.guild.bans[user_id]}


# discord.py sends the deletion of messages in the query.
@routes.add(
    "PUT",
    "/guilds/{guild_id}/bans/{user_id}",
    fields=BAN_FIELDS,
    query=BAN_FIELDS,
    rate="member_edits",
)
def put_ban(request: Request) -> None:
    """Ban a user; members only below the bot's highest role."""
    guild = request.guild_where(Permission.BAN_MEMBERS)
    user_id = request.id("user_id")
    if user_id not in request.world.users:
        raise unknown("User")
    if user_id == request.world.bot_id:
        raise missing_permissions()
    member = guild.members.get(user_id)
    if member is not None:
        check_outranks(guild, request.world.bot, member)
    request.editor.ban(user_id, by=request.world.bot_id, reason=request.reason)
    request.editor.erase_latest(user_id, _seconds_to_delete(request), by=request.world.bot_id)


def _seconds_to_delete(request: Request) -> int:
    """Return how many seconds of a banned user's messages are deleted, at most 7 days."""
    given = request.body | dict(request.query)
    days = Whole(0, 7).read(given.get("delete_message_days") or 0, "delete_message_days")
    seconds = given.get("delete_message_seconds") or days * DAY_S
    return Whole(0, 7 * DAY_S).read(seconds, "delete_message_seconds")


@routes.add(
    "POST",
    "/guilds/{guild_id}/bulk-ban",
    fields={"user_ids", "delete_message_seconds"},
    rate="member_edits",
)
def bulk_ban(request: Request) -> Json:
    """Ban up to 200 users; those whom the bot may not ban are named as failed."""
    guild = request.guild_where(Permission.BAN_MEMBERS)
    require(guild, request.world.bot, Permission.MANAGE_GUILD)
    asked = Many(Snowflake(), 1, 200).read(request.body.get("user_ids"), "user_ids")
    banned, failed = [], []
    for user_id in map(int, asked):
        member = guild.members.get(user_id)
        known = user_id in request.world.users and user_id != request.world.bot_id
        if not known or (member is not None and not outranks(guild, request.world.bot, member)):
            failed.append(str(user_id))
            continue
        if user_id not in guild.bans:
            request.editor.ban(user_id, by=request.world.bot_id, reason=request.reason)
            seconds = _seconds_to_delete(request)
            request.editor.erase_latest(user_id, seconds, by=request.world.bot_id)
        banned.append(str(user_id))
    if not banned:
        raise ApiError(400, 500000, "Failed to ban users.")
    return {"banned_users": banned, "failed_users": failed}


@routes.add("DELETE", "/guilds/{guild_id}/bans/{user_id}", rate="member_edits")
def delete_ban(request: Request) -> None:
    """Lift a ban, or 10026."""
    guild = request.guild_where(Permission.BAN_MEMBERS)
    if request.id("user_id") not in guild.bans:
        raise unknown("Ban")
    request.editor.unban(request.id("user_id"), by=request.world.bot_id, reason=request.reason)
