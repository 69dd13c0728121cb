"""One suite of the bus runs on every server that the bus supports.

`bus` has its groups. `bare_bus` is on a server that has neither streams nor groups yet. Tests make
entries idle by a command (`Bus.make_idle`), so that no test waits for a clock.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from bus import ensure_group
from tests.support import redis_binaries
from tests.support.bus_servers import Bus, Proxy, Server, open_bus, running, subscriptions
from tests.support.patience import PATIENCE_S
from tests.support.redis_topologies import Cluster, SentinelTrio, cluster, sentinel_trio


@pytest.fixture(scope="session")
def valkey_binary() -> str:
    return redis_binaries.valkey_binary()


@pytest.fixture(scope="session")
def redis_binary() -> str:
    return redis_binaries.redis_binary()


@pytest.fixture(scope="session")
def valkey(valkey_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(valkey_binary, tmp_path_factory.mktemp("valkey")) as (url, _):
        yield Server("valkey", url)


@pytest.fixture(scope="session")
def real_redis(redis_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(redis_binary, tmp_path_factory.mktemp("redis")) as (url, _):
        yield Server("redis", url)


@pytest.fixture(scope="session")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentinelTrio]:
    with sentinel_trio(tmp_path_factory.mktemp("sentinel")) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def sentinel(trio: SentinelTrio) -> Server:
    return Server("sentinel", trio.url)


@pytest.fixture(scope="session")
def redis_cluster(shards: Cluster) -> Server:
    return Server("cluster", shards.url)


@pytest.fixture(scope="session")
def fakeredis() -> Server:
    return Server("fakeredis")


@pytest.fixture(
    params=[
        "fakeredis",
        "valkey",
        "real_redis",
        # The same server at another address: the tests of failover are on it every day.
        pytest.param("sentinel", marks=pytest.mark.nightly),
        "redis_cluster",
    ]
)
def server(request: pytest.FixtureRequest) -> Server:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["valkey", "real_redis"])
def real_server(request: pytest.FixtureRequest) -> Server:
    """A server that is reached over a socket, for faults of the connection."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["valkey", "real_redis", "sentinel", "redis_cluster"])
def topology(request: pytest.FixtureRequest) -> Server:
    """A server that is reached over a socket, for faults that every kind of client meets."""
    return request.getfixturevalue(request.param)


@pytest.fixture
async def bare_bus(server: Server) -> AsyncIterator[Bus]:
    """A bus whose streams and groups do not exist yet."""
    async with open_bus(server) as bus:
        yield bus


@pytest.fixture
async def bus(bare_bus: Bus) -> Bus:
    """A bus whose streams and groups exist and are empty."""
    for subscription in subscriptions(bare_bus.keys):
        await ensure_group(bare_bus.redis, subscription)
    return bare_bus


@pytest.fixture
async def proxied(real_server: Server) -> AsyncIterator[tuple[Proxy, Bus]]:
    """A bus that reaches its server through a `Proxy`."""
    assert real_server.url is not None
    proxy = Proxy(int(real_server.url.split(":")[2].split("/")[0]))
    async with proxy.listening() as url, open_bus(Server("proxied", url)) as bus:
        yield proxy, bus


Condition = Callable[[], Awaitable[bool]]


@pytest.fixture
def until() -> Callable[[Condition], Awaitable[None]]:
    """Wait for a condition, and fail if it does not come true in time."""

    async def wait(condition: Condition) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not await condition():  # noqa: ASYNC110 - a server rings no bell
                await asyncio.sleep(0.005)

    return wait
