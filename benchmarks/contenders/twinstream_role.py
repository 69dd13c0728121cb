"""twinstream's own role, as `python -m consumers to-discord` runs it."""

import asyncio
import contextlib
import time
from collections.abc import Sequence

import msgspec

from benchmarks.testbed import COMMUNITY, Start, fill
from bus import connect
from config import Settings
from consumers.runtime import roles
from consumers.runtime.resources import open_resources
from consumers.runtime.runner import Role


async def drain(start: Start, *, lanes: int = COMMUNITY.consumers.lanes) -> float:
    """Apply every event. Returns the seconds it took."""
    redis = connect(start.redis_url, name="benchmarks")
    await fill(redis, start.payloads)
    await redis.aclose()
    settings = Settings(redis_url=start.redis_url, database_url=start.database_url)
    consumers = msgspec.structs.replace(COMMUNITY.consumers, lanes=lanes)
    community = msgspec.structs.replace(COMMUNITY, consumers=consumers)
    async with (
        open_resources(settings, community, asyncio.Event()) as resources,
        contextlib.AsyncExitStack() as stack,
    ):
        openings = roles.openings(["to-discord"], resources).values()
        opened = [await stack.enter_async_context(opening()) for opening in openings]
        return await _until_done(opened, len(start.payloads))


async def _until_done(lanes: Sequence[Role], count: int) -> float:
    """Let all lanes work until they have settled `count` events. Returns the seconds it took."""
    done, all_done = 0, asyncio.Event()

    async def work(role: Role) -> None:
        nonlocal done
        while True:
            settled = await role.step()
            done += settled
            if done >= count:
                all_done.set()

    began = time.perf_counter()
    working = [asyncio.create_task(work(role)) for role in lanes]
    await all_done.wait()
    took_s = time.perf_counter() - began
    for task in working:
        task.cancel()
    await asyncio.wait(working)
    return took_s
