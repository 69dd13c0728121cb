"""The guild with its roles, voice states and presences, and the world as a whole."""

from sandbox.discord_api.permission_checks import permissions_of
from sandbox.discord_api.world import Guild, Member, Role, VoiceState, World

from .applications import command
from .channels import channel
from .json_values import Json
from .messages import message
from .users import member

__all__ = [
    "PREFERRED_LOCALE",
    "community",
    "gateway_guild",
    "guild",
    "overview",
    "own_guild",
    "presence",
    "role",
    "voice_state",
]

PREFERRED_LOCALE = "en-US"
LATEST = 50


def role(one: Role) -> Json:
    """A role. The tags mark the bot's own role and the boosters' role."""
    shown: Json = {
        "id": str(one.id),
        "name": one.name,
        "description": None,
        "permissions": str(one.permissions),
        "position": one.position,
        "color": one.color,
        "colors": {
            "primary_color": one.color,
            "secondary_color": one.secondary_color,
            "tertiary_color": one.tertiary_color,
        },
        "hoist": one.hoist,
        "managed": one.managed,
        "mentionable": one.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    if one.managed_by == "bot":
        shown["tags"] = {"bot_id": str(one.bot_id)}
    if one.managed_by == "booster":
        shown["tags"] = {"premium_subscriber": None}
    return shown


def guild(one: Guild) -> Json:
    """The guild, as in REST."""
    return {
        "id": str(one.id),
        "name": one.name,
        "icon": None,
        "description": None,
        "home_header": None,
        "splash": None,
        "discovery_splash": None,
        "features": ["COMMUNITY", "MEMBER_VERIFICATION_GATE_ENABLED"],
        "banner": None,
        "owner_id": str(one.owner_id),
        "application_id": None,
        "region": "deprecated",
        "afk_channel_id": None if one.afk_channel_id is None else str(one.afk_channel_id),
        "afk_timeout": one.afk_timeout,
        "system_channel_id": (
            None if one.system_channel_id is None else str(one.system_channel_id)
        ),
        "system_channel_flags": 0,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 1,
        "roles": [role(each) for each in one.roles.values()],
        "default_message_notifications": 1,
        "mfa_level": 0,
        "explicit_content_filter": 2,
        "max_presences": None,
        "max_members": 500_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": PREFERRED_LOCALE,
        "rules_channel_id": None,
        "safety_alerts_channel_id": None,
        "public_updates_channel_id": None,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
        "incidents_data": None,
    }


def own_guild(world: World) -> Json:
    """The guild in the bot's own list of guilds."""
    full = guild(world.guild)
    kept = ("id", "name", "icon", "banner", "features")
    return {key: full[key] for key in kept} | {
        "owner": world.guild.owner_id == world.bot_id,
        "permissions": str(int(permissions_of(world.guild, world.bot))),
    }


def voice_state(one: VoiceState, world: World, *, whole: bool = True) -> Json:
    """A member's voice state; without `whole` as in GUILD_CREATE, that is without the member."""
    shown: Json = {
        "channel_id": str(one.channel_id),
        "user_id": str(one.user_id),
        "session_id": one.session_id,
        "self_mute": one.self_mute,
        "self_deaf": one.self_deaf,
        "self_video": one.self_video,
        "self_stream": one.self_stream,
        "mute": False,
        "deaf": False,
        "suppress": one.suppress,
        "request_to_speak_timestamp": None,
    }
    holder = world.guild.members.get(one.user_id)
    if holder is not None:
        shown |= {"mute": holder.mute, "deaf": holder.deaf}
    if not whole:
        return shown
    if holder is not None:
        shown["member"] = member(holder, world.users)
    return shown | {"guild_id": str(world.guild.id)}


def presence(user_id: int, world: World) -> Json:
    """A member's presence; without one they are offline."""
    one = world.guild.presences.get(user_id)
    status = "offline" if one is None else one.status
    return {
        "user": {"id": str(user_id)},
        "guild_id": str(world.guild.id),
        "status": status,
        "activities": [] if one is None else one.activities,
        "client_status": {} if one is None else {"desktop": status},
    }


def gateway_guild(world: World, *, large: bool, members: list[Member], presences: bool) -> Json:
    """The guild, as in GUILD_CREATE, with the members that the session gets inline."""
    one = world.guild
    return guild(one) | {
        "joined_at": world.bot.joined_at,
        "large": large,
        "unavailable": False,
        "member_count": len(one.members),
        "members": [member(each, world.users) for each in members],
        "channels": [channel(each, world) for each in world.guild_channels],
        "threads": [
            channel(each, world)
            for each in world.channels.values()
            if each.thread is not None and not each.thread.archived
        ],
        "presences": [presence(user_id, world) for user_id in one.presences] if presences else [],
        "voice_states": [
            voice_state(each, world, whole=False) for each in one.voice_states.values()
        ],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def overview(world: World) -> Json:
    """The whole world for the control interface: members with roles, and the latest messages."""
    return community(world) | {
        "channels": [channel(one, world) for one in world.channels.values()],
        "messages": [message(one, world) for one in list(world.messages.values())[-LATEST:]],
        "voice_states": [voice_state(one, world) for one in world.guild.voice_states.values()],
        "bans": {str(user_id): reason for user_id, reason in world.guild.bans.items()},
    }


def community(world: World) -> Json:
    """The guild for the control interface: its roles and members, its bots and their commands."""
    guild_now = world.guild
    return {
        "guild": {
            "id": str(guild_now.id),
            "name": guild_now.name,
            "bot_inside": world.installed,
            "unavailable": guild_now.unavailable,
        },
        "roles": [role(one) for one in guild_now.roles.values()],
        "members": [member(one, world.users) for one in guild_now.members.values()],
        "bots": [
            {
                "id": str(bot_id),
                "token": application.token,
                "inside": bot_id in guild_now.members,
            }
            for bot_id, application in world.applications.items()
        ],
        "commands": [
            command(one, application_id=bot_id)
            for bot_id, application in world.applications.items()
            for one in application.commands
        ],
    }
