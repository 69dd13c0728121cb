"""A Discord platform on a socket, and the real discord.py pointed at it.

Loaded as a plugin by the tests that import it first, hence PYTEST_DONT_REWRITE.
"""

import asyncio
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
import yarl

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord as discord  # tests import it from here, where it does not warn
    from discord import app_commands
    from discord.gateway import DiscordWebSocket
    from discord.http import Route

from sandbox import Call, Faults, Rate, Transcript, load_seed
from sandbox.discord_api import DiscordLimits, DiscordPlatform
from tests.support.patience import PATIENCE_S

SEED = load_seed().discord
TOKEN = SEED.token
GUILD = int(SEED.guild.id)
GENERAL, HARBOUR, AWAY, FORUM = range(900000000000000010, 900000000000000014)
BOT = 800000000000000042
VERA, ALICE, BORIS, CLARA, DMITRI = range(800000000000000100, 800000000000000105)
NEWCOMER, REGULAR, VETERAN, LEGEND = range(900000000000000101, 900000000000000105)
LUCKY, BOOSTER = 900000000000000110, 900000000000000111
BOT_ROLE, MODERATOR = 900000000000000100, 900000000000000120
MEMBER_ROLE = "/guilds/{guild_id}/members/{user_id}/roles/{role_id}"

UNLIMITED = DiscordLimits(*(Rate(10**6, 1.0) for _ in DiscordLimits._fields))

discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False


@dataclass
class Bench:
    """A started platform with its transcript and faults."""

    platform: DiscordPlatform
    transcript: Transcript
    faults: Faults

    async def seen(self, name: str, *, after: int = 0, times: int = 1) -> Call:
        """The `times`-th call with this name above `after`."""
        found = 0

        def matches(call: Call) -> bool:
            nonlocal found
            found += call.name == name
            return found >= times and call.name == name

        return await self.transcript.wait_for(matches, timeout=PATIENCE_S, after=after)

    def calls(self, name: str) -> list[Call]:
        return self.transcript.calls(platform="discord", name=name)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A platform that listens, with limits fifty times as fast as the real ones."""
    async with listening(new_bench()) as one:
        yield one


@asynccontextmanager
async def listening(one: Bench) -> AsyncIterator[Bench]:
    """The bench, with its platform started and afterwards stopped."""
    await one.platform.start()
    try:
        yield one
    finally:
        await one.platform.stop()


def new_bench(limit_scale: float = 0.02, **options: Any) -> Bench:
    transcript, faults = Transcript(), Faults()
    limits = options.pop("limits", DiscordLimits().scaled(limit_scale))
    platform = DiscordPlatform(SEED, transcript, faults, limits=limits, **options)
    return Bench(platform, transcript, faults)


@contextmanager
def pointed_at(platform: DiscordPlatform) -> Iterator[None]:
    """Point discord.py at this platform, and afterwards where it pointed before."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = platform.api_base
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(platform.gateway_url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before


class Bot(discord.Client):
    """A real client with a command tree. Close it by leaving `connected`."""

    def __init__(self, intents: discord.Intents | None = None, **options: Any) -> None:
        options.setdefault("chunk_guilds_at_startup", False)
        super().__init__(
            intents=intents or discord.Intents.all(), guild_ready_timeout=0.02, **options
        )
        self.tree = app_commands.CommandTree(self)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Tests do not wait 5 s before they identify again."""


@asynccontextmanager
async def connected(
    one: Bench, client: discord.Client | None = None, *, token: str = TOKEN
) -> AsyncIterator[Any]:
    """A client that is ready. On leaving, it is closed, and its error is raised if it failed."""
    client = client or Bot()
    with pointed_at(one.platform):
        async with client:
            running = asyncio.create_task(client.start(token))
            ready = asyncio.create_task(client.wait_until_ready())
            await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=5)
            ready.cancel()
            if running.done():
                running.result()
            try:
                yield client
            finally:
                await client.close()
                with suppress(asyncio.CancelledError):
                    await running
