"""A TCP proxy that fails on command: the network between our processes and a server.

It keeps its own address while the server behind it is restarted or replaced on another port.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator
from typing import Self, cast

from launch.servers import HOST


class Proxy:
    """Forwards connections to `port` on loopback. Use it in an `async with` block."""

    def __init__(self, port: int) -> None:
        #: The port to which new connections are forwarded.
        self.target_port = port
        self._delay_s = 0.0
        self._muted = False
        self._open_again = asyncio.Event()
        self._open_again.set()
        self._links: set[_Link] = set()
        self._sides = 0
        self._no_side_left = asyncio.Event()
        self._no_side_left.set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        assert self._server is not None, "the proxy is not open"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Side(_Link(self)), HOST, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self._open_again.set()
        self.cut()
        await self._no_side_left.wait()

    def cut(self) -> int:
        """Reset every connection. Returns how many there were."""
        links = list(self._links)
        for link in links:
            link.abort()
        return len(links)

    @contextlib.contextmanager
    def slow(self, delay_s: float) -> Iterator[None]:
        """Within the block, each piece of data arrives `delay_s` seconds late, both ways."""
        self._delay_s = delay_s
        try:
            yield
        finally:
            self._delay_s = 0.0

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Hold all data within the block, without any error; deliver it afterwards."""
        self._open_again.clear()
        for link in self._links:
            link.hold()
        try:
            yield
        finally:
            self._open_again.set()
            for link in self._links:
                link.release()

    @contextlib.contextmanager
    def deaf(self) -> Iterator[None]:
        """Deliver requests and drop replies within the block; reset the connections at its end.

        So the server has executed the requests, but the clients do not know it.
        """
        self._muted = True
        try:
            yield
        finally:
            self.cut()
            self._muted = False

    def _opened(self, link: "_Link") -> None:
        self._links.add(link)

    def _side_made(self) -> None:
        self._sides += 1
        self._no_side_left.clear()

    def _side_lost(self) -> None:
        self._sides -= 1
        if not self._sides:
            self._no_side_left.set()

    def _closed(self, link: "_Link") -> None:
        self._links.discard(link)


class _Link:
    """One client's connection, and the proxy's connection to the server for it."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._client: _Side | None = None
        self._server: _Side | None = None
        self._early: list[bytes] = []
        self._connecting: asyncio.Task[None] | None = None
        self._aborted = False

    def made(self, side: "_Side") -> None:
        self._proxy._side_made()
        if self._aborted:
            side.abort()
        elif self._client is None:
            self._client = side
            self._proxy._opened(self)
            self._connecting = asyncio.create_task(self._connect())
        else:
            self._server = side

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        await self._proxy._open_again.wait()
        try:
            await loop.create_connection(lambda: _Side(self), HOST, self._proxy.target_port)
        except OSError:
            self.abort()
            return
        if self._server is None:
            return  # aborted meanwhile
        for data in self._early:
            self._server.send(data, self._proxy._delay_s)
        self._early.clear()

    def lost(self) -> None:
        self._proxy._side_lost()
        self.abort()

    def received(self, side: "_Side", data: bytes) -> None:
        if side is self._client and self._server is None:
            self._early.append(data)
        elif side is self._client:
            assert self._server is not None
            self._server.send(data, self._proxy._delay_s)
        elif not self._proxy._muted:
            assert self._client is not None
            self._client.send(data, self._proxy._delay_s)

    def hold(self) -> None:
        for side in self._sides():
            side.pause()

    def release(self) -> None:
        for side in self._sides():
            side.resume()

    def abort(self) -> None:
        """Reset both connections."""
        if self._aborted:
            return
        self._aborted = True
        self._proxy._closed(self)
        if self._connecting is not None:
            self._connecting.cancel()
        for side in self._sides():
            side.abort()

    def _sides(self) -> "Iterator[_Side]":
        return (side for side in (self._client, self._server) if side is not None)


class _Side(asyncio.Protocol):
    """One connection of a link. Sends data in order, each piece when it is due."""

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._link.made(self)

    def data_received(self, data: bytes) -> None:
        self._link.received(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._link.lost()

    def send(self, data: bytes, delay_s: float = 0.0) -> None:
        if self._transport is None:
            return
        if not delay_s and not self._waiting:
            self._transport.write(data)
            return
        self._waiting.append((self._loop.time() + delay_s, data))
        if len(self._waiting) == 1:
            self._loop.call_at(self._waiting[0][0], self._send_due)

    def _send_due(self) -> None:
        while self._waiting and self._transport is not None:
            due, data = self._waiting[0]
            if due > self._loop.time():
                self._loop.call_at(due, self._send_due)
                return
            self._waiting.popleft()
            self._transport.write(data)

    def pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
