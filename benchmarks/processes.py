"""Our own processes, as an operator runs them, and the resources that they use."""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from .testbed import Start

CHECKOUT: Final = Path(__file__).resolve().parents[1]
STARTED: Final = b'"event": "role.started"'
SERVICE_ROLES: Final = ("to-discord", "to-telegram", "relay", "cleanup")

TOML: Final = """
[telegram]
chat_id = -1001000000001
[discord]
guild_id = 900000000000000001
[[ranks]]
name = "Newcomer"
xp = 10
"""


class Cost(NamedTuple):
    """The resources of a process."""

    cpu_s: float
    memory_mb: float


class Consumers(NamedTuple):
    """A consumers process whose roles have started."""

    pid: int
    up_after_s: float

    def cost(self) -> Cost:
        """Return the current resources of the process."""
        return cost(self.pid)


def cost(pid: int) -> Cost:
    """Return the CPU time used so far by a process and its children, and their memory.

    Memory is each process's own (unique set size); a server's shared buffers are not counted.
    """
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    cpu_s = memory = 0.0
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            cpu_s += times.user + times.system + times.children_user + times.children_system
            memory += one.memory_full_info().uss
    return Cost(cpu_s, memory / 2**20)


def environment(
    start: Start,
    folder: Path,
    *,
    slot: int = 1,
    toml: str = TOML,
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the environment of a consumers process; writes its twinstream.toml to the folder."""
    path = folder / "twinstream.toml"
    path.write_text(toml, encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "REDIS_URL": start.redis_url,
        "DATABASE_URL": start.database_url,
        "TWINSTREAM_CONFIG": str(path),
        "TWINSTREAM_LOG_FORMAT": "json",
        "TWINSTREAM_CONSUMER_SLOT": str(slot),
        **(more or {}),
    }


@contextlib.asynccontextmanager
async def consumers(
    start: Start,
    folder: Path,
    *roles: str,
    slot: int = 1,
    toml: str = TOML,
    more: Mapping[str, str] | None = None,
) -> AsyncIterator[Consumers]:
    """Run `python -m consumers`; the block begins when every role has started."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "consumers", *roles),
        cwd=CHECKOUT,
        env=environment(start, folder, slot=slot, toml=toml, more=more),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    waited_for, line = set(roles), b""
    async for line in process.stderr:
        if STARTED in line:  # once for each lane: to-discord, to-discord/2
            waited_for.discard(json.loads(line)["role"].partition("/")[0])
        if not waited_for:
            break
    assert not waited_for, f"{', '.join(waited_for)} did not start: {line.decode()}"
    reading = asyncio.create_task(_read_to_the_end(process.stderr))
    try:
        yield Consumers(process.pid, time.perf_counter() - began)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await reading


@contextlib.asynccontextmanager
async def bare_consumers(start: Start, folder: Path) -> AsyncIterator[None]:
    """Run `python -m benchmarks.bare_consumers`; the block begins when it reads."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.bare_consumers"),
        cwd=CHECKOUT,
        env=environment(start, folder),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline(), "the bare consumers ended"
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _read_to_the_end(stream: asyncio.StreamReader) -> None:
    while await stream.read(65_536):
        pass
