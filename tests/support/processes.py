"""`python -m consumers` as a supervisor would start it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tests.support.forked_processes import (
    CHECKOUT as CHECKOUT,
)
from tests.support.forked_processes import (
    IS_POSSIBLE,
    ForkedProcess,
    run_forked,
    start_forked,
)
from tests.support.patience import PATIENCE_S

#: The environment of a process that is to have none: it finds programs, and is measured if we are.
BARE_ENVIRONMENT = {
    name: os.environ[name] for name in ("PATH", "COVERAGE_PROCESS_CONFIG") if name in os.environ
}
Process = asyncio.subprocess.Process | ForkedProcess
SERVICE_ROLES = ("to-discord", "to-telegram", "relay")


class Consumers:
    """A consumers process. Its log is read line by line."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reading = asyncio.create_task(self._read())
        self._news = asyncio.Event()

    async def _read(self) -> None:
        assert self.process.stderr is not None
        try:
            async for line in self.process.stderr:
                self.lines.append(line.decode().rstrip())
                self._news.set()
        finally:
            self._news.set()  # that nothing more comes is news too

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    async def saw(self, event: str, *, times: int = 1, **having: Any) -> None:
        """Return once the log holds such a line."""

        def is_it(line: dict[str, Any]) -> bool:
            return line["event"] == event and having.items() <= line.items()

        async with asyncio.timeout(PATIENCE_S):
            while sum(map(is_it, self.events)) < times:
                assert not self._reading.done(), f"it ended without {event}:\n{self.text}"
                self._news.clear()
                await self._news.wait()

    async def settled(self) -> None:
        """Return once every settling role runs."""
        await self.saw("role.started", role="to-discord")
        await self.saw("role.started", role="to-telegram")
        await self.saw("role.started", role="relay")

    async def ended(self) -> int:
        """Return the exit code once the process has ended."""
        async with asyncio.timeout(PATIENCE_S):
            code = await self.process.wait()
            await self._reading
        return code

    async def terminate(self) -> int:
        """Ask the process to stop, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    @property
    def cut_off(self) -> list[str]:
        """The roles that a stop cut off, because they had not ended in time."""
        return [line["role"] for line in self.events if line["event"] == "role.cut_off"]


def environment(**variables: str | None) -> dict[str, str]:
    ours = ("TWINSTREAM_", "TELEGRAM_", "DISCORD_", "REDIS_", "DATABASE_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    given = {name: value for name, value in variables.items() if value is not None}
    return inherited | {"TWINSTREAM_LOG_FORMAT": "json"} | given


async def start(
    module: str,
    *arguments: str,
    environ: Mapping[str, str],
    imports: bool = False,
    stdout: int | None = None,
    stderr: int | None = None,
) -> Process:
    """Start `python -m module arguments`, which imports its libraries itself if `imports`."""
    if IS_POSSIBLE and not imports:
        return await start_forked(module, *arguments, environ=environ, stdout=stdout, stderr=stderr)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        cwd=CHECKOUT,
        env=dict(environ),
        stdout=stdout,
        stderr=stderr,
    )


def run(
    module: str, *arguments: str, environ: Mapping[str, str], imports: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run `python -m module arguments` to its end, and return what it wrote."""
    if IS_POSSIBLE and not imports:
        return run_forked(module, *arguments, environ=environ)
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=CHECKOUT,
        env=dict(environ),
        capture_output=True,
        text=True,
        check=False,
    )


@asynccontextmanager
async def consumers(
    *roles: str, environ: Mapping[str, str], module: str = "consumers", imports: bool = False
) -> AsyncIterator[Consumers]:
    """Run such a process until the block ends, which kills it."""
    process = await start(
        module, *roles, environ=environ, imports=imports, stderr=asyncio.subprocess.PIPE
    )
    running = Consumers(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await running.ended()


@asynccontextmanager
async def sandbox(*arguments: str) -> AsyncIterator[dict[str, Any]]:
    """`python -m sandbox`; yields the line that it prints when it is ready."""
    process = await start(
        *("sandbox", "--limit-scale", "0.01", *arguments),
        environ=os.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            ready = json.loads(await process.stdout.readline())
        yield ready
    finally:
        process.terminate()
        await process.wait()
