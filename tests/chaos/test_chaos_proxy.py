"""The network that fails on request."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from chaos.proxy import Proxy
from launch.servers import free_port
from tests.support.patience import PATIENCE_S


@pytest.fixture
async def echo() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that repeats every line in upper case. Yields its port and the lines that it got."""
    heard: list[bytes] = []
    answering: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                heard.append(line)
                writer.write(line.upper())
        await end(writer)

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.add(asyncio.create_task(answer(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], heard
    server.close()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*answering)


async def end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def of(cls, proxy: Proxy) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", proxy.port))

    def say(self, line: bytes) -> None:
        self._writer.write(line)

    async def hear(self) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self._reader.readline()

    async def is_cut(self) -> bool:
        try:
            return await self.hear() == b""
        except ConnectionError:
            return True
        finally:
            await self.close()

    async def close(self) -> None:
        await end(self._writer)


async def until_heard(heard: list[bytes], line: bytes) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while line not in heard:  # noqa: ASYNC110 - the other end of a socket sends no signal
            await asyncio.sleep(0.005)


async def test_a_request_gets_through_and_is_answered(echo):
    async with Proxy(echo[0]) as proxy:
        client = await Client.of(proxy)
        client.say(b"hello\n")

        assert await client.hear() == b"HELLO\n"
        await client.close()


async def test_a_cut_resets_every_connection_and_the_next_one_works(echo):
    async with Proxy(echo[0]) as proxy:
        first, second = await Client.of(proxy), await Client.of(proxy)
        for client in (first, second):
            client.say(b"here\n")
            await client.hear()

        assert proxy.cut() == 2
        assert await first.is_cut()
        assert await second.is_cut()

        third = await Client.of(proxy)
        third.say(b"again\n")
        assert await third.hear() == b"AGAIN\n"
        await third.close()


async def test_while_deaf_the_request_arrives_and_its_reply_never_does(echo):
    async with Proxy(echo[0]) as proxy:
        client = await Client.of(proxy)
        with proxy.deaf():
            client.say(b"commit\n")
            await until_heard(echo[1], b"commit\n")

        assert await client.is_cut()


async def test_while_silent_nothing_arrives_and_afterwards_everything_does(echo):
    async with Proxy(echo[0]) as proxy:
        old = await Client.of(proxy)
        old.say(b"before\n")
        await old.hear()
        with proxy.silent():
            new = await Client.of(proxy)
            old.say(b"old\n")
            new.say(b"new\n")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await until_heard(echo[1], b"old\n")
            assert b"new\n" not in echo[1]

        assert await old.hear() == b"OLD\n"
        assert await new.hear() == b"NEW\n"
        await old.close()
        await new.close()


async def test_a_slow_line_delays_and_keeps_the_order(echo):
    async with Proxy(echo[0]) as proxy:
        client = await Client.of(proxy)
        loop = asyncio.get_running_loop()
        began = loop.time()
        with proxy.slow(0.05):
            client.say(b"one\n")
            assert await client.hear() == b"ONE\n"
            # The clock counts milliseconds, and a difference of two such numbers is a little off.
            assert round(loop.time() - began, 3) >= 0.1
            client.say(b"two\n")
            await until_heard(echo[1], b"two\n")
        client.say(b"three\n")

        assert [await client.hear(), await client.hear()] == [b"TWO\n", b"THREE\n"]
        await client.close()


async def test_a_server_that_is_away_ends_the_connection():
    async with Proxy(free_port()) as proxy:
        client = await Client.of(proxy)

        assert await client.is_cut()
