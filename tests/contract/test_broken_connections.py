"""Lost answers, full memory and restarts: typed errors, no lost entry, no second entry."""

import asyncio

import pytest

from bus import (
    BusFull,
    BusUnavailable,
    DeadLetters,
    GroupMissing,
    StreamMissing,
    ensure_group,
)
from tests.support.bus_servers import Server, open_bus, running
from tests.support.patience import PATIENCE_S


async def test_a_lost_answer_to_publish_is_an_error_and_not_a_second_entry(proxied):
    proxy, bus = proxied
    await ensure_group(bus.redis, bus.keys.subscription("telegram"))
    proxy.swallow_answer_to(b"XADD")

    with pytest.raises(BusUnavailable) as caught:
        await bus.publish(b"one")

    assert caught.value.published == (None,)
    assert await bus.redis.xlen(bus.keys.stream("telegram")) == 1


async def test_entries_of_a_lost_answer_come_with_the_next_read(proxied):
    proxy, bus = proxied
    await ensure_group(bus.redis, bus.keys.subscription("telegram"))
    reader = bus.reader()
    await bus.publish(b"in work")
    assert len(await reader.read()) == 1
    await bus.publish(b"lost on the way")
    proxy.swallow_answer_to(b"$1\r\n>")

    with pytest.raises(BusUnavailable):
        await reader.read()

    # ... without the entries that the caller has in hand
    assert [(entry.payload, entry.deliveries) for entry in await reader.read()] == [
        (b"lost on the way", 2)
    ]


async def test_a_reader_forgets_its_place_in_a_stream_that_was_lost(proxied):
    # Given a rebuilt stream whose ids are lower than what the reader saw in the lost one
    proxy, bus = proxied
    subscription = bus.keys.subscription("telegram")
    await ensure_group(bus.redis, subscription)
    reader = bus.reader()
    await bus.publish(b"before")
    await reader.read()
    await bus.redis.delete(subscription.stream)
    with pytest.raises(GroupMissing):
        await reader.read()
    await ensure_group(bus.redis, subscription)
    assert await reader.read() == []
    await bus.redis.xadd(subscription.stream, {"e": "after"}, id="1-1")

    # When the first delivery from it is lost on the way
    proxy.swallow_answer_to(b"$1\r\n>")
    with pytest.raises(BusUnavailable):
        await reader.read()

    assert [entry.payload for entry in await reader.read()] == [b"after"]


async def test_entries_delivered_to_a_read_in_the_moment_of_its_cancelling_come_again(proxied):
    proxy, bus = proxied
    await ensure_group(bus.redis, bus.keys.subscription("telegram"))
    await bus.publish(b"one")
    reader = bus.reader()
    proxy.swallow_answer_to(b"$1\r\n>", cut=False)
    reading = asyncio.create_task(reader.read())
    await asyncio.wait_for(proxy.swallowed.wait(), PATIENCE_S)

    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert [entry.payload for entry in await reader.read()] == [b"one"]


async def test_a_full_redis_takes_no_entry_and_loses_none(real_server: Server):
    async with open_bus(real_server) as bus:
        await ensure_group(bus.redis, bus.keys.subscription("telegram"))
        await bus.publish(b"poison")
        (entry,) = await bus.reader().read()
        await bus.redis.config_set("maxmemory", 1)
        try:
            with pytest.raises(BusFull) as caught:
                await bus.publish(b"one", b"two")
            # Only an entry that is removed makes room in a full Redis, so the copy is not made.
            burial = await DeadLetters(bus.redis, bus.keys).bury(
                entry, group="discord", reason="any"
            )
        finally:
            await bus.redis.config_set("maxmemory", 0)

        assert caught.value.published == (None, None)
        assert burial is not None
        assert burial.dead_id is None
        assert await bus.unacknowledged() == {}


@pytest.mark.parametrize("binary", ["valkey_binary", "redis_binary"])
async def test_a_server_that_comes_back_empty_is_unavailable_first_and_then_needs_its_groups(
    binary: str, request: pytest.FixtureRequest, tmp_path
):
    path = request.getfixturevalue(binary)
    with running(path, tmp_path) as (url, _):
        port = int(url.split(":")[2].split("/")[0])
        async with open_bus(Server("restarted", url), prefix="restart:") as bus:
            await ensure_group(bus.redis, bus.keys.subscription("telegram"))
            reader = bus.reader()
            await bus.publish(b"before")
            await reader.read()

            await bus.redis.shutdown(nosave=True)
            with pytest.raises(BusUnavailable):
                await reader.read()
            with pytest.raises(BusUnavailable):
                await bus.publish(b"meanwhile")

            with running(path, tmp_path, port):
                with pytest.raises(StreamMissing):
                    await bus.publish(b"after")
                with pytest.raises(GroupMissing):
                    await reader.read()
                await ensure_group(bus.redis, bus.keys.subscription("telegram"))
                await bus.publish(b"after")
                assert [entry.payload for entry in await reader.read()] == [b"after"]
