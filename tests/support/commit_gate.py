"""A way to Postgres on which a commit can be stopped: just before it, or just after it."""

import asyncio
import contextlib
from typing import Literal
from urllib.parse import urlsplit

#: The message by which asyncpg ends a transaction: a simple query.
_COMMIT = b"COMMIT;\x00"

When = Literal["before", "after"]


class CommitGate:
    """Carries the connections of one process. After `hold`, its next commit goes no further.

    `before`: Postgres never hears of it. `after`: Postgres commits, and the process never hears.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._hold: When | None = None
        self.reached = asyncio.Event()

    @property
    def url(self) -> str:
        assert self._server is not None
        there = f"{self._target.hostname}:{self._target.port}"
        port = self._server.sockets[0].getsockname()[1]
        return self._target.geturl().replace(there, f"127.0.0.1:{port}")

    async def __aenter__(self) -> "CommitGate":
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def hold(self, when: When) -> None:
        """Stop the next commit. `reached` is set once it has come."""
        self._hold = when
        self.reached.clear()

    def cut(self) -> None:
        """Break the connections, as the death of the process does."""
        self._hold = None
        for writer in self._writers:
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self._target.hostname, self._target.port)
        writers = {writer, there[1]}
        self._writers |= writers
        committed = asyncio.Event()
        with contextlib.suppress(OSError):
            await asyncio.gather(
                self._forward(reader, there[1], committed),
                self._return(there[0], writer, committed),
            )
        for one in writers:
            one.transport.abort()
        self._writers -= writers

    async def _forward(
        self, client: asyncio.StreamReader, server: asyncio.StreamWriter, held: asyncio.Event
    ) -> None:
        while data := await client.read(65_536):
            if self._hold is not None and _COMMIT in data:
                when, self._hold = self._hold, None
                if when == "before":
                    self.reached.set()
                    continue
                held.set()
            server.write(data)
            await server.drain()
        server.close()

    async def _return(
        self, server: asyncio.StreamReader, client: asyncio.StreamWriter, held: asyncio.Event
    ) -> None:
        while data := await server.read(65_536):
            if held.is_set():
                self.reached.set()
                continue
            client.write(data)
            await client.drain()
        client.close()
