"""A watchdog for an embedded server: restarts it on the same data and port when it has ended."""

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from .errors import LaunchError
from .servers import Server

#: Seconds between two checks of the process; short, because every other process waits for it.
WATCH_S = 0.5
#: Seconds to wait after a failed start, so that a broken server does not fill its log.
RETRY_S = 5.0


class Watchdog:
    """Keeps one embedded server running at the same address until the block ends."""

    def __init__(self, start: Callable[[int], Server]) -> None:
        self._start = start
        self._server = start(0)
        self.name = self._server.name
        self.url = self._server.url
        self._port = urlsplit(self.url).port or 0
        self._is_kept_down = False
        # A start and a stop at once could leave a server running that nobody knows of.
        self._turn = asyncio.Lock()

    async def keep_down(self) -> None:
        """Stop the server cleanly, and leave it stopped until `release`."""
        async with self._turn:
            self._is_kept_down = True
            await asyncio.to_thread(self._server.stop)

    def release(self) -> None:
        """Let `watch` start the server again."""
        self._is_kept_down = False

    def is_running(self) -> bool:
        """Tell whether the server's process is running."""
        return self._server.is_running()

    async def watch(self, say: Callable[[str], None]) -> None:
        """Restart the server whenever it has ended and is not kept down, until cancelled."""
        while True:
            await asyncio.sleep(WATCH_S)
            async with self._turn:
                if self._server.is_running() or self._is_kept_down:
                    continue
                say(f"{self.name} ended, starting it again; its log is {self._server.log}")
                try:
                    await self._start_again()
                    continue
                except LaunchError as error:
                    say(f"{error}; trying again in {RETRY_S:.0f} s")
            await asyncio.sleep(RETRY_S)

    async def _start_again(self) -> None:
        starting = asyncio.ensure_future(asyncio.to_thread(self._start, self._port))
        try:
            self._server = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread goes on, and nobody else would stop the server that it starts.
            with contextlib.suppress(LaunchError):
                self._server = await starting
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()
