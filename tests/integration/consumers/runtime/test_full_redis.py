"""A Redis that is full: it drains by itself, and nothing is lost or held up for ever."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from bus import Client
from consumers.cleanup.role import SHORT_OF_MEMORY_S, Cleanup
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources
from consumers.settling.role import Settling
from db import Producer, RuleBroken
from tests.support.settling import Desk, edited, xp_payload

#: Entries of 16 kB each, so that their memory stands out from that of connections.
ENTRIES = 60


@contextlib.asynccontextmanager
async def full(redis: Client) -> AsyncIterator[None]:
    """Leave Redis no memory beyond what it has."""
    assert isinstance(redis, Redis)
    memory: Any = await redis.info("memory")
    await redis.config_set("maxmemory", memory["used_memory"] - 100_000)
    try:
        yield
    finally:
        await redis.config_set("maxmemory", 0)


def large(number: int) -> bytes:
    return edited(xp_payload(1, entity_id=str(number)), padding="x" * 16_000)


async def test_a_full_redis_drains_although_entries_must_be_buried(
    resources: Resources, desk: Desk, producer: Producer
):
    await desk.add("telegram", b"no event" * 2_000, *map(large, range(ENTRIES)))
    settling, cleanup = Settling("telegram", resources), Cleanup(resources)
    async with full(desk.redis):
        await producer.create_xp_change_event(
            user_id=1001, delta_xp=5, source="telegram", reason="game", entity_id="full"
        )
        await producer.close()
        assert (await desk.statuses())["pending"] == 1

        await settling.step()
        assert await desk.xp("discord") == ENTRIES
        assert await desk.unacknowledged("telegram") == 0
        assert len(await desk.failures()) == 1
        assert await desk.dead() == []

        with capture_logs() as logs:
            assert await cleanup.step() > ENTRIES // 2
        assert [line["event"] for line in logs][:1] == ["redis.filled"]
        assert cleanup.pause_s <= SHORT_OF_MEMORY_S

        assert await Relay(resources).step() == 1
        await settling.step()
        assert await desk.xp("discord") == ENTRIES + 5

    with capture_logs() as logs:
        await cleanup.step()
    assert "redis.relieved" in [line["event"] for line in logs]


async def test_good_entries_are_settled_before_bad_ones_are_buried(
    resources: Resources, desk: Desk
):
    """Burying needs something of Redis and Postgres, and nothing good may wait for it."""
    await desk.add("telegram", b"no event", xp_payload(1))
    settling = Settling("telegram", resources)
    await desk.pool.execute("ALTER TABLE sync_events ADD CHECK (status <> 'failed') NOT VALID")

    with pytest.raises(RuleBroken):
        await settling.step()

    assert await desk.xp("discord") == 1
