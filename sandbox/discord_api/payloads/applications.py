"""The bot's application and its commands."""

from sandbox.discord_api.world import Command, World

from .json_values import Json
from .users import user

__all__ = ["application", "command"]


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
