"""An embedded server that ends is started again at its address, unless it is kept down."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

import launch.watchdog
from launch.servers import Server, start_redis
from launch.waiting import until
from launch.watchdog import Watchdog

#: Seconds in which a watchdog that looks every hundredth of a second would have started a server.
LONG_ENOUGH_S = 0.5


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Server]:
    monkeypatch.setattr(launch.watchdog, "WATCH_S", 0.01)
    return lambda port: start_redis(tmp_path / "redis", port=port, persistent=False)


@contextlib.asynccontextmanager
async def watched(watchdog: Watchdog) -> AsyncIterator[None]:
    watching = asyncio.create_task(watchdog.watch(lambda _: None))
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def test_a_server_that_is_kept_down_starts_once_it_is_released(starts) -> None:
    with Watchdog(starts) as watchdog:

        async def runs() -> bool:
            return watchdog.is_running()

        async with watched(watchdog):
            await watchdog.keep_down()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(LONG_ENOUGH_S):
                    await until("a start", runs)
            watchdog.release()

            await until("a start", runs)


async def test_a_server_that_starts_as_the_launcher_ends_is_stopped(starts) -> None:
    servers: list[Server] = []
    is_starting = threading.Event()

    def start(port: int) -> Server:
        if port:
            is_starting.set()
        servers.append(starts(port))
        return servers[-1]

    with Watchdog(start) as watchdog:
        async with watched(watchdog):
            servers[0].kill()
            await asyncio.to_thread(is_starting.wait)

    assert len(servers) == 2
    assert not any(server.is_running() for server in servers)
