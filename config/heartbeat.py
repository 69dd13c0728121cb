"""The heartbeat file, from which a supervisor reads whether a process is healthy."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import structlog

from .errors import ConfigError

log = structlog.get_logger("twinstream.heartbeat")

#: Seconds between two touches. The health check in compose.yaml accepts a file 30 s old.
HEARTBEAT_S = 5.0
#: Seconds between two looks at a process that is not healthy: at its start it soon is, and who
#: waits for it reads that from the file.
LOOK_S = 0.25


@contextlib.asynccontextmanager
async def heartbeat(
    path: str | None,
    *,
    is_healthy: Callable[[], bool] = lambda: True,
    every_s: float = HEARTBEAT_S,
) -> AsyncIterator[None]:
    """Touch the file every `every_s` seconds while `is_healthy` is true; do nothing without a path.

    A process that becomes healthy touches the file within LOOK_S seconds.

    A process that hangs, or whose event loop is blocked, stops touching the file. The process
    removes the file of an earlier process at its start, so a restarted process is healthy only by
    its own heartbeat.

    Raises:
        ConfigError: the file cannot be written.
    """
    if path is None:
        yield
        return
    file = Path(path)
    _begin_without(file)
    beating = asyncio.create_task(_beat(file, is_healthy, every_s))
    try:
        yield
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating


def _begin_without(file: Path) -> None:
    try:
        file.touch()
        file.unlink()
    except OSError as error:
        raise ConfigError(
            f"TWINSTREAM_HEARTBEAT_FILE cannot be written ({error}): name a file in a folder that"
            " exists and that this user may write to, or leave the variable out"
        ) from error


async def _beat(file: Path, is_healthy: Callable[[], bool], every_s: float) -> None:
    is_logged = False
    while True:
        is_well = is_healthy()
        if is_well:
            try:
                file.touch()  # noqa: ASYNC240 - one system call, and it is to show a blocked loop
                is_logged = False
            except OSError as error:
                if not is_logged:
                    log.error("heartbeat.failed", file=str(file), why=str(error))
                is_logged = True
        await asyncio.sleep(every_s if is_well else min(every_s, LOOK_S))
