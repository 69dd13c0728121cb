"""The consumers tell Postgres at their start where days begin, and whom boards leave out."""

import asyncio

import msgspec
from structlog.testing import capture_logs

from config import Community, Settings
from config.community_sections.boards import BoardSetting
from consumers.runtime.resources import Resources, open_resources
from tests.support.boards import scores
from tests.support.recorded_events import record, xp


async def start(settings: Settings, community: Community) -> None:
    async with open_resources(settings, community, asyncio.Event()):
        pass


async def test_the_zone_and_the_accounts_of_the_settings_are_in_force(
    resources: Resources, settings: Settings, community: Community
):
    pool = resources.pool
    await record(pool, xp(20), xp(10, user_id=1002))
    left_out = BoardSetting(leave_out_telegram=(1001,), leave_out_discord=(2002,))
    changed = msgspec.structs.replace(community, timezone="Europe/Moscow", boards=left_out)

    await start(settings, changed)

    assert await pool.fetchval("SELECT zone FROM calendar") == "Europe/Moscow"
    async with pool.acquire() as conn:
        assert await scores(conn) == [10]
    await start(settings, community)
    assert await pool.fetchval("SELECT zone FROM calendar") == "UTC"
    async with pool.acquire() as conn:
        assert await scores(conn) == [20, 10]


async def test_a_zone_that_this_postgres_does_not_know_is_logged_and_stops_nothing(
    resources: Resources, settings: Settings, community: Community
):
    with capture_logs() as logs:
        await start(settings, msgspec.structs.replace(community, timezone="Mars/Olympus"))

    [event] = [one for one in logs if one["event"] == "timezone.unknown"]
    assert event["timezone"] == "Mars/Olympus"
    assert await resources.pool.fetchval("SELECT zone FROM calendar") == "UTC"
