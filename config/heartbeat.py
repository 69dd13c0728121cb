"""A sign of life for whoever supervises a process: a file that is touched while the loop turns."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

HEARTBEAT_S = 5.0


@contextlib.asynccontextmanager
async def heartbeat(path: str | None) -> AsyncIterator[None]:
    """Touch the file every HEARTBEAT_S seconds during the block; without a path, do nothing.

    A process that hangs, or whose event loop is blocked, stops touching it.
    """
    if path is None:
        yield
        return
    beating = asyncio.create_task(_beat(Path(path)))
    try:
        yield
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating


async def _beat(file: Path) -> None:
    while True:
        file.touch()  # noqa: ASYNC240 - one system call, and blocking is what it is to show
        await asyncio.sleep(HEARTBEAT_S)
