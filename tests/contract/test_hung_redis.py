"""A Redis that hangs, and is not down: a producer waits for it once, and not with each event."""

import asyncio

import pytest

from bus import BusUnavailable, Client, Publisher, client, ensure_group, publisher
from chaos.proxy import Proxy
from tests.support.bus_servers import Bus, Server, open_bus
from tests.support.settling import until

#: Seconds for an answer, instead of five.
TIMEOUT_S = 0.1
REST_S = 0.3
#: Seconds by which a timer may be early: an event loop counts in milliseconds.
ROUNDED_S = 0.002


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "COMMAND_TIMEOUT_S", TIMEOUT_S)
    monkeypatch.setattr(publisher, "HUNG_S", TIMEOUT_S / 2)
    monkeypatch.setattr(publisher, "REST_S", REST_S)


def port_of(server: Server) -> int:
    assert server.url is not None
    return int(server.url.rpartition(":")[2].partition("/")[0])


async def seconds_of_a_refusal(bus: Publisher) -> float:
    began = asyncio.get_running_loop().time()
    with pytest.raises(BusUnavailable) as caught:
        await bus.publish("telegram", [b"any", b"more"])
    assert caught.value.published == (None, None)
    return asyncio.get_running_loop().time() - began


async def rested(bus: Publisher) -> None:
    """Return once Redis has been left alone for long enough."""

    async def is_over() -> bool:
        return asyncio.get_running_loop().time() >= bus._rest_until_s

    await until(is_over, what="the rest is over")


async def length(redis: Client, bus: Bus) -> int:
    return int(await redis.xlen(bus.keys.stream("telegram")))


async def test_a_redis_that_hangs_is_waited_for_once_and_asked_again_after_a_rest(
    real_server: Server,
):
    async with open_bus(real_server) as bus, Proxy(port_of(real_server)) as proxy:
        await ensure_group(bus.redis, bus.keys.subscription("telegram"))
        redis = client.connect(f"redis://127.0.0.1:{proxy.port}/0", name="hung")
        publishing = Publisher(redis, bus.keys)
        await publishing.publish("telegram", [b"before"])
        with proxy.silent():
            assert await seconds_of_a_refusal(publishing) >= TIMEOUT_S - ROUNDED_S
            refusals = [await seconds_of_a_refusal(publishing) for _ in range(20)]
            assert sum(refusals) < TIMEOUT_S
            # After the rest one call asks, and the others go on without waiting.
            await rested(publishing)
            asking = asyncio.create_task(seconds_of_a_refusal(publishing))
            await asyncio.sleep(0)
            assert await seconds_of_a_refusal(publishing) < TIMEOUT_S / 2
            assert await asking >= TIMEOUT_S - ROUNDED_S
        await rested(publishing)
        before = await length(bus.redis, bus)

        await publishing.publish("telegram", [b"after"])
        await publishing.publish("telegram", [b"after"])

        assert await length(bus.redis, bus) == before + 2
        await redis.aclose()


async def test_a_redis_that_is_down_is_asked_by_each_call(real_server: Server):
    """It refuses at once, so no caller waits, and events arrive as soon as it is back."""
    async with open_bus(real_server) as bus:
        await ensure_group(bus.redis, bus.keys.subscription("telegram"))
        proxy = Proxy(port_of(real_server))
        async with proxy:
            port = proxy.port
        redis = client.connect(f"redis://127.0.0.1:{port}/0", name="down")
        publishing = Publisher(redis, bus.keys)
        for _ in range(3):
            assert await seconds_of_a_refusal(publishing) < TIMEOUT_S
        assert publishing._rest_until_s == 0.0
        await redis.aclose()
