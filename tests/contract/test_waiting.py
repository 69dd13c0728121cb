"""Waiting: a blocked reader wakes for an entry, can be cancelled, and blocks no other call."""

import asyncio
import time

import pytest

from bus import BLOCK_MS_MAX, GroupMissing, ensure_group
from tests.support.bus_servers import Bus, Server, open_bus
from tests.support.patience import PATIENCE_S


async def test_waiting_for_entries_takes_time_on_every_server(bus: Bus):
    began = time.monotonic()

    assert await bus.reader(block_ms=80).read() == []

    assert time.monotonic() - began >= 0.04


async def test_a_waiting_reader_wakes_when_an_entry_is_published(bus: Bus, until):
    if not bus.server.blocks:
        pytest.skip("fakeredis does not block")
    reader = bus.reader(block_ms=BLOCK_MS_MAX)
    waiting = asyncio.create_task(reader.read())
    await until(lambda: is_blocked(bus))

    await bus.publish(b"wake up")

    # A read that does not wake up ends without an entry.
    assert [entry.payload for entry in await waiting] == [b"wake up"]


async def test_claimed_entries_are_not_kept_waiting_for_new_ones(bus: Bus):
    (entry_id,) = await bus.publish(b"old")
    await bus.reader("to-discord-1").read()
    await bus.make_idle("to-discord-1", entry_id)
    began = time.monotonic()

    assert len(await bus.reader("to-discord-2", block_ms=BLOCK_MS_MAX).read()) == 1

    assert time.monotonic() - began < BLOCK_MS_MAX / 1_000


async def test_a_waiting_reader_does_not_hold_up_acknowledgements(bus: Bus, until):
    if not bus.server.blocks:
        pytest.skip("fakeredis does not block")
    ids = await bus.publish(b"one")
    reader = bus.reader(block_ms=BLOCK_MS_MAX)
    await reader.read()
    waiting = asyncio.create_task(reader.read())
    await until(lambda: is_blocked(bus))

    # An acknowledgement behind the read would be answered when the read ends, without an entry.
    assert await reader.acknowledge(ids) == 1
    assert not waiting.done()

    await bus.publish(b"end")
    assert [entry.payload for entry in await waiting] == [b"end"]


async def test_a_cancelled_read_loses_nothing(bus: Bus, until, monkeypatch):
    # fakeredis does not block, so a read of it must not end before it is cancelled.
    monkeypatch.setattr("bus.reader.PAUSE_S", PATIENCE_S)
    reader = bus.reader(block_ms=BLOCK_MS_MAX)
    waiting = asyncio.create_task(reader.read())
    await until(lambda: is_blocked(bus) if bus.server.blocks else has_read(bus))

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await bus.publish(b"one")

    assert [entry.payload for entry in await reader.read()] == [b"one"]


async def test_a_stream_deleted_under_a_waiting_reader_is_a_typed_error(bus: Bus, until):
    if not bus.server.blocks:
        pytest.skip("fakeredis does not block")
    waiting = asyncio.create_task(bus.reader(block_ms=BLOCK_MS_MAX).read())
    await until(lambda: is_blocked(bus))

    await bus.redis.delete(bus.keys.stream("telegram"))

    with pytest.raises(GroupMissing):
        await waiting


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.nightly), 4])
async def test_a_read_cancelled_at_any_step_stops_and_loses_nothing(topology: Server, every: int):
    # redis-py and Python 3.11 between them swallow a cancellation at some of these steps.
    async with open_bus(topology) as bus:
        await ensure_group(bus.redis, bus.keys.subscription("telegram"))
        reader = bus.reader(block_ms=5)
        for steps in range(0, 60, every):
            await bus.disconnect_reading()
            (entry_id,) = await bus.publish(b"one")
            reading = asyncio.create_task(reader.read())
            for _ in range(steps):
                await asyncio.sleep(0)
            if reading.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await reading
                seen = await reader.read()
            else:
                seen = reading.result()
            assert [entry.id for entry in seen] == [entry_id], f"cancelled after {steps} steps"
            await reader.acknowledge([entry_id])


async def has_read(bus: Bus) -> bool:
    return bool(await bus.redis.xinfo_consumers(*bus.keys.subscription("telegram")))


async def is_blocked(bus: Bus) -> bool:
    return await bus.blocked_clients() > 0
