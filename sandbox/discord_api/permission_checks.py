"""Permission checks: a member's permissions and the order of roles, as pure functions."""

from functools import lru_cache

from .errors import ApiError, missing_permissions, unknown
from .permission_bits import ALL_PERMISSIONS, Permission
from .world import Channel, Guild, Member, Role, World

__all__ = [
    "check_grants",
    "check_outranks",
    "check_role_below",
    "check_role_change",
    "highest_role",
    "outranks",
    "permissions_in",
    "permissions_of",
    "require",
    "require_in",
]

_EVERYTHING, _ADMINISTRATOR = int(ALL_PERMISSIONS), int(Permission.ADMINISTRATOR)
_VIEW_CHANNEL = int(Permission.VIEW_CHANNEL)


def permissions_of(guild: Guild, member: Member) -> Permission:
    """Return a member's permissions in the guild: those of @everyone and of their roles."""
    return _permission(_bits_of(guild, member))


def _bits_of(guild: Guild, member: Member) -> int:
    """The same as a plain number, in which flags are counted ten times as fast."""
    if member.user_id == guild.owner_id:
        return _EVERYTHING
    total = guild.roles[guild.id].permissions
    for role_id in member.roles:
        total |= guild.roles[role_id].permissions
    return _EVERYTHING if total & _ADMINISTRATOR else total & _EVERYTHING


@lru_cache(maxsize=1024)
def _permission(bits: int) -> Permission:
    return Permission(bits)


def permissions_in(world: World, member: Member, channel: Channel) -> Permission:
    """Return a member's permissions in a channel; a thread has those of its channel.

    Overwrites of @everyone come first, then those of all roles together, then the member's own.
    Nobody may do anything in a channel that they do not see.
    """
    held = _bits_of(world.guild, member)
    if channel.parent_id is not None and channel.is_thread:
        channel = world.channels.get(channel.parent_id, channel)
    if held != _EVERYTHING and channel.overwrites:
        for ids in ([world.guild.id], member.roles, [member.user_id]):
            found = [channel.overwrites[one] for one in ids if one in channel.overwrites]
            for overwrite in found:
                held &= ~overwrite.deny
            for overwrite in found:
                held |= overwrite.allow & _EVERYTHING
    return _permission(held if held & _VIEW_CHANNEL else 0)


def require_in(world: World, channel: Channel, permission: Permission) -> None:
    """Refuse with 50013 unless the bot holds the permission in the channel."""
    if permission not in permissions_in(world, world.bot, channel):
        raise missing_permissions()


def require(guild: Guild, member: Member, permission: Permission) -> None:
    """Refuse with 50013 unless the member holds the permission."""
    if permission not in permissions_of(guild, member):
        raise missing_permissions()


def highest_role(guild: Guild, member: Member) -> Role:
    """Return the member's highest role, or @everyone. At equal positions the older role wins."""
    held = [guild.roles[role_id] for role_id in [guild.id, *member.roles]]
    return max(held, key=lambda role: (role.position, -role.id))


def check_role_below(guild: Guild, actor: Member, role: Role) -> None:
    """Refuse with 50013 unless `role` is below the actor's highest. An owner outranks all roles."""
    if actor.user_id == guild.owner_id:
        return
    top = highest_role(guild, actor)
    if (role.position, -role.id) >= (top.position, -top.id):
        raise missing_permissions()


def check_role_change(guild: Guild, actor: Member, role: Role) -> None:
    """Refuse unless the actor may give this role to members and take it from them.

    Only the role's position counts. Neither ownership of the guild nor the highest role of the
    member who gets it matters. Only its integration gives a managed role. To Discord, @everyone is
    no role that a member holds: it answers 10011.
    """
    require(guild, actor, Permission.MANAGE_ROLES)
    if role.id == guild.id:
        raise unknown("Role")
    if role.managed:
        raise missing_permissions()
    check_role_below(guild, actor, role)


def check_outranks(guild: Guild, actor: Member, target: Member) -> None:
    """Refuse with 50013 unless the actor may kick, ban or rename the target."""
    if target.user_id == guild.owner_id:
        raise missing_permissions()
    check_role_below(guild, actor, highest_role(guild, target))


def outranks(guild: Guild, actor: Member, target: Member) -> bool:
    """Whether the actor may kick, ban or rename the target."""
    try:
        check_outranks(guild, actor, target)
    except ApiError:
        return False
    return True


def check_grants(guild: Guild, actor: Member, permissions: int) -> None:
    """Refuse with 50013 when a role would carry permissions that the actor does not hold."""
    held = permissions_of(guild, actor)
    if Permission.ADMINISTRATOR not in held and permissions & ~int(held):
        raise missing_permissions()
