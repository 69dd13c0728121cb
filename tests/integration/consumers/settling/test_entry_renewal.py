"""Renewal keeps long work from being claimed; and deleted entries are noticed."""

import asyncio
import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from bus import BusUnavailable, Reader
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources
from consumers.settling import held_members
from consumers.settling.entry_renewal import renewed
from consumers.settling.role import Settling
from db import Producer
from tests.support.patience import PATIENCE_S
from tests.support.settling import Desk, until, xp_payload

CLAIM_IDLE_S = 1.0


def other_consumer(resources: Resources, desk: Desk) -> Reader:
    return Reader(
        resources.reading_redis,
        desk.keys.subscription("telegram"),
        consumer="to-discord-2",
        block_ms=50,
        claim_idle_ms=int(CLAIM_IDLE_S * 1_000),
    )


async def test_an_entry_in_progress_is_not_claimed_by_another_consumer(
    resources: Resources, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(held_members, "LOCK_WAIT_MS", 60_000)
    await desk.add("telegram", xp_payload(15))
    role = Settling("telegram", resources)
    thief = other_consumer(resources, desk)

    async with desk.pool.acquire() as conn, conn.transaction():
        await conn.execute("LOCK TABLE transactions")
        working = asyncio.create_task(role.step())
        await until(lambda: is_in_hand(desk), what="the entry is read")
        end = time.monotonic() + 2 * CLAIM_IDLE_S
        while time.monotonic() < end:
            assert await thief.read() == []
    assert await working == 1

    assert await desk.xp("discord") == 15
    assert await desk.unacknowledged("telegram") == 0


async def test_an_entry_in_hand_is_not_claimed_during_an_outage_of_postgres(
    resources: Resources, desk: Desk
):
    await desk.add("telegram", xp_payload(15))
    role = Settling("telegram", resources)
    await desk.pool.execute("ALTER TABLE transactions RENAME TO mislaid")
    thief = other_consumer(resources, desk)

    end = time.monotonic() + 2 * CLAIM_IDLE_S
    while time.monotonic() < end:
        await asyncio.gather(role.step(), return_exceptions=True)
        assert await thief.read() == []


async def test_nothing_is_renewed_once_the_work_is_done(resources: Resources, desk: Desk):
    reader = resources.reader("telegram")
    before = asyncio.all_tasks()

    async with renewed(reader, lambda: ["1-0"], every_s=60, at_once=False):
        assert len(asyncio.all_tasks() - before) == 1

    assert asyncio.all_tasks() == before


async def test_an_outage_of_redis_does_not_end_the_work(resources: Resources):
    tried = asyncio.Event()

    class Away:
        stream = "stream"
        tries = 0

        async def renew(self, ids):
            self.tries += 1
            if self.tries == 2:
                tried.set()
            raise BusUnavailable("away")

    away: Any = Away()
    async with renewed(away, lambda: ["1-0"], every_s=0.001, at_once=True):
        async with asyncio.timeout(PATIENCE_S):
            await tried.wait()


async def test_deleted_entries_are_logged_and_their_events_published_again(
    resources: Resources, desk: Desk, producer: Producer
):
    stream, group = desk.keys.subscription("telegram")
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=15, source="telegram", reason="game", entity_id="1"
    )
    await producer.close()
    await desk.redis.xreadgroup(group, "to-discord-1", {stream: ">"})
    await desk.redis.xtrim(stream, maxlen=0, approximate=False)
    role = Settling("telegram", resources)

    with capture_logs() as logs:
        await role.step()
    [told] = [line for line in logs if line["event"] == "entries.deleted"]
    assert told["entries"] == 1

    assert await resources.rebuild.look_for_lost("telegram") == 1
    await Relay(resources).step()
    await role.step()
    assert await desk.xp("discord") == 15


async def is_in_hand(desk: Desk) -> bool:
    return await desk.unacknowledged("telegram") == 1
