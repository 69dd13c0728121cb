"""Endpoints: the only place that knows how to point the platforms' clients at another server.

The functions import the libraries: aiogram alone costs seconds and 100 MB, and most processes need
only one of the two, or neither.
"""

from typing import TYPE_CHECKING

from .errors import ConfigError
from .settings import Settings

if TYPE_CHECKING:
    from aiogram.client.session.aiohttp import AiohttpSession


def telegram_session(settings: Settings) -> "AiohttpSession":
    """Return a session for aiogram that talks to `telegram_api_base`.

    It keeps the readable parts of answers that aiogram cannot decode.
    """
    from aiogram.client.telegram import TelegramAPIServer

    from .telegram_answer_decoding import TolerantSession

    return TolerantSession(api=TelegramAPIServer.from_base(settings.telegram_api_base))


def point_discord_at(settings: Settings) -> None:
    """Make discord.py talk to the three addresses of the settings, in this process.

    discord.py has no official way to do so; setting these class attributes is enough.

    Raises:
        ConfigError: this version of discord.py does not have them (any more).
    """
    import discord.asset
    import discord.gateway
    import discord.http
    import yarl

    if not (
        hasattr(discord.http.Route, "BASE")
        and hasattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY")
        and hasattr(discord.asset.Asset, "BASE")
    ):
        raise ConfigError(
            f"discord.py {discord.__version__} cannot be pointed at DISCORD_API_BASE:"
            " install the version that requirements.txt names"
        )
    discord.http.Route.BASE = settings.discord_api_base.rstrip("/")
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.discord_gateway_url)
    discord.asset.Asset.BASE = settings.discord_cdn_base.rstrip("/")
