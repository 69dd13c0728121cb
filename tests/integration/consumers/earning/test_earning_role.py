"""The role `earning`: old windows become events, and the other platform's books follow."""

import datetime
from datetime import UTC, timedelta

import msgspec
import pytest
import structlog

from config.community_sections.earning import EarningSetting
from consumers.earning.role import Earning as EarningRole
from consumers.earning.role import open_role
from consumers.relay.role import Relay
from consumers.runtime.metrics import WINDOWS_CLOSED
from consumers.settling.role import Settling
from db.earning import Earning, Rules, windows

START = (datetime.datetime.now(UTC) - timedelta(days=1)).replace(hour=12, minute=0, second=0)
RULES = Rules(window_s=14_400, zone=UTC)


@pytest.fixture
def community(community):
    return msgspec.structs.replace(community, earning=EarningSetting(window_minutes=60))


async def write(pool, account: int, *, platform="telegram") -> None:
    async with pool.acquire() as conn, conn.transaction():
        [one] = await windows.earn(
            conn, platform, [Earning(account, "messages", 7, START, 60.0, 600)], RULES
        )
    assert one is not None
    assert one.xp == 7


async def age(pool, interval: str) -> None:
    await pool.execute(
        "UPDATE earning_windows SET opened_at = now() - $1::text::interval", interval
    )


async def test_an_old_window_reaches_the_other_platforms_books(resources, desk):
    async with open_role(resources) as role:
        await write(resources.pool, 1001)
        await age(resources.pool, "59 minutes")
        assert await role.step() == 0
        await age(resources.pool, "60 minutes")
        assert await role.step() == 1
        assert await role.step() == 0

    assert await Relay(resources).step() == 1
    await Settling("telegram", resources).step()
    rows = await resources.pool.fetch("SELECT platform, xp FROM sync_state ORDER BY platform")
    assert [tuple(row) for row in rows] == [("discord", 7), ("telegram", 7)]


async def test_a_window_from_the_future_is_closed_after_the_clock_was_set_back(resources):
    await write(resources.pool, 2001, platform="discord")
    await age(resources.pool, "-2 years")
    assert await EarningRole(resources).step() == 1
    assert await resources.pool.fetchval("SELECT xp FROM members") == 7


async def test_two_roles_pass_over_people_whom_another_transaction_holds(resources):
    for account in (1, 2, 3):
        await write(resources.pool, account)
    await age(resources.pool, "2 hours")
    async with resources.pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT FROM members ORDER BY id LIMIT 1 FOR UPDATE")
        role = EarningRole(resources)
        assert [await role.step(), await role.step()] == [2, 0]
        assert await resources.pool.fetchval("SELECT count(*) FROM sync_events") == 2
    assert await role.step() == 1
    assert await resources.pool.fetchval("SELECT count(*) FROM sync_events") == 3


async def test_a_window_that_the_record_refuses_costs_no_other_member_anything(resources):
    before = WINDOWS_CLOSED.labels("telegram")._value.get()
    await write(resources.pool, 1)
    await age(resources.pool, "2 hours")
    role = EarningRole(resources)
    assert await role.step() == 1
    # The same window once more: its key is in the ledger already.
    await resources.pool.execute("UPDATE earning_windows SET xp = 7, opened_at = now()")
    for account in (2, 3):
        await write(resources.pool, account)
    await age(resources.pool, "2 hours")

    with structlog.testing.capture_logs() as logs:
        assert [await role.step(), await role.step()] == [2, 0]

    [refused] = [entry for entry in logs if entry["event"] == "window.refused"]
    assert (refused["platform"], refused["account_id"]) == ("telegram", 1)
    assert "ledger already" in refused["why"]
    assert await resources.pool.fetchval("SELECT count(*) FROM sync_events") == 3
    assert await resources.pool.fetchval("SELECT sum(xp)::int FROM earning_windows") == 7
    assert WINDOWS_CLOSED.labels("telegram")._value.get() - before == 3

    await resources.pool.execute("UPDATE earning_windows SET last_at = last_at + interval '1s'")
    assert await EarningRole(resources).step() == 1
