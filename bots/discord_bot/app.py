"""The Discord bot from start to stop: connect, answer until stopped, finish its answers.

A client whose first connection to the gateway fails cannot be used again: `start` ends in an
AttributeError, and a second `start` finds the session closed. So every attempt has a new client.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

import aiohttp
import discord
import structlog

from bots.features.room import Room
from bots.runtime.errors import Refused, Unready
from bots.runtime.room_services import Services, open_services
from bots.runtime.supervisor import Supervisor
from bus import Keys
from config import Community, Settings, point_discord_at
from config.discord_answers import UNREADABLE, wait_asked_s

from .client import TwinClient
from .markup import DiscordMarkup
from .rooms import open_rooms
from .unreadable_gateway_events import cause_of

log = structlog.get_logger("twinstream.discord_bot")

NOT_ACCEPTED = (
    "Discord does not accept DISCORD_TOKEN: open https://discord.com/developers/applications,"
    " choose the application, open its Bot page, press Reset Token, and copy the new token"
)
#: The remedies where Discord refuses a privileged intent, by the setting that asks for it.
NOT_GRANTED = {
    "watch_members": "Discord does not let the bot watch members: switch on Server Members Intent"
    " on the application's Bot page, or set watch_members = false in twinstream.toml",
    "read_messages": "Discord does not let the bot read messages: switch on Message Content Intent"
    " on the application's Bot page, or set read_messages = false in twinstream.toml",
}
_TRANSIENT = (
    Unready,
    discord.HTTPException,
    discord.GatewayNotFound,
    discord.ConnectionClosed,
    discord.RateLimited,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
)


async def serve(
    settings: Settings,
    community: Community,
    supervisor: Supervisor,
    *,
    keys: Keys = Keys(),  # noqa: B008 - frozen
) -> None:
    """Serve the server until the supervisor is stopped.

    Raises:
        Refused: Discord does not accept the token, or does not grant an intent.
        Stopped: the process was asked to stop before the bot was ready.
    """
    point_discord_at(settings)
    async with open_services(
        settings, community, supervisor, platform="discord", mark=DiscordMarkup(), keys=keys
    ) as services:
        rooms = open_rooms(services)
        await supervisor.keep(
            partial(_serve_once, settings, services, rooms, supervisor),
            what="connecting to Discord",
            transient=_TRANSIENT,
        )


async def _serve_once(
    settings: Settings, services: Services, rooms: Sequence[Room], supervisor: Supervisor
) -> None:
    assert settings.discord_token is not None
    async with TwinClient(services, rooms, supervisor) as client:
        running = asyncio.create_task(_run(client, settings.discord_token))
        stopping = asyncio.create_task(supervisor.stop.wait())
        try:
            with supervisor.health.reported_by(client.is_connected, client.trouble):
                await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
        finally:
            await client.close()
            for task in (running, stopping):
                task.cancel()
            await asyncio.gather(running, stopping, return_exceptions=True)


def _not_granted(client: TwinClient) -> str:
    """Name the intents that were asked for: Discord does not say which of them it refuses."""
    asked = {
        "watch_members": client.intents.members,
        "read_messages": client.intents.message_content,
    }
    return "; ".join(why for setting, why in NOT_GRANTED.items() if asked[setting])


async def _run(client: TwinClient, token: str) -> None:
    try:
        await client.start(token)
    except discord.LoginFailure as error:
        raise Refused(NOT_ACCEPTED) from error
    except discord.PrivilegedIntentsRequired as error:
        raise Refused(_not_granted(client)) from error
    except (discord.HTTPException, discord.RateLimited) as error:
        wait_s = wait_asked_s(error)
        if wait_s is None:
            raise
        raise Unready(f"Discord asks to wait ({error})", wait_s=wait_s) from error
    except UNREADABLE as error:
        if isinstance(error, AttributeError) and client.ws is None:
            raise Unready("the gateway cannot be reached") from error
        # An error page in place of JSON, or a session that cannot begin: a new client may succeed.
        raise Unready(f"Discord's answer cannot be read ({cause_of(error)})") from error
    raise Unready("Discord ended the connection")
