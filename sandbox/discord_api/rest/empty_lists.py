"""Lists that are truly empty: the guild has no emoji, stickers, invites, webhooks or events.

Nothing in the sandbox creates these, so that an empty list is the whole truth.
"""

from typing import Any

from sandbox.discord_api.permission_bits import Permission

from .routing import Request, Routes

__all__ = ["routes"]

routes = Routes()

GUILD, CHANNEL = "/guilds/{guild_id}", "/channels/{channel_id}"


@routes.add("GET", GUILD + "/emojis")
@routes.add("GET", GUILD + "/stickers")
@routes.add("GET", GUILD + "/scheduled-events", query={"with_user_count"})
def of_guild(request: Request) -> list[Any]:
    """Lists that every member sees."""
    request.guild()
    return []


@routes.add("GET", GUILD + "/soundboard-sounds")
def sounds(request: Request) -> dict[str, Any]:
    """The sounds of the guild."""
    request.guild()
    return {"items": []}


@routes.add("GET", GUILD + "/invites")
@routes.add("GET", GUILD + "/templates")
@routes.add("GET", GUILD + "/auto-moderation/rules")
def of_managed_guild(request: Request) -> list[Any]:
    """Lists for those who manage the guild."""
    request.guild_where(Permission.MANAGE_GUILD)
    return []


@routes.add("GET", GUILD + "/webhooks")
def of_guild_with_webhooks(request: Request) -> list[Any]:
    """Lists for those who manage webhooks."""
    request.guild_where(Permission.MANAGE_WEBHOOKS)
    return []


@routes.add("GET", CHANNEL + "/webhooks")
def of_channel_with_webhooks(request: Request) -> list[Any]:
    """Lists for those who manage webhooks."""
    request.channel(Permission.MANAGE_WEBHOOKS)
    return []


@routes.add(
    "GET",
    "/applications/{application_id}/entitlements",
    query={"user_id", "sku_ids", "before", "after", "limit", "guild_id", "exclude_ended"}
    | {"exclude_deleted", "only_active"},
)
def of_application(request: Request) -> list[Any]:
    """Lists of the application: it sells nothing."""
    request.check_application()
    return []


@routes.add("GET", "/applications/{application_id}/emojis")
def application_emoji(request: Request) -> dict[str, Any]:
    """The emoji of the application."""
    request.check_application()
    return {"items": []}


@routes.add("GET", CHANNEL + "/invites")
def of_managed_channel(request: Request) -> list[Any]:
    """Lists for those who manage the channel."""
    request.channel(Permission.MANAGE_CHANNELS)
    return []


@routes.add("GET", "/applications/{application_id}/guilds/{guild_id}/commands/permissions")
def command_permissions(request: Request) -> list[Any]:
    """Commands whose permissions the owner changed."""
    request.guild()
    return []
