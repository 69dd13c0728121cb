"""The footprint of idle processes: start-up time, memory and CPU."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from consumers.runtime import roles

from .platforms import Platforms, platforms
from .processes import CHECKOUT, SERVICE_ROLES, Consumers, consumers, environment
from .report import Report, Series, number
from .testbed import BenchTestbed, Start

SERVICE: Final = f"consumers: {', '.join(SERVICE_ROLES)}"
ALL: Final = "consumers: all roles"
#: The bots, and the call by which each registers its commands.
BOTS: Final = {
    "telegram_bot": "setMyCommands",
    "discord_bot": "PUT /applications/{application_id}/guilds/{guild_id}/commands",
}


class Rest(NamedTuple):
    """The figures of an idle process."""

    up_after_s: float
    memory_mb: float
    core_share: float


async def run(testbed: BenchTestbed, *, rounds: int, rest_s: float) -> Report:
    """Start each process on the sandbox's platforms, and measure it while it is idle."""
    found: dict[str, list[Rest]] = {name: [] for name in (SERVICE, ALL, *BOTS)}
    async with platforms() as there:
        for _ in range(rounds):
            for name, rests in found.items():
                async with (
                    testbed.start(0) as start,
                    _running(name, start, there) as process,
                ):
                    rests.append(await _rest(process, rest_s))
    return Report(
        name="footprint",
        title=f"Processes at rest, {rounds} rounds",
        columns=("", "up after, s", "lowest to highest", "memory, MB", "CPU, of a core"),
        rows=tuple(_row(name, rests) for name, rests in found.items()),
        figures={name: [rest._asdict() for rest in rests] for name, rests in found.items()},
        notes=("Memory is the process's own: what it shares with others is not counted.",),
    )


def _row(name: str, rests: list[Rest]) -> tuple[str, ...]:
    up, memory, core = (Series(name=name, values=values) for values in zip(*rests, strict=True))
    return name, number(up.median), up.spread, number(memory.median), f"{core.median:.1%}"


async def _rest(process: Consumers, rest_s: float) -> Rest:
    await asyncio.sleep(rest_s / 2)
    early = process.cost()
    await asyncio.sleep(rest_s / 2)
    late = process.cost()
    share = (late.cpu_s - early.cpu_s) / (rest_s / 2)
    return Rest(process.up_after_s, late.memory_mb, share)


@asynccontextmanager
async def _running(name: str, start: Start, there: Platforms) -> AsyncIterator[Consumers]:
    with tempfile.TemporaryDirectory() as folder:
        if name in BOTS:
            async with _bot(name, start, Path(folder), there) as process:
                yield process
        else:
            names = roles.ROLES if name == ALL else SERVICE_ROLES
            more = there.environment
            async with consumers(
                start, Path(folder), *names, toml=there.toml(), more=more
            ) as process:
                yield process


@asynccontextmanager
async def _bot(name: str, start: Start, folder: Path, there: Platforms) -> AsyncIterator[Consumers]:
    after = await there.last()
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"bots.{name}"),
        cwd=CHECKOUT,
        env=environment(start, folder, toml=there.toml(), more=there.environment),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await there.served(BOTS[name], after=after)
        yield Consumers(process.pid, time.perf_counter() - began)
    finally:
        process.terminate()
        await process.wait()
