"""A primary of Redis, its replica, and three sentinels that watch them."""

import contextlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import psutil
from redis.asyncio import Redis

from launch import private_files
from launch.servers import HOST, Server, free_port, start_redis
from launch.waiting import until

SERVICE: Final = "twin"
SENTINELS: Final = 3
#: Milliseconds without an answer after which the sentinels treat the primary as down.
DOWN_AFTER_MS: Final = 1_000


class Failover(NamedTuple):
    """The URL that leads to the current primary; `primary` is the first one."""

    url: str
    primary: Server


@contextlib.asynccontextmanager
async def failover(folder: Path) -> AsyncIterator[Failover]:
    """Run all five servers; the block begins once the sentinels know each other."""
    with contextlib.ExitStack() as stack:
        password = private_files.new_password()
        primary = stack.enter_context(start_redis(folder / "primary", password=password))
        replica = stack.enter_context(start_redis(folder / "replica", password=password))
        await _ask(_port(replica), "REPLICAOF", HOST, _port(primary), password=password)
        binary = Path(psutil.Process(primary.pid).exe())
        ports = [free_port() for _ in range(SENTINELS)]
        for port in ports:
            process = _start_sentinel(
                binary, folder / f"sentinel-{port}", port, _port(primary), password
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
        for port in ports:
            await until("the sentinels know each other", lambda port=port: _knows_all(port))  # type: ignore[misc]
        hosts = ",".join(f"{HOST}:{port}" for port in ports)
        yield Failover(f"redis+sentinel://:{password}@{hosts}/{SERVICE}/0", primary)


def _start_sentinel(
    binary: Path, folder: Path, port: int, primary_port: int, password: str
) -> subprocess.Popen[bytes]:
    private_files.make_folder(folder)
    settings = folder / "sentinel.conf"  # the sentinel rewrites it
    settings.write_text(
        f"port {port}\nbind {HOST}\ndir {folder}\n"
        f"sentinel monitor {SERVICE} {HOST} {primary_port} 2\n"
        f"sentinel auth-pass {SERVICE} {password}\n"
        f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}\n"
        f"sentinel failover-timeout {SERVICE} 10000\n"
    )
    with (folder / "log").open("wb") as log:
        return subprocess.Popen([binary, settings, "--sentinel"], stdout=log, stderr=log)


async def _knows_all(port: int) -> bool:
    try:
        words = await _ask(port, "SENTINEL", "MASTER", SERVICE)
    except OSError:
        return False
    known = dict(zip(words[::2], words[1::2], strict=True))
    others = int(known["num-slaves"]), int(known["num-other-sentinels"])
    return others == (1, SENTINELS - 1)


async def _ask(port: int, *words: str | int, password: str | None = None) -> Any:
    #: Any, because redis-py types its replies as those of both protocols at once.
    redis: Any = Redis(host=HOST, port=port, password=password, protocol=2, decode_responses=True)
    try:
        # Unparsed: redis-py turns only some of the replies into a dictionary.
        redis.response_callbacks.clear()
        return await redis.execute_command(*words)
    finally:
        await redis.aclose()


def _port(server: Server) -> int:
    port = urlsplit(server.url).port
    assert port is not None
    return port
