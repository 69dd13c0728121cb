"""Users and members."""

from sandbox.discord_api.permission_checks import permissions_in, permissions_of
from sandbox.discord_api.world import Channel, Member, User, World

from .json_values import Json

__all__ = [
    "acting_member",
    "basic_member",
    "member",
    "own_user",
    "resolved_member",
    "user",
]


def user(one: User) -> Json:
    """A user, as every client sees them."""
    shown: Json = {
        "id": str(one.id),
        "username": one.username,
        "discriminator": "0",
        "global_name": one.global_name,
        "avatar": one.avatar,
        "avatar_decoration_data": None,
        "collectibles": None,
        "banner": None,
        "accent_color": None,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }
    if one.bot:
        shown["bot"] = True
    return shown


def own_user(one: User) -> Json:
    """The bot's own user, as the bot sees it."""
    return user(one) | {
        "mfa_enabled": False,
        "locale": one.locale,
        "premium_type": 0,
        "email": None,
        "verified": True,
    }


def member(one: Member, users: dict[int, User]) -> Json:
    """A member with their user."""
    return {"user": user(users[one.user_id])} | basic_member(one)


def basic_member(one: Member) -> Json:
    """A membership without its user."""
    return {
        "avatar": None,
        "avatar_decoration_data": None,
        "banner": None,
        "collectibles": None,
        "communication_disabled_until": one.timed_out_until,
        "flags": one.flags,
        "joined_at": one.joined_at,
        "nick": one.nick,
        "pending": one.pending,
        "premium_since": None,
        "roles": [str(role_id) for role_id in one.roles],
        "mute": one.mute,
        "deaf": one.deaf,
    }


def acting_member(one: Member, world: World, channel: Channel) -> Json:
    """A member with their permissions in the channel, as in interactions."""
    permissions = permissions_in(world, one, channel)
    return member(one, world.users) | {"permissions": str(int(permissions))}


def resolved_member(one: Member, world: World) -> Json:
    """A member as in resolved options: without user, mute and deaf."""
    shown = basic_member(one) | {"permissions": str(int(permissions_of(world.guild, one)))}
    del shown["mute"], shown["deaf"]
    return shown
