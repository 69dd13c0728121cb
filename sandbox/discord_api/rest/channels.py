"""Channels of the guild: creation, changes, order and deletion."""

from typing import Any

from sandbox.discord_api import payloads
from sandbox.discord_api.bodies.forms import Choice, Flag, Form, Kind, Many, Snowflake, Text, Whole
from sandbox.discord_api.channel_types import CATEGORY, FORUM, STAGE, TEXT, VOICE
from sandbox.discord_api.errors import ApiError, invalid_form, missing_permissions, unknown
from sandbox.discord_api.payloads import Json
from sandbox.discord_api.permission_bits import Permission
from sandbox.discord_api.permission_checks import check_grants, permissions_in, require_in
from sandbox.discord_api.world import Channel, Overwrite

from .routing import Reply, Request, Routes
from .threads import THREAD_FIELDS

__all__ = ["routes"]

routes = Routes()

CHANNELS_MAX = 500
CREATABLE = frozenset({TEXT, VOICE, CATEGORY, STAGE, FORUM})
ATTRIBUTES: dict[str, Kind] = {
    "name": Text(1, 100),
    "topic": Text(0, 4096),
    "nsfw": Flag(),
    "position": Whole(0, 2**31 - 1),
    "parent_id": Snowflake(),
    "rate_limit_per_user": Whole(0, 21_600),
    "user_limit": Whole(0, 99),
    "bitrate": Whole(8_000, 96_000),
}
CHANNEL = Form(ATTRIBUTES, what="a channel")
THREAD = Form(
    THREAD_FIELDS | {"archived": Flag(), "locked": Flag(), "invitable": Flag()}, what="a thread"
)
BITS = Whole(0, 2**63 - 1)
OVERWRITE_FIELDS: dict[str, Kind] = {
    "id": Snowflake(),
    "type": Choice((0, 1)),
    "allow": BITS,
    "deny": BITS,
}
OVERWRITE = Form(OVERWRITE_FIELDS, {"type"}, "an overwrite")
OVERWRITES = Many(Form(OVERWRITE_FIELDS, {"id", "type"}, "an overwrite"))
NEW_CHANNEL = Form(
    ATTRIBUTES | {"type": Choice(CREATABLE), "permission_overwrites": OVERWRITES},
    {"name"},
    "a channel",
)
OPTIONAL = ("topic", "parent_id")


@routes.add("POST", "/guilds/{guild_id}/channels", fields=frozenset(NEW_CHANNEL.fields))
def create_channel(request: Request) -> Reply:
    """A new channel, at the end."""
    request.guild_where(Permission.MANAGE_CHANNELS)
    count = len(request.world.guild_channels)
    if count >= CHANNELS_MAX:
        raise ApiError(400, 30013, f"Maximum number of server channels reached ({CHANNELS_MAX})")
    values: dict[str, Any] = {"type": TEXT, "position": count}
    values |= NEW_CHANNEL.read(request.body, "")
    given = values.pop("permission_overwrites", ())
    one = Channel(request.world.next_id(), **_checked(request, values))
    one.overwrites = {int(each["id"]): _overwrite(request, int(each["id"]), each) for each in given}
    request.editor.create_channel(one, by=request.world.bot_id, reason=request.reason)
    return Reply(201, payloads.channel(one, request.world))


@routes.add(
    "PATCH",
    "/channels/{channel_id}",
    fields=frozenset({*CHANNEL.fields, *THREAD.fields}),
)
def edit_channel(request: Request) -> Json:
    """Change a channel, or a thread that the bot owns or manages."""
    one = request.channel()
    if one.direct:
        raise ApiError(403, 50003, "Cannot execute action on a DM channel")
    if one.thread is not None:
        held = permissions_in(request.world, request.world.bot, one)
        owned = one.thread.owner_id == request.world.bot_id and not one.thread.locked
        if Permission.MANAGE_THREADS not in held and not owned:
            raise missing_permissions()
        values = THREAD.read(request.body, "")
    else:
        require_in(request.world, one, Permission.MANAGE_CHANNELS)
        cleared = {name: None for name in OPTIONAL if name in request.body}
        values = _checked(request, cleared | CHANNEL.read(request.body, ""))
    request.editor.edit_channel(one, values, by=request.world.bot_id, reason=request.reason)
    return payloads.channel(one, request.world)


@routes.add("PATCH", "/guilds/{guild_id}/channels")
def move_channels(request: Request) -> None:
    """Set the positions of channels."""
    request.guild_where(Permission.MANAGE_CHANNELS)
    order = Form({"id": Snowflake(), "position": Whole(0), "parent_id": Snowflake()}, {"id"})
    wanted = [order.read(one, str(index)) for index, one in enumerate(request.body)]
    for one in wanted:
        if int(one["id"]) not in request.world.channels:
            raise unknown("Channel")
    for one in wanted:
        channel = request.world.channels[int(one.pop("id"))]
        values = _checked(request, one)
        request.editor.edit_channel(channel, values, by=request.world.bot_id, reason=request.reason)


@routes.add("DELETE", "/channels/{channel_id}")
def delete_channel(request: Request) -> Json:
    """Delete a channel or thread, or close a direct channel, which a message opens again."""
    one = request.channel()
    if not one.direct:
        needed = Permission.MANAGE_THREADS if one.is_thread else Permission.MANAGE_CHANNELS
        require_in(request.world, one, needed)
        shown = payloads.channel(one, request.world)
        request.editor.delete_channel(one, by=request.world.bot_id, reason=request.reason)
        return shown
    return payloads.channel(one, request.world)


@routes.add(
    "PUT",
    "/channels/{channel_id}/permissions/{overwrite_id}",
    fields=frozenset(OVERWRITE.fields),
)
def set_overwrite(request: Request) -> None:
    """Give a role or a member permissions in the channel, or deny them."""
    one, target = _managed(request), request.id("overwrite_id")
    overwrite = _overwrite(request, target, OVERWRITE.read(request.body, ""))
    request.editor.set_overwrite(
        one, target, overwrite, by=request.world.bot_id, reason=request.reason
    )


@routes.add("DELETE", "/channels/{channel_id}/permissions/{overwrite_id}")
def remove_overwrite(request: Request) -> None:
    """Remove what is set for a role or a member in the channel."""
    one, target = _managed(request), request.id("overwrite_id")
    if target not in one.overwrites:
        raise unknown("Overwrite")
    request.editor.set_overwrite(one, target, None, by=request.world.bot_id, reason=request.reason)


def _overwrite(request: Request, target: int, given: Json) -> Overwrite:
    """Return an overwrite for a role or member. The bot sets only permissions that it holds."""
    allow, deny = given.get("allow", 0), given.get("deny", 0)
    check_grants(request.world.guild, request.world.bot, allow | deny)
    of_member = bool(given["type"])
    known = request.world.users if of_member else request.world.guild.roles
    if target not in known:
        raise unknown("User" if of_member else "Role")
    return Overwrite(allow, deny, of_member)


def _managed(request: Request) -> Channel:
    one = request.channel(Permission.MANAGE_ROLES)
    if one.direct or one.is_thread:
        raise ApiError(403, 50003, "Cannot execute action on this channel")
    return one


def _checked(request: Request, values: dict[str, Any]) -> dict[str, Any]:
    """Return a channel's attributes with the category as a number, which must exist."""
    parent_id = values.get("parent_id")
    if parent_id is None:
        return values
    parent = request.world.channels.get(int(parent_id))
    if parent is None or parent.type != CATEGORY:
        raise invalid_form("parent_id", "CHANNEL_PARENT_INVALID", "Category does not exist")
    return values | {"parent_id": parent.id}
