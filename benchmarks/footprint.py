"""What it costs to have it: start-up time and memory at rest."""

import asyncio
import tempfile
from pathlib import Path

from .ground import Ground
from .measure import Report, Series, number
from .processes import SERVICE_ROLES, consumers

REST_S = 5.0


async def run(ground: Ground, *, rounds: int) -> Report:
    """Start the roles that need no platform, wait a little, and look."""
    up: list[float] = []
    memory: list[float] = []
    for _ in range(rounds):
        async with ground.start(0) as start:
            with tempfile.TemporaryDirectory() as folder:
                async with consumers(start, Path(folder), *SERVICE_ROLES) as process:
                    up.append(process.up_after_s)
                    await asyncio.sleep(REST_S)
                    memory.append(process.cost().memory_mb)
    series = (
        Series(name="up after, s", values=tuple(up)),
        Series(name="memory at rest, MB", values=tuple(memory)),
    )
    return Report(
        name="footprint",
        title=f"One consumers process with {', '.join(SERVICE_ROLES)}",
        columns=("", "median", "lowest to highest"),
        rows=tuple((one.name, number(one.median), one.spread) for one in series),
        figures={one.name: one.values for one in series},
    )
