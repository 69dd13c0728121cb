"""The JSON objects of the API. Every id becomes a string here and nowhere else.

The shapes follow Discord's published OpenAPI description; a contract test compares the two.
"""

from typing import Any

from .permission_checks import permissions_of
from .world import (
    AuditEntry,
    Channel,
    Command,
    Guild,
    Member,
    Message,
    Role,
    User,
    World,
)

__all__ = [
    "Json",
    "acting_member",
    "application",
    "audit_entry",
    "audit_log",
    "channel",
    "command",
    "gateway_guild",
    "guild",
    "member",
    "message",
    "message_event",
    "overview",
    "own_guild",
    "own_user",
    "resolved_member",
    "role",
    "user",
]

Json = dict[str, Any]

PREFERRED_LOCALE = "en-US"
LATEST = 50


def user(one: User) -> Json:
    """A user, as every client sees them."""
    shown: Json = {
        "id": str(one.id),
        "username": one.username,
        "discriminator": "0",
        "global_name": one.global_name,
        "avatar": None,
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


def application(world: World, *, name: str, flags: int) -> Json:
    """The bot's application. The guild's owner owns it."""
    return {
        "id": str(world.bot_id),
        "name": name,
        "icon": None,
        "description": "",
        "type": None,
        "bot": user(world.users[world.bot_id]),
        "bot_public": False,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": flags,
        "flags_new": str(flags),
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user(world.users[world.guild.owner_id]),
        "approximate_guild_count": 1,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
    }


def role(one: Role, *, bot_id: int) -> Json:
    """A role. The tags mark the bot's own role and the boosters' role."""
    shown: Json = {
        "id": str(one.id),
        "name": one.name,
        "description": None,
        "permissions": str(one.permissions),
        "position": one.position,
        "color": one.color,
        "colors": {"primary_color": one.color, "secondary_color": None, "tertiary_color": None},
        "hoist": one.hoist,
        "managed": one.managed,
        "mentionable": one.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    if one.managed_by == "bot":
        shown["tags"] = {"bot_id": str(bot_id)}
    if one.managed_by == "booster":
        shown["tags"] = {"premium_subscriber": None}
    return shown


def member(one: Member, users: dict[int, User]) -> Json:
    """A member with their user."""
    return {"user": user(users[one.user_id])} | _membership(one)


def _membership(one: Member) -> Json:
    return {
        "avatar": None,
        "avatar_decoration_data": None,
        "banner": None,
        "collectibles": None,
        "communication_disabled_until": None,
        "flags": one.flags,
        "joined_at": one.joined_at,
        "nick": one.nick,
        "pending": one.pending,
        "premium_since": None,
        "roles": [str(role_id) for role_id in one.roles],
        "mute": False,
        "deaf": False,
    }


def acting_member(one: Member, world: World) -> Json:
    """A member with their permissions, as in interactions."""
    permissions = permissions_of(world.guild, one)
    return member(one, world.users) | {"permissions": str(int(permissions))}


def resolved_member(one: Member, world: World) -> Json:
    """A member as in resolved options: without user, mute and deaf."""
    shown = _membership(one) | {"permissions": str(int(permissions_of(world.guild, one)))}
    del shown["mute"], shown["deaf"]
    return shown


def guild(one: Guild, *, bot_id: int) -> Json:
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
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 1,
        "roles": [role(each, bot_id=bot_id) for each in one.roles.values()],
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
    full = guild(world.guild, bot_id=world.bot_id)
    kept = ("id", "name", "icon", "banner", "features")
    return {key: full[key] for key in kept} | {
        "owner": world.guild.owner_id == world.bot_id,
        "permissions": str(int(permissions_of(world.guild, world.bot))),
    }


def gateway_guild(world: World, *, large: bool, members: list[Member]) -> Json:
    """The guild, as in GUILD_CREATE, with the members that the session gets inline."""
    one = world.guild
    return guild(one, bot_id=world.bot_id) | {
        "joined_at": world.bot.joined_at,
        "large": large,
        "unavailable": False,
        "member_count": len(one.members),
        "members": [member(each, world.users) for each in members],
        "channels": [channel(each, world) for each in world.channels.values() if not each.direct],
        "threads": [],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def channel(one: Channel, world: World) -> Json:
    """A channel, of the guild or direct."""
    last = None if one.last_message_id is None else str(one.last_message_id)
    shown: Json = {"id": str(one.id), "type": one.type, "flags": 0, "last_message_id": last}
    if one.recipient_id is not None:
        return shown | {"recipients": [user(world.users[one.recipient_id])]}
    return shown | {
        "guild_id": str(world.guild.id),
        "name": one.name,
        "position": 0,
        "topic": None,
        "parent_id": None,
        "nsfw": False,
        "rate_limit_per_user": 0,
        "permission_overwrites": [],
    }


def message(one: Message, world: World) -> Json:
    """A message, as in REST."""
    shown: Json = {
        "id": str(one.id),
        "channel_id": str(one.channel_id),
        "type": one.type,
        "content": one.content,
        "author": user(world.users[one.author_id]),
        "timestamp": one.timestamp,
        "edited_timestamp": one.edited_timestamp,
        "flags": one.flags,
        "embeds": one.embeds,
        "components": one.components,
        "attachments": [],
        "mentions": [user(world.users[mentioned]) for mentioned in one.mentions],
        "mention_roles": [str(role_id) for role_id in one.mention_roles],
        "mention_everyone": one.mention_everyone,
        "pinned": False,
        "tts": False,
    }
    if one.nonce is not None:
        shown["nonce"] = one.nonce
    if one.reply_to is not None:
        shown["message_reference"] = {
            "type": 0,
            "channel_id": str(one.channel_id),
            "message_id": str(one.reply_to),
        }
    if one.author_id == world.bot_id:
        shown["application_id"] = str(world.bot_id)
    if one.interaction is not None:
        shown["webhook_id"] = str(world.bot_id)
        shown["interaction_metadata"] = one.interaction
    return shown


def message_event(one: Message, world: World) -> Json:
    """A message, as in gateway events: with its guild and its author's membership."""
    shown = message(one, world)
    if world.channels[one.channel_id].direct:
        return shown
    shown["guild_id"] = str(world.guild.id)
    author = world.guild.members.get(one.author_id)
    if author is not None:
        shown["member"] = _membership(author)
    return shown


def command(one: Command, *, application_id: int) -> Json:
    """An application command, as the API lists it."""
    shown = one.definition | {
        "id": str(one.id),
        "application_id": str(application_id),
        "version": str(one.version),
    }
    if one.guild_id is not None:
        shown["guild_id"] = str(one.guild_id)
    return shown


def audit_entry(one: AuditEntry) -> Json:
    """One line of the audit log."""
    shown: Json = {
        "id": str(one.id),
        "action_type": one.action_type,
        "user_id": str(one.user_id),
        "target_id": None if one.target_id is None else str(one.target_id),
        "changes": one.changes,
    }
    if one.reason is not None:
        shown["reason"] = one.reason
    return shown


def audit_log(entries: list[AuditEntry], users: dict[int, User]) -> Json:
    """A page of the audit log, with the users in it."""
    named = {entry.user_id for entry in entries} | {entry.target_id for entry in entries}
    return {
        "audit_log_entries": [audit_entry(entry) for entry in entries],
        "users": [user(users[user_id]) for user_id in users if user_id in named],
        "integrations": [],
        "webhooks": [],
        "guild_scheduled_events": [],
        "threads": [],
        "application_commands": [],
        "auto_moderation_rules": [],
    }


def overview(world: World) -> Json:
    """The whole world for the control interface: members with roles, and the latest messages."""
    guild_now = world.guild
    return {
        "guild": {"id": str(guild_now.id), "name": guild_now.name, "bot_inside": world.installed},
        "roles": [role(one, bot_id=world.bot_id) for one in guild_now.roles.values()],
        "members": [member(one, world.users) for one in guild_now.members.values()],
        "channels": [channel(one, world) for one in world.channels.values()],
        "messages": [message(one, world) for one in list(world.messages.values())[-LATEST:]],
        "commands": [command(one, application_id=world.bot_id) for one in world.commands],
        "bans": {str(user_id): reason for user_id, reason in guild_now.bans.items()},
    }
