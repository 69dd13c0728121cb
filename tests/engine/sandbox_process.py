"""The sandbox's platforms, as a process in the engine's network, where containers reach it."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec

from launch.sandbox_runner import Endpoints
from tests.engine.docker_engine import ADDRESS
from tests.engine.errors import EngineError
from tests.engine.namespaces import DIES_WITH_US, last_lines

#: Nothing else listens in the engine's network.
PORTS: Final = ("--telegram-port=7001", "--discord-port=7002", "--control-port=7003")
#: Windows of rate limits are a tenth of the platforms' own, so that a phase meets each limit and
#: does not wait for it.
LIMIT_SCALE: Final = "--limit-scale=0.1"
READY_TIMEOUT_S: Final = 120.0


@contextlib.asynccontextmanager
async def open_sandbox(
    checkout: Path, log: Path, *, address: str = ADDRESS
) -> AsyncIterator[Endpoints]:
    """Run the sandbox of this checkout at an address, and stop it when the block ends.

    Raises:
        EngineError: it did not start; the message has its log.
    """
    arguments = ("-m", "sandbox", f"--host={address}", *PORTS, LIMIT_SCALE)
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(*DIES_WITH_US, sys.executable, *arguments),
            cwd=checkout,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
        )
    assert process.stdout is not None
    try:
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                ready = json.loads(await process.stdout.readline())
        except (TimeoutError, json.JSONDecodeError) as error:
            raise EngineError(f"the sandbox did not start:\n{last_lines(log)}") from error
        servers = {"redis_url": "", "database_url": ""}  # those are Compose's
        yield msgspec.convert({**ready, **servers}, Endpoints)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
