"""The panel of the bus on real servers, with a board that a test reads."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import asyncpg
import pytest

import schemas
from bus import Client, Keys, Publisher, connect
from bus.groups import ensure_group
from db import Producer
from launch.play.board import Board
from launch.play.bus.panel import Bus
from launch.servers import Server
from sandbox import Faults, Transcript, load_seed
from sandbox.control import Control
from sandbox.discord_api import DiscordPlatform
from sandbox.telegram_api import TelegramPlatform
from tests.support.settling import until


class Shown:
    """A board as a page would show it."""

    def __init__(self, board: Board) -> None:
        self.board = board

    def folder(self, name: str) -> dict[str, Any]:
        _, event = self.board.after(None)
        told = json.loads(event.decode().split("data: ", 1)[1])["set"]
        return {
            key.rpartition("/")[2]: one
            for key, one in told.items()
            if key.rpartition("/")[0] == name
        }

    def away(self) -> set[str]:
        return {name for name, one in self.folder("bus/sources").items() if one["away"]}

    def stories(self) -> list[dict[str, Any]]:
        return sorted(self.folder("bus/stories").values(), key=lambda one: one["id"])

    def kinds(self, key: str) -> list[str]:
        """The steps of the event with a key, in their order."""
        return [
            step["kind"] for one in self.stories() if one["key"] == key for step in one["steps"]
        ]

    async def until(self, holds: Callable[[], object], what: str) -> None:
        async def look() -> bool:
            return bool(holds())

        await until(look, what=what)


@pytest.fixture
def keys(prefix: str) -> Keys:
    return Keys(prefix)


@pytest.fixture
async def redis(redis_server: Server, keys: Keys) -> AsyncIterator[Client]:
    client = connect(redis_server.url, name="test")
    for source in ("telegram", "discord"):
        await ensure_group(client, keys.subscription(source))
    yield client
    await client.aclose()


@pytest.fixture
async def producer(pool: asyncpg.Pool, redis: Client, keys: Keys) -> AsyncIterator[Producer]:
    producer = Producer(pool, schemas, Publisher(redis, keys))
    yield producer
    await producer.close()


class Platforms:
    """Both platforms with their control interface."""

    def __init__(self) -> None:
        self.transcript, faults = Transcript(), Faults()
        self.telegram = TelegramPlatform(load_seed().telegram, self.transcript, faults)
        self.discord = DiscordPlatform(load_seed().discord, self.transcript, faults)
        self.control = Control(self.telegram, self.discord, self.transcript, faults)

    async def hear(self, text: str) -> None:
        """Alice writes in the group, and the bot fetches that."""
        self.telegram.say(-1001000000001, 1001, text)
        url = f"{self.telegram.api_base}/bot{load_seed().telegram.token}/getUpdates"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert (await response.json())["result"]


@pytest.fixture
async def platforms() -> AsyncIterator[Platforms]:
    platforms = Platforms()
    async with contextlib.AsyncExitStack() as stack:
        for server in (platforms.telegram, platforms.discord, platforms.control):
            await server.start()
            stack.push_async_callback(server.stop)
        yield platforms


@contextlib.asynccontextmanager
async def watching(bus: Bus, board: Board) -> AsyncIterator[Shown]:
    """Let the panel watch until the block ends."""
    shown = Shown(board)
    watch = asyncio.create_task(bus.watch())
    try:
        await shown.until(lambda: watch.done() or shown.folder("bus/pace"), "the first look")
        yield shown
        assert not watch.done(), watch.exception()
    finally:
        watch.cancel()
        await asyncio.wait({watch})


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def bus(
    board: Board, redis_server: Server, database_url: str, platforms: Platforms, keys: Keys
) -> Bus:
    return Bus(
        board,
        redis_url=redis_server.url,
        database_url=database_url,
        control_url=platforms.control.url,
        keys=keys,
    )


@pytest.fixture
async def shown(bus: Bus, board: Board, redis: Client) -> AsyncIterator[Shown]:
    """The panel watches, and a test sees what it shows."""
    async with watching(bus, board) as shown:
        yield shown
