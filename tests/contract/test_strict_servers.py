"""Servers whose operators allow less: no CLIENT, no large replies."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from bus import BusUnavailable, connect, ensure_group, ping
from tests.support.bus_servers import Bus, Server, open_bus

#: Attempts that halving takes from a full batch to a single entry, and some more.
ATTEMPTS_MAX = 60
LARGE = b"x" * 16_000


@pytest.fixture
async def nameless(topology: Server) -> AsyncIterator[str]:
    """The URL for a user who may do anything but CLIENT, on every node that may be asked."""
    assert topology.url is not None
    scheme, rest = topology.url.split("//")
    async with open_bus(topology) as bus:
        everywhere: dict[str, Any] = {}
        if isinstance(bus.redis, RedisCluster):
            everywhere["target_nodes"] = RedisCluster.ALL_NODES
        rights = ["on", ">secret", "~*", "+@all", "-client"]
        await bus.redis.execute_command("ACL SETUSER", "nameless", *rights, **everywhere)
        yield f"{scheme}//nameless:secret@{rest}"
        await bus.redis.execute_command("ACL DELUSER", "nameless", **everywhere)


async def test_a_server_without_client_is_served(nameless: str):
    redis = connect(nameless, name="any")

    await ping(redis)
    await redis.set("{any}", 1)

    await redis.delete("{any}")
    await redis.aclose()


async def test_a_server_that_knows_client_shows_the_name(topology: Server):
    assert topology.url is not None
    redis = connect(topology.url, name="shown-to-people")
    await ping(redis)

    nodes: dict[str, Any] = {}
    if isinstance(redis, RedisCluster):
        nodes["target_nodes"] = RedisCluster.PRIMARIES
    listed = str(await redis.execute_command("CLIENT LIST", **nodes))

    assert "shown-to-people" in listed

    await redis.aclose()


@contextlib.asynccontextmanager
async def small_replies(bus: Bus) -> AsyncIterator[None]:
    """Let Redis close the connection of a client that is to get more than 1 MB."""
    assert isinstance(bus.redis, Redis)
    await bus.redis.config_set("client-output-buffer-limit", "normal 1mb 0 0")
    try:
        yield
    finally:
        await bus.redis.config_set("client-output-buffer-limit", "normal 0 0 0")


@pytest.mark.parametrize("left_by", ["nobody", "itself", "another"])
async def test_large_entries_come_in_smaller_reads_where_redis_sends_no_large_reply(
    real_server: Server, left_by: str
):
    async with open_bus(real_server) as bus:
        await ensure_group(bus.redis, bus.keys.subscription("telegram"))
        ids = await bus.publish(*[LARGE] * 300)
        if left_by != "nobody":
            consumer = "to-discord-1" if left_by == "itself" else "to-discord-9"
            await bus.reader(consumer, batch_entries=300).read()
            if left_by == "another":
                await bus.make_idle(consumer, *ids)
        reader = bus.reader("to-discord-1", batch_entries=300)
        seen: list[str] = []
        hints: list[str] = []
        async with small_replies(bus):
            for _ in range(ATTEMPTS_MAX):
                try:
                    entries = await reader.read()
                except BusUnavailable as error:
                    hints.append(str(error))
                    continue
                seen += [entry.id for entry in entries]
                if len(set(seen)) == len(ids):
                    break

        assert sorted(set(seen)) == sorted(ids)
        if left_by != "another":  # half a batch is claimed at once, and was small enough
            assert any("client-output-buffer-limit" in hint for hint in hints)
