"""The footprint of the deployment at rest: start-up time, memory and CPU of each process."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from launch.servers import free_port

from . import compose_processes
from .compose_processes import ComposeProcess
from .platforms import Platforms, platforms
from .processes import CHECKOUT, Consumers, consumers, environment
from .report import Report, Series, number
from .testbed import BenchTestbed, Start

CONSUMERS: Final = "consumers"
#: The bots, and the call by which each registers its commands.
BOTS: Final = {
    "bots.telegram_bot": "setMyCommands",
    "bots.discord_bot": "PUT /applications/{application_id}/guilds/{guild_id}/commands",
}
NOTES: Final = (
    "The processes are those of compose.yaml, each alone, with the variables that it gives them.",
    (
        "Memory is the unique set size: pages that only this process has, so the sum counts no page"
        " twice. `docker stats` says some MB more of a container: what the kernel holds for it, its"
        " first process, and pages of files that it was the first to read."
    ),
    (
        "Up: a consumers process when all its roles have started, a bot when it has registered its"
        " commands. CPU until then is of user and system; other load hardly changes it."
    ),
)


class Rest(NamedTuple):
    """The figures of an idle process."""

    up_after_s: float
    up_cpu_s: float
    memory_mb: float
    core_share: float


async def run(testbed: BenchTestbed, *, rounds: int, rest_s: float) -> Report:
    """Start each process on the sandbox's platforms, and measure it while it is idle."""
    processes = compose_processes.read()
    found: dict[str, list[Rest]] = {one.service: [] for one in processes}
    async with platforms() as there:
        for _ in range(rounds):
            for one in processes:
                async with (
                    testbed.start(0) as start,
                    _running(one, start, there) as process,
                ):
                    found[one.service].append(await _rest(process, rest_s))
    return Report(
        name="footprint",
        title=f"The processes of compose.yaml at rest, {rounds} rounds",
        columns=(
            *("", "up after, s", "lowest to highest", "CPU until then, s"),
            *("memory, MB", "CPU at rest, of a core"),
        ),
        rows=(*(_row(name, rests) for name, rests in found.items()), _together(found)),
        figures={name: [rest._asdict() for rest in rests] for name, rests in found.items()},
        notes=NOTES,
    )


def _row(name: str, rests: list[Rest]) -> tuple[str, ...]:
    up, cpu, memory, core = (
        Series(name=name, values=values) for values in zip(*rests, strict=True)
    )
    return (
        *(name, number(up.median), up.spread, number(cpu.median)),
        *(number(memory.median), f"{core.median:.1%}"),
    )


def _together(found: dict[str, list[Rest]]) -> tuple[str, ...]:
    """Add up the rounds, each of which has every process once."""
    rounds = list(zip(*found.values(), strict=True))
    memory, core = (
        Series(
            name=name, values=tuple(sum(getattr(one, name) for one in rests) for rests in rounds)
        )
        for name in ("memory_mb", "core_share")
    )
    return "together", "", "", "", number(memory.median), f"{core.median:.1%}"


async def _rest(process: Consumers, rest_s: float) -> Rest:
    up = process.cost()
    await asyncio.sleep(rest_s / 2)
    early = process.cost()
    await asyncio.sleep(rest_s / 2)
    late = process.cost()
    share = (late.cpu_s - early.cpu_s) / (rest_s / 2)
    return Rest(process.up_after_s, up.cpu_s, late.memory_mb, share)


@asynccontextmanager
async def _running(one: ComposeProcess, start: Start, there: Platforms) -> AsyncIterator[Consumers]:
    # compose.yaml sets a port and a file for each: the server of the metrics is a thread with its
    # libraries, and the gauges are a role.
    given = {name: value for name, value in there.environment.items() if name in one.variables}
    with tempfile.TemporaryDirectory() as folder:
        more = {
            **given,
            "TWINSTREAM_METRICS_PORT": str(free_port()),
            "TWINSTREAM_HEARTBEAT_FILE": f"{folder}/alive",
        }
        if one.module == CONSUMERS:
            running = consumers(start, Path(folder), *one.arguments, toml=there.toml(), more=more)
        else:
            running = _bot(one.module, start, Path(folder), there, more)
        async with running as process:
            yield process


@asynccontextmanager
async def _bot(
    module: str, start: Start, folder: Path, there: Platforms, more: dict[str, str]
) -> AsyncIterator[Consumers]:
    after = await there.last()
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
        cwd=CHECKOUT,
        env=environment(start, folder, toml=there.toml(), more=more),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await there.served(BOTS[module], after=after)
        yield Consumers(process.pid, time.perf_counter() - began)
    finally:
        process.terminate()
        await process.wait()
