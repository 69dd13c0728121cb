"""twinstream's own role, as `python -m consumers to-discord` runs it."""

import asyncio
import time

from benchmarks.ground import COMMUNITY, Start, fill
from bus import connect
from config import Settings
from consumers import roles
from consumers.parts import open_parts


async def drain(start: Start) -> float:
    """Bring every event over. Returns the seconds it took."""
    redis = connect(start.redis_url, name="benchmarks")
    await fill(redis, start.payloads)
    await redis.aclose()
    settings = Settings(redis_url=start.redis_url, database_url=start.database_url)
    async with (
        open_parts(settings, COMMUNITY, asyncio.Event()) as parts,
        roles.open_role("to-discord", parts) as role,
    ):
        began, done = time.perf_counter(), 0
        while done < len(start.payloads):
            done += await role.step()
        return time.perf_counter() - began
