"""Keeping an embedded server alive: when it dies, it is started again where it was."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from .errors import LaunchError
from .servers import Server

WATCH_S = 0.5
RETRY_S = 5.0


class Watchdog:
    """One embedded server, on the same data and at the same address for as long as we live."""

    def __init__(self, start: Callable[[int], Server]) -> None:
        self._start = start
        self._server = start(0)
        self.name = self._server.name
        self.url = self._server.url
        self._port = urlsplit(self.url).port or 0

    async def watch(self, say: Callable[[str], None]) -> None:
        """Start the server again whenever it has ended, until cancelled."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self._server.is_running():
                continue
            say(f"{self.name} ended, starting it again; its log is {self._server.log}")
            try:
                self._server = await asyncio.to_thread(self._start, self._port)
            except LaunchError as error:
                say(f"{error}; trying again in {RETRY_S:.0f} s")
                await asyncio.sleep(RETRY_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()
