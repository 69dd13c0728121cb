"""Entries that wait, and streams that others write to or delete from: alerts fire, and end."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from bus import SOURCES, Keys
from launch.servers import Server
from tests.support.monitored_deployment import CONSUMERS, MonitoredDeployment
from tests.support.settling import until, xp_payload

pytestmark = pytest.mark.nightly

HOUR_MS = 3_600_000


@pytest.fixture
async def waiting_entry(
    own_redis: Server, pool: asyncpg.Pool
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """An entry from two hours ago, which only an empty stream takes, of a member who is held.

    Call what it yields to let the member go.
    """
    await pool.execute("SELECT FROM twinstream.record_xp('telegram', 77, 1, 'game', '1')")
    async with Redis.from_url(own_redis.url, protocol=2) as redis:
        for source in SOURCES:
            stream, group = Keys().subscription(source)
            await redis.xgroup_create(stream, group, id="0", mkstream=True)
        old = f"{int(time.time() * 1_000) - 2 * HOUR_MS}-0"
        await redis.xadd(Keys().stream("telegram"), {"e": xp_payload(1, user_id=77)}, id=old)
    async with pool.acquire() as conn:
        holding = conn.transaction()
        await holding.start()
        await conn.execute("SELECT FROM members FOR UPDATE")
        yield holding.rollback


@pytest.mark.alerts("TwinstreamFallingBehind")
async def test_an_entry_that_waits(
    waiting_entry: Callable[[], Awaitable[None]], scene: MonitoredDeployment
) -> None:
    await scene.prometheus.fires("TwinstreamFallingBehind")

    await waiting_entry()

    await scene.prometheus.ends("TwinstreamFallingBehind")


@pytest.mark.alerts("TwinstreamEntryBuried", "TwinstreamStreamHeld", "TwinstreamStreamAheadOfClock")
async def test_streams_that_others_write_to(scene: MonitoredDeployment) -> None:
    alerts = ("TwinstreamEntryBuried", "TwinstreamStreamHeld", "TwinstreamStreamAheadOfClock")
    telegram, discord = Keys().stream("telegram"), Keys().stream("discord")
    await scene.redis.xadd(telegram, {"e": "no event"})
    await scene.redis.xgroup_create(telegram, "audit", id="1000-0")
    ahead = f"{int(time.time() * 1_000) + HOUR_MS}-0"
    await scene.redis.xadd(discord, {"e": xp_payload(1, source="discord")}, id=ahead)
    await scene.prometheus.fires(*alerts)

    await scene.redis.xgroup_destroy(telegram, "audit")
    await scene.operate("rebuild")

    await scene.prometheus.ends(*alerts)


@pytest.mark.alerts("TwinstreamEntriesDeleted", "TwinstreamRedisLostData")
async def test_entries_that_go_before_they_are_settled(scene: MonitoredDeployment) -> None:
    alerts = ("TwinstreamEntriesDeleted", "TwinstreamRedisLostData")
    subscription = Keys().subscription("telegram")
    with scene.halted(CONSUMERS):
        await scene.member.win_in_telegram()
        await until(
            lambda: has_unread(scene.redis, subscription), what="the event is on its stream"
        )
        await scene.redis.xreadgroup(subscription.group, "ghost", {subscription.stream: ">"})
        await scene.redis.xtrim(subscription.stream, maxlen=0, approximate=False)

    await scene.prometheus.fires(*alerts)
    await scene.prometheus.ends(*alerts)


async def has_unread(redis: Redis, subscription: Any) -> bool:
    groups = await redis.xinfo_groups(subscription.stream)
    last = (await redis.xinfo_stream(subscription.stream))["last-generated-id"]
    [ours] = [one for one in groups if one["name"].decode() == subscription.group]
    return bool(ours["last-delivered-id"] != last)
