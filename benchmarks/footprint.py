"""What it costs to have it: start-up time and memory at rest."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from consumers import roles

from .ground import Ground, Start
from .measure import Report, Series, number
from .platforms import Platforms, platforms
from .processes import CHECKOUT, SERVICE_ROLES, Consumers, consumers, environment

SERVICE: Final = f"consumers: {', '.join(SERVICE_ROLES)}"
ALL: Final = "consumers: all roles"
#: The bots, and the call by which each tells its platform which commands it serves.
BOTS: Final = {
    "telegram_bot": "setMyCommands",
    "discord_bot": "PUT /applications/{application_id}/guilds/{guild_id}/commands",
}


async def run(ground: Ground, *, rounds: int, rest_s: float) -> Report:
    """Start each process on the sandbox's platforms, wait a little, and look."""
    up: dict[str, list[float]] = {}
    memory: dict[str, list[float]] = {}
    async with platforms() as there:
        for _ in range(rounds):
            for name in (SERVICE, ALL, *BOTS):
                async with (
                    ground.start(0) as start,
                    _running(name, start, there) as process,
                ):
                    up.setdefault(name, []).append(process.up_after_s)
                    await asyncio.sleep(rest_s)
                    memory.setdefault(name, []).append(process.cost().memory_mb)
    series = [
        (Series(name=name, values=tuple(up[name])), Series(name=name, values=tuple(memory[name])))
        for name in up
    ]
    return Report(
        name="footprint",
        title=f"Processes at rest, {rounds} rounds",
        columns=(
            "",
            "up after, s",
            "lowest to highest",
            "memory of its own, MB",
            "lowest to highest",
        ),
        rows=tuple(
            (ready.name, number(ready.median), ready.spread, number(rest.median), rest.spread)
            for ready, rest in series
        ),
        figures={"up_after_s": up, "memory_mb": memory},
    )


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
