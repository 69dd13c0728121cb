"""The real bots in this process, on the sandbox's platforms, with a real Postgres and Redis."""

import asyncio
import contextlib
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    import discord.asset
    import discord.gateway
    import discord.http

import bots.discord_bot.app
import bots.telegram_bot.app
import bots.telegram_bot.messages.answer_queue
from bots.runtime.supervisor import Supervisor
from bus import Keys, connect, ensure_group
from config import Community, Settings
from db.ledger.ranks import RankRow, set_ranks
from launch.servers import Server
from sandbox import Call, Faults, Transcript, load_seed
from sandbox.discord_api import DiscordLimits, DiscordPlatform
from sandbox.telegram_api import TelegramLimits, TelegramPlatform
from tests.support.patience import PATIENCE_S

SEED = load_seed()
GROUP = SEED.telegram.group.id
CHANNEL = int(SEED.discord.guild.channels[0].id)
LIMIT_SCALE = 0.001

Serve = Callable[..., Awaitable[None]]


class Gate:
    """A way to Postgres that can be shut: open connections break, new ones are refused."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._port = 0

    @property
    def url(self) -> str:
        there = f"{self._target.hostname}:{self._target.port}"
        return self._target.geturl().replace(there, f"127.0.0.1:{self._port}")

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self._target.hostname, self._target.port)
        if self._server is None or not self._server.is_serving():
            for late in (writer, there[1]):  # its connection was opening when the gate was shut
                late.transport.abort()
            return
        self._writers |= {writer, there[1]}
        await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
        self._writers -= {writer, there[1]}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@dataclass
class Stage:
    """Both platforms, the settings that lead to them, and the transcript of all calls."""

    telegram: TelegramPlatform
    discord: DiscordPlatform
    transcript: Transcript
    faults: Faults
    settings: Settings
    community: Community
    keys: Keys
    pool: asyncpg.Pool
    gate: Gate

    async def served(self, serve: Serve, supervisor: Supervisor) -> None:
        """Run a bot until it ends by itself or the supervisor is stopped."""
        await serve(self.settings, self.community, supervisor, keys=self.keys)

    @contextlib.asynccontextmanager
    async def bot(self, serve: Serve) -> AsyncIterator[Supervisor]:
        """Run a bot until the block ends, then stop it as a signal would."""
        supervisor = Supervisor(asyncio.Event(), delay_first_s=0.05, delay_max_s=0.1)
        running = asyncio.create_task(self.served(serve, supervisor))
        try:
            yield supervisor
        finally:
            supervisor.stop.set()
            async with asyncio.timeout(PATIENCE_S):
                await running

    @contextlib.asynccontextmanager
    async def telegram_bot(self) -> AsyncIterator[Supervisor]:
        async with self.bot(bots.telegram_bot.app.serve) as supervisor:
            yield supervisor

    @contextlib.asynccontextmanager
    async def discord_bot(self) -> AsyncIterator[Supervisor]:
        """Run the Discord bot, from the moment when it has published its commands."""
        async with self.bot(bots.discord_bot.app.serve) as supervisor:
            await self.seen("gateway GUILD_CREATE")
            yield supervisor

    async def seen(self, name: str, *, after: int = 0) -> Call:
        """Return the first call of this name that was not refused."""
        return await self.transcript.wait_for(
            lambda call: call.name == name and call.status < 400, timeout=PATIENCE_S, after=after
        )

    async def tell_telegram(self, user_id: int, text: str, *, chat_id: int = GROUP) -> str:
        """Write to the bot, and return the text of its answer, or that below its picture."""
        after = self.transcript.last
        self.telegram.say(chat_id, user_id, text)
        call = await self.answered(after=after)
        return call.request.get("text") or call.request["caption"]

    async def answered(self, *, after: int) -> Call:
        """Return the Telegram bot's next message."""
        return await self.transcript.wait_for(
            lambda call: call.name in ("sendMessage", "sendPhoto") and call.status < 400,
            timeout=PATIENCE_S,
            after=after,
        )

    async def tell_discord(self, user_id: int, command: str, **options: object) -> str:
        """Use a command, and return the text of its answer, or the description of its picture."""
        answer = await self.discord_answer(user_id, command, **options)
        if not isinstance(answer.response, dict):
            return ""  # a fault of the test garbled it
        attachments = answer.response.get("attachments", ())
        described = [one.get("description") for one in attachments if isinstance(one, dict)]
        return next(filter(None, described), answer.response.get("content", ""))

    async def discord_answer(self, user_id: int, command: str, **options: object) -> Call:
        after = self.transcript.last
        self.discord.slash(CHANNEL, user_id, command, options)
        return await self.seen("POST /webhooks/{webhook_id}/{webhook_token}", after=after)

    async def totals(self, platform: str, account_id: int) -> tuple[int, int] | None:
        """Return XP and balance from Postgres."""
        row = await self.pool.fetchrow(
            """
            SELECT m.xp, m.balance FROM members AS m JOIN accounts AS a ON a.member_id = m.id
            WHERE a.platform = $1 AND a.account_id = $2
            """,
            platform,
            account_id,
        )
        return None if row is None else (row["xp"], row["balance"])


@pytest.fixture
async def gate(database_url: str) -> AsyncIterator[Gate]:
    gate = Gate(database_url)
    await gate.open()
    yield gate
    await gate.shut()


@pytest.fixture
async def stage(
    gate: Gate,
    pool: asyncpg.Pool,
    redis_server: Server,
    prefix: str,
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Stage]:
    """Two platforms that listen, and a database that has the sandbox's ranks."""
    for owner, name in (
        (discord.http.Route, "BASE"),
        (discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY"),
        (discord.asset.Asset, "BASE"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # put back after the test
    monkeypatch.setattr(bots.telegram_bot.messages.answer_queue, "PACE_GAP_S", 0.0)
    transcript, faults, keys = Transcript(), Faults(), Keys(prefix)
    telegram = TelegramPlatform(
        SEED.telegram, transcript, faults, limits=TelegramLimits().scaled(LIMIT_SCALE)
    )
    discord_ = DiscordPlatform(
        SEED.discord, transcript, faults, limits=DiscordLimits().scaled(LIMIT_SCALE)
    )
    await telegram.start()
    await discord_.start()
    community = Community.from_toml(checkout / "sandbox" / "twinstream.toml")
    await set_ranks(pool, [RankRow(rank.name, rank.xp) for rank in community.ranks])
    redis = connect(redis_server.url, name="test")
    for source in ("telegram", "discord"):
        await ensure_group(redis, keys.subscription(source))
    await redis.aclose()
    settings = Settings(
        redis_url=redis_server.url,
        database_url=gate.url,
        telegram_token=SEED.telegram.token,
        discord_token=SEED.discord.token,
        telegram_api_base=telegram.api_base,
        discord_api_base=discord_.api_base,
        discord_gateway_url=discord_.gateway_url,
        discord_cdn_base=discord_.cdn_base,
    )
    yield Stage(telegram, discord_, transcript, faults, settings, community, keys, pool, gate)
    await telegram.stop()
    await discord_.stop()
