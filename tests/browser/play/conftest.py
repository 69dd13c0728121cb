"""The page on everything that `make play` starts, and alone with the panel of the bus."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

import schemas
from bus import Client, Keys, Publisher, connect
from bus.groups import ensure_group
from db import Producer
from launch.play.board import Board
from launch.play.bus.panel import Bus
from launch.play.page import PlayServer
from launch.play.sandbox_gateway import SandboxGateway
from launch.sandbox_runner import Endpoints
from launch.servers import Server
from tests.browser.conftest import World
from tests.support.processes import BARE_ENVIRONMENT

START_TIMEOUT_S = 180


@dataclass
class Running:
    """A running `make play`."""

    process: subprocess.Popen[bytes]
    run_dir: Path
    endpoints: Endpoints
    url: str


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`make play`, for all tests that leave it running."""
    run_dir = tmp_path_factory.mktemp("play")
    output = run_dir / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "launch", "play"],
            env=BARE_ENVIRONMENT | {"TWINSTREAM_RUN_DIR": str(run_dir), "COLUMNS": "200"},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while "Running until" not in (told := output.read_text()):
            assert process.poll() is None, told
            assert time.monotonic() < deadline, told
            time.sleep(0.1)
        url = next(word for word in told.split() if "#token=" in word)
        yield Running(process, run_dir, Endpoints.read(run_dir / "endpoints.json"), url)
    finally:
        process.terminate()
        process.wait(60)


@dataclass
class Played:
    """The page with the panel of the bus alone, and the servers that it reads."""

    url: str
    board: Board
    pool: asyncpg.Pool
    redis: Client
    keys: Keys
    producer: Producer

    async def win(self, entity_id: str, **more: Any) -> str:
        """Record and publish an event of Alice's on Telegram. Returns its key."""
        given: dict[str, Any] = {"user_id": 1001, "delta_xp": 15, "source": "telegram"}
        given |= {"reason": "game_guess", "entity_id": entity_id}
        recorded = await self.producer.create_xp_change_event(**(given | more))
        return str(recorded.idempotency_key)


@pytest_asyncio.fixture(loop_scope="session")
async def played(
    world: World, database_url: str, redis_server: Server, prefix: str
) -> AsyncIterator[Played]:
    board, keys = Board(), Keys(prefix)
    bus = Bus(
        board,
        redis_url=redis_server.url,
        database_url=database_url,
        control_url=world.control.url,
        keys=keys,
    )
    async with contextlib.AsyncExitStack() as stack:
        pool = await stack.enter_async_context(asyncpg.create_pool(database_url, min_size=1))
        redis = connect(redis_server.url, name="test")
        stack.push_async_callback(redis.aclose)
        for source in ("telegram", "discord"):
            await ensure_group(redis, keys.subscription(source))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        server = PlayServer(board, SandboxGateway(session, world.control.url), [bus])
        await server.start()
        stack.push_async_callback(server.stop)
        producer = Producer(pool, schemas, Publisher(redis, keys))
        stack.push_async_callback(producer.close)
        watch = asyncio.create_task(bus.watch())
        yield Played(server.url, board, pool, redis, keys, producer)
        assert not watch.done(), watch.exception()
        watch.cancel()
        await asyncio.wait({watch})
