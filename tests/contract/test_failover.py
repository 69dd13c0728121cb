"""Sentinel and Cluster: the client finds the new primary by itself and repeats nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from redis.asyncio.cluster import RedisCluster

from bus import SOURCES, BusUnavailable, Keys, Publisher, connect, ensure_group, ping
from bus.client import CONNECT_TIMEOUT_S
from tests.support.bus_servers import Bus, Proxy, Server, open_bus, subscriptions
from tests.support.patience import PATIENCE_S
from tests.support.redis_topologies import (
    HOST,
    SERVICE,
    SLOTS,
    Cluster,
    Node,
    SentinelTrio,
    cluster,
    free_port,
    sentinel_trio,
    until,
)

SECRET = "hunter2"
PAUSED_S = 0.4


@pytest.mark.parametrize("shared", ["trio", "shards"])
async def test_after_a_planned_failover_both_ends_go_on(
    shared: str, request: pytest.FixtureRequest
):
    nodes: SentinelTrio | Cluster = request.getfixturevalue(shared)
    async with a_bus(nodes.url) as bus:
        reader = bus.reader(block_ms=50)
        await bus.publish(b"before")
        assert [entry.payload for entry in await reader.read()] == [b"before"]
        await asyncio.to_thread(nodes.until_even)

        await asyncio.to_thread(nodes.fail_over)

        await at_last(lambda: bus.publish(b"after"))
        seen = await at_last(reader.read)
        assert [entry.payload for entry in seen] == [b"after"]


@pytest.mark.parametrize("kind", ["sentinel", pytest.param("cluster", marks=pytest.mark.nightly)])
async def test_a_primary_that_hangs_is_left_for_the_new_one(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bus.client.COMMAND_TIMEOUT_S", 1.0)
    monkeypatch.setattr("bus.client.READER_TIMEOUT_S", 1.0)
    with ExitStack() as stack:
        nodes: SentinelTrio | Cluster
        if kind == "sentinel":
            nodes = stack.enter_context(sentinel_trio(tmp_path))
        else:  # a cluster takes long to start, and is healed in a moment
            nodes = shards = request.getfixturevalue("shards")
            stack.callback(shards.heal)
        async with a_bus(nodes.url) as bus:
            reader = bus.reader(block_ms=50)
            await bus.publish(b"before")
            await reader.read()
            await asyncio.to_thread(nodes.until_even)

            nodes.primary.freeze()
            await asyncio.to_thread(until, nodes.is_promoted, what="the replica is promoted")

            # The first call of each client times out, and the next one goes to the new primary.
            with pytest.raises(BusUnavailable):
                await bus.publish(b"lost")
            await bus.publish(b"after")
            with pytest.raises(BusUnavailable):
                await reader.read()
            assert [entry.payload for entry in await reader.read()] == [b"after"]


async def test_the_loss_of_one_node_does_not_stop_clients_of_another(tmp_path: Path):
    """redis-py asks one node of the cluster for its commands, and never another one."""
    with cluster(tmp_path) as nodes:
        async with a_bus(nodes.url) as bus:
            assert isinstance(bus.reading, RedisCluster)
            await ping(bus.reading)
            asked = bus.reading.commands_parser.node
            doomed = next(node for node in nodes.shards if node.port == asked.port)
            source = next(s for s in SOURCES if nodes.shard_of(bus.keys.stream(s)) is not doomed)
            await bus.publisher.publish(source, [b"one"])

            doomed.kill()

            seen = await at_last(bus.reader(source=source, block_ms=50).read)
            assert [entry.payload for entry in seen] == [b"one"]
            async with open_bus(Server("started later", nodes.url)) as later:
                publisher = Publisher(later.redis, bus.keys)
                await at_last(lambda: publisher.publish(source, [b"two"]))


async def test_a_client_closes_its_connections_even_after_a_failure(
    shards: Cluster, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bus.client.COMMAND_TIMEOUT_S", PAUSED_S / 2)
    redis = connect(shards.url, name="leaving")
    for source in SOURCES:
        await redis.xlen(Keys().stream(source))
    others = shards.shard_of(Keys().stream("discord"))
    shards.primary.ask("CLIENT", "PAUSE", int(PAUSED_S * 1_000))
    with pytest.raises(BusUnavailable):
        await Publisher(redis, Keys()).publish("telegram", [b"one"])
    assert "leaving" in connected(others)

    await redis.aclose()

    await asyncio.to_thread(until, lambda: "leaving" not in connected(others), what="it left")


@pytest.fixture(params=["sentinel", "cluster"])
async def intercepted(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[Proxy, Bus]]:
    """A bus whose server is announced to clients under the address of a `Proxy`."""
    port = free_port(10_000)
    proxy = Proxy(port)
    async with proxy.listening() as announced:
        proxy_port = int(announced.split(":")[2].split("/")[0])
        alone = {"sentinel": lone_sentinel, "cluster": lone_cluster}[request.param]
        with alone(tmp_path, port) as start:
            url = await asyncio.to_thread(start, proxy_port)
            async with a_bus(url) as bus:
                yield proxy, bus


async def test_a_lost_answer_is_an_error_that_doubles_and_loses_nothing(intercepted):
    proxy, bus = intercepted
    proxy.swallow_answer_to(b"XADD")

    with pytest.raises(BusUnavailable) as caught:
        await bus.publish(b"one")

    assert caught.value.published == (None,)
    assert await bus.redis.xlen(bus.keys.stream("telegram")) == 1

    reader = bus.reader()
    proxy.swallow_answer_to(b"$1\r\n>")
    with pytest.raises(BusUnavailable):
        await reader.read()

    assert [(entry.payload, entry.deliveries) for entry in await reader.read()] == [(b"one", 2)]


@pytest.mark.parametrize(
    "url", [f"redis+sentinel://:{SECRET}@{{}}/twin", f"redis+cluster://:{SECRET}@{{}}"]
)
async def test_an_unreachable_server_is_a_typed_error_without_the_password(url: str):
    places = ",".join(f"{HOST}:{free_port()}" for _ in range(2))
    redis = connect(url.format(places), name="any")
    began = time.monotonic()

    with pytest.raises(BusUnavailable) as caught:
        await ping(redis)
    with pytest.raises(BusUnavailable):
        await Publisher(redis, Keys()).publish("telegram", [b"one"])

    assert SECRET not in str(caught.value)
    # No call waited: a port without a listener refuses at once.
    assert time.monotonic() - began < CONNECT_TIMEOUT_S
    await redis.aclose()


async def test_a_service_that_the_sentinels_do_not_watch_is_named(sentinel: Server):
    assert sentinel.url is not None
    redis = connect(sentinel.url.replace(f"/{SERVICE}/", "/another/"), name="any")

    with pytest.raises(BusUnavailable, match="another"):
        await ping(redis)

    await redis.aclose()


def connected(node: Node) -> str:
    return str(node.ask("CLIENT", "LIST"))


@asynccontextmanager
async def a_bus(url: str) -> AsyncIterator[Bus]:
    async with open_bus(Server("any", url)) as bus:
        bus.keys = Keys()  # whose streams are on shards of their own; other tests have prefixes
        for subscription in subscriptions(bus.keys):
            await bus.redis.delete(subscription.stream)
            await ensure_group(bus.redis, subscription)
        yield bus


async def at_last(call):
    """Repeat a call while the bus is unavailable, for a limited time; any other error is raised."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                if (answer := await call()) != []:
                    return answer
            except BusUnavailable:
                await asyncio.sleep(0.02)


@contextmanager
def lone_sentinel(folder: Path, port: int) -> Iterator:
    """One server, and one sentinel that knows it by another address."""
    server = Node(folder / "server", ["save ''", "appendonly no"], port=port)
    started = [server]

    def start(announced: int) -> str:
        server.start()
        sentinel = Node(
            folder / "sentinel",
            [f"sentinel monitor {SERVICE} {HOST} {announced} 1"],
            sentinel=True,
        )
        started.append(sentinel)
        sentinel.start()
        return f"redis+sentinel://{HOST}:{sentinel.port}/{SERVICE}"

    try:
        yield start
    finally:
        for node in started:
            node.kill()


@contextmanager
def lone_cluster(folder: Path, port: int) -> Iterator:
    """A cluster of one node, which names another address to its clients."""
    started: list[Node] = []

    def start(announced: int) -> str:
        lines = ["save ''", "appendonly no", "cluster-enabled yes"]
        lines += [f"cluster-announce-ip {HOST}", f"cluster-announce-port {announced}"]
        node = Node(folder / "server", lines, port=port)
        started.append(node)
        node.start()
        node.ask("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
        until(lambda: "cluster_state:ok" in str(node.ask("CLUSTER", "INFO")), what="it serves")
        return f"redis+cluster://{HOST}:{announced}"

    try:
        yield start
    finally:
        for node in started:
            node.kill()
