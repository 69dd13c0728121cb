"""Publishing: payloads arrive unchanged and in order, or the error says which of them did."""

import pytest
from redis.asyncio import Redis

from bus import (
    NotAStream,
    PayloadTooLarge,
    Publisher,
    StreamExhausted,
    StreamMissing,
    ensure_group,
)
from bus.entry import ID_MAX
from bus.publisher import PAYLOAD_BYTES_MAX
from tests.support.bus_servers import Bus, Server

STREAM_LAST_BUT_ONE_ID = "18446744073709551615-18446744073709551614"


async def test_a_payload_arrives_unchanged_and_in_order(bus: Bus):
    payloads = [b"\x00\xff binary", "текст".encode(), b"", b"third"]
    ids = await bus.publish(*payloads)

    entries = await bus.reader().read()

    assert [entry.payload for entry in entries] == payloads
    assert [entry.id for entry in entries] == ids
    assert {entry.stream for entry in entries} == {bus.keys.stream("telegram")}
    assert {entry.deliveries for entry in entries} == {1}


async def test_publishing_nothing_sends_no_command(bare_bus: Bus):
    assert await bare_bus.publish() == []


async def test_publishing_to_a_missing_stream_says_so_and_does_not_create_it(bare_bus: Bus):
    with pytest.raises(StreamMissing) as caught:
        await bare_bus.publish(b"one", b"two")

    assert caught.value.stream == bare_bus.keys.stream("telegram")
    assert caught.value.published == (None, None)
    assert await bare_bus.redis.exists(bare_bus.keys.stream("telegram")) == 0


async def test_a_half_published_batch_raises_an_error_that_names_the_half(bus: Bus):
    # Given a stream that has room for one more id, and then for none
    await bus.redis.xadd(bus.keys.stream("telegram"), {"e": "x"}, id=STREAM_LAST_BUT_ONE_ID)

    with pytest.raises(StreamExhausted) as caught:
        await bus.publish(b"fits", b"does not", b"nor does this")

    assert caught.value.published == (ID_MAX, None, None)
    assert bus.keys.stream("telegram") in str(caught.value)


async def test_a_payload_over_the_limit_stops_its_batch_before_anything_is_sent(bus: Bus):
    with pytest.raises(PayloadTooLarge) as caught:
        await bus.publish(b"fine", b"x" * (PAYLOAD_BYTES_MAX + 1))

    assert caught.value.index == 1
    assert await bus.redis.xlen(bus.keys.stream("telegram")) == 0


async def test_a_key_of_another_type_is_refused_not_retried(bare_bus: Bus):
    await bare_bus.redis.set(bare_bus.keys.stream("telegram"), "not a stream")

    with pytest.raises(NotAStream, match="sync:telegram is not a stream"):
        await bare_bus.publish(b"one")
    with pytest.raises(NotAStream, match="sync:telegram is not a stream"):
        await ensure_group(bare_bus.redis, bare_bus.keys.subscription("telegram"))


async def test_a_client_that_decodes_its_replies_can_publish(bus: Bus, server: Server):
    if server.url is None or not server.url.startswith("redis://"):
        pytest.skip("a foreign client is one that redis-py makes from a URL of its own")
    async with Redis.from_url(server.url, decode_responses=True) as foreign:
        ids = await Publisher(foreign, bus.keys).publish("telegram", [b"\xff raw"])

    assert [(entry.id, entry.payload) for entry in await bus.reader().read()] == [
        (ids[0], b"\xff raw")
    ]
