"""Servers for the contract suite of the bus, a bus on one of them, and a proxy in between."""

import asyncio
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio.cluster import RedisCluster

from bus import (
    SOURCES,
    Client,
    Keys,
    Publisher,
    Reader,
    Source,
    Subscription,
    connect,
    connect_reader,
)
from tests.support.patience import PATIENCE_S
from tests.support.stream_entries import entries_in

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Server:
    """One server under test. `url` is None for fakeredis, which has no socket."""

    name: str
    url: str | None = None
    fake: FakeServer = field(default_factory=FakeServer)

    @property
    def blocks(self) -> bool:
        """Whether a blocking read waits. fakeredis's returns at once when it has a COUNT."""
        return self.url is not None

    def client(self, *, reader: bool = False) -> Client:
        if self.url is None:
            return FakeAsyncRedis(server=self.fake, protocol=2)
        return (connect_reader if reader else connect)(self.url, name="contract-suite")


@contextmanager
def running(
    binary: str, directory: Path, port: int = 0
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server process on a free port, without persistence, gone at the end."""
    port = port or free_port()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
    process = subprocess.Popen(
        [*command, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
    )
    try:
        wait_for_port(port, process)
        yield f"redis://127.0.0.1:{port}/0", process
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(7).startswith(b"+PONG"):
                    return
        except OSError:
            pass
        time.sleep(0.005)
    pytest.fail(f"no server on port {port} after {PATIENCE_S} s")


@dataclass
class Bus:
    """The bus on one server, under keys of its own. `redis` is for looking behind the scenes."""

    server: Server
    keys: Keys
    redis: Client
    reading: Client

    @property
    def publisher(self) -> Publisher:
        return Publisher(self.redis, self.keys)

    def reader(
        self,
        consumer: str = "to-discord-1",
        *,
        source: Source = "telegram",
        batch_entries: int = 10,
        block_ms: int = 20,
        claim_idle_ms: int = 60_000,
    ) -> Reader:
        """Waits little for new entries; nothing is idle unless a test makes it so."""
        return Reader(
            self.reading,
            self.keys.subscription(source),
            consumer=consumer,
            batch_entries=batch_entries,
            block_ms=block_ms,
            claim_idle_ms=claim_idle_ms,
        )

    async def publish(self, *payloads: bytes) -> list[str]:
        return await self.publisher.publish("telegram", payloads)

    async def make_idle(self, consumer: str, *ids: str) -> None:
        """Let entries look untouched for an hour, as if their consumer had died then."""
        stream, group = self.keys.subscription("telegram")
        await self.redis.xclaim(
            stream,
            group,
            consumer,
            min_idle_time=0,
            message_ids=list(ids),
            idle=3_600_000,
            justid=True,
        )

    async def blocked_clients(self) -> int:
        """The number of clients that wait for entries on this server, or on this cluster."""
        if isinstance(self.redis, RedisCluster):
            each = await self.redis.info("clients", target_nodes=RedisCluster.PRIMARIES)
        else:
            each = {"": await self.redis.info("clients")}
        return sum(int(info["blocked_clients"]) for info in each.values())

    async def disconnect_reading(self) -> None:
        """Close the reader's connections; the reader opens new ones when it needs them."""
        if isinstance(self.reading, RedisCluster):
            await self.reading.aclose()
        else:
            await self.reading.connection_pool.disconnect()

    async def unacknowledged(self) -> dict[str, str]:
        """The consumer of each unacknowledged entry."""
        stream, group = self.keys.subscription("telegram")
        found: Any = await self.redis.xpending_range(stream, group, min="-", max="+", count=10_000)
        return {each["message_id"].decode(): each["consumer"].decode() for each in found}


def id_at(ahead_ms: int) -> str:
    """Return an entry id whose time is `ahead_ms` ahead of this machine's clock."""
    return f"{int(time.time() * 1_000) + ahead_ms}-0"


@asynccontextmanager
async def open_bus(server: Server, *, prefix: str = "") -> AsyncIterator[Bus]:
    redis, reading = server.client(), server.client(reader=True)
    try:
        yield Bus(server, Keys(prefix or f"{uuid4().hex}:"), redis, reading)
    finally:
        await redis.aclose()
        await reading.aclose()


class Proxy:
    """Stands between client and server, and can hold back an answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._target: bytes | None = None
        self._then_cut = True
        #: Set once the server has executed the command, and its answer is held back.
        self.swallowed = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()

    def swallow_answer_to(self, command: bytes, *, cut: bool = True) -> None:
        """Keep back the next answer to `command`; then cut the connection, or leave it hanging."""
        self._target, self._then_cut = command, cut
        self.swallowed.clear()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Serve until the end of the block; yields the URL."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, downstream = await asyncio.open_connection("127.0.0.1", self._port)
        swallow = asyncio.Event()

        async def requests() -> None:
            while data := await reader.read(65_536):
                if self._target is not None and self._target in data:
                    self._target = None
                    swallow.set()
                downstream.write(data)

        async def answers() -> None:
            while data := await upstream.read(65_536):
                if swallow.is_set():
                    self.swallowed.set()
                    if self._then_cut:
                        return
                    continue
                writer.write(data)

        tasks = [asyncio.create_task(requests()), asyncio.create_task(answers())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in (writer, downstream):
                end.close()  # first of all: any later step may be cancelled
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def subscriptions(keys: Keys) -> list[Subscription]:
    """Every subscription that a deployment needs."""
    return [*(keys.subscription(source) for source in SOURCES), keys.snapshots]


async def dead_letters(redis: Client, keys: Keys) -> list[dict[bytes, bytes]]:
    """The fields of the buried entries, oldest first, as a person with `redis-cli` sees them."""
    return [fields for _, fields in await entries_in(redis, keys.dead)]
