"""The resources that roles share, on a database and a key prefix of its own for each test."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

import schemas
from bus import Client, Keys, connect
from config import AchievementSetting, Community, ConsumerSetting, Rank, Settings
from config.community import DiscordSetting, TelegramSetting
from consumers.runtime.resources import Resources, open_resources
from db import Producer
from launch.servers import Server
from tests.support.discord_display import Server as DiscordServer
from tests.support.processes import BARE_ENVIRONMENT
from tests.support.settling import Desk
from tests.support.telegram_display import Group

_databases = itertools.count(1)
REDIS_DATABASES = 16
FIRST_ROLE = 900000000000000101
LUCKY_ROLE = 900000000000000110


@pytest.fixture
def community() -> Community:
    """The sandbox's chat, server and roles, with consumers whose intervals are short."""
    ladder = (("Newcomer", 10), ("Regular", 30), ("Veteran", 100), ("Legend", 500))
    return Community(
        telegram=TelegramSetting(chat_id=-1001000000001),
        discord=DiscordSetting(guild_id=900000000000000001),
        ranks=tuple(
            Rank(name=name, xp=xp, discord_role=FIRST_ROLE + number, telegram_tag=name)
            for number, (name, xp) in enumerate(ladder)
        ),
        achievements=(
            AchievementSetting(name="lucky_guess", title="Lucky", discord_role=LUCKY_ROLE),
        ),
        consumers=ConsumerSetting(
            block_ms=5,
            claim_idle_ms=1_000,
            relay_interval_ms=20,
            relay_after_ms=0,
            look_for_lost_ms=500,
            surfaces_interval_ms=20,
            discord_window_ms=100,
            telegram_window_ms=10,
        ),
    )


@pytest.fixture
def settings(redis_server: Server, database_url: str, checkout: Path) -> Settings:
    return Settings(
        redis_url=redis_server.url,
        database_url=database_url,
        twinstream_config=str(checkout / "sandbox/twinstream.toml"),
    )


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    """The sandbox's Discord."""
    async with DiscordServer() as server:
        yield server


@pytest.fixture
async def group() -> AsyncIterator[Group]:
    """The sandbox's Telegram."""
    async with Group() as group:
        yield group


@pytest.fixture
def keys(prefix: str) -> Keys:
    return Keys(prefix)


@pytest.fixture
def stop() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def redis(redis_server: Server) -> AsyncIterator[Client]:
    """The test's own connection to Redis, beside those of the code under test."""
    client = connect(redis_server.url, name="test")
    yield client
    await client.aclose()


@pytest.fixture
async def resources(
    settings: Settings, community: Community, stop: asyncio.Event, keys: Keys
) -> AsyncIterator[Resources]:
    async with open_resources(settings, community, stop, keys=keys) as resources:
        yield resources


@pytest.fixture
async def producer(resources: Resources) -> AsyncIterator[Producer]:
    producer = Producer(resources.pool, schemas, resources.publisher)
    yield producer
    await producer.close()


@pytest.fixture
def desk(resources: Resources, pool: asyncpg.Pool, redis: Client) -> Desk:
    """Reads the books and streams of the test's own deployment."""
    return Desk(pool, redis, resources.keys)


@pytest.fixture
async def own_redis_url(redis_server: Server) -> str:
    """A Redis database for a process, which knows no prefix; its keys are removed first."""
    number = next(_databases) % (REDIS_DATABASES - 1) + 1
    url = redis_server.url.removesuffix("/0") + f"/{number}"
    client = connect(url, name="test")
    if known := await client.keys("sync:*"):
        await client.delete(*known)
    await client.aclose()
    return url


@pytest.fixture
def operator_environ(own_redis_url: str, database_url: str) -> dict[str, str]:
    """The environment of an operator's command, at a terminal that breaks no lines."""
    return {
        **BARE_ENVIRONMENT,
        "REDIS_URL": own_redis_url,
        "DATABASE_URL": database_url,
        "TWINSTREAM_CONFIG": "sandbox/twinstream.toml",
        "COLUMNS": "400",
    }
