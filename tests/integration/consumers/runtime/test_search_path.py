"""Our statements name their schema, so no search path matters to them: a pooler may set any."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

import schemas
from consumers.cleanup.row_removal import Rounds
from consumers.operate.dead_letters import replay
from consumers.runtime.resources import Resources
from consumers.settling.role import Settling
from db import Platform, Producer
from db.links import links
from db.members.history import history
from db.members.profiles import profile
from db.platforms import PLATFORMS
from db.surfaces.display_visits import mark_shown, take
from db.upkeep.audit import audit
from tests.support.announced import take_announcements
from tests.support.boards import scores
from tests.support.linking import LinkOutcome, issue_code, redeem_code
from tests.support.reconcile import a_pass, let_everything_arrive, opened
from tests.support.settling import Desk

MIRA, MIRA_IN_DISCORD = 1001, 2001


@pytest.fixture
async def database_url(database_url: str) -> str:
    """A database whose connections search no schema but that of Postgres itself."""
    conn = await asyncpg.connect(database_url)
    try:
        name = await conn.fetchval("SELECT current_database()")
        await conn.execute(f"ALTER DATABASE {name} SET search_path = ''")
    finally:
        await conn.close()
    return database_url


@pytest.fixture
async def bare(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool that another program opened; a bot may give its own to the producer."""
    async with asyncpg.create_pool(
        database_url, min_size=1, max_size=4, server_settings={"search_path": ""}
    ) as pool:
        assert await pool.fetchval("SELECT current_schemas(false)") == []
        yield pool


@pytest.fixture
async def linked(resources: Resources, bare: asyncpg.Pool) -> asyncpg.Pool:
    """Mira earns the same with both accounts, links them, and everything arrives."""
    assert await resources.pool.fetchval("SELECT current_schemas(false)") == []
    producer = Producer(bare, schemas, resources.publisher)
    for source, user_id in (("telegram", MIRA), ("discord", MIRA_IN_DISCORD)):
        where: dict[str, Any] = {"user_id": user_id, "source": source}
        cause: dict[str, Any] = {"reason": "game_guess", "entity_id": "1"}
        await producer.create_xp_change_event(delta_xp=15, **where, **cause)
        await producer.create_balance_change_event(delta_balance=5, **where, **cause)
        await producer.create_achievement_event(achievement="lucky_guess", **where)
    await producer.close()
    async with bare.acquire() as conn:
        code = await issue_code(conn, "telegram", MIRA)
        assert await redeem_code(conn, "discord", MIRA_IN_DISCORD, code) is LinkOutcome.LINKED
    await let_everything_arrive(resources)
    return bare


async def xp_of(pool: asyncpg.Pool, account_id: int, platform: Platform) -> int:
    async with pool.acquire() as conn:
        found = await profile(conn, platform, account_id)
    assert found is not None
    return found.xp


async def differences(pool: asyncpg.Pool) -> int:
    async with pool.acquire() as conn:
        return (await audit(conn, {})).differences


async def test_a_pass_finds_and_repairs_without_a_search_path(
    resources: Resources, linked: asyncpg.Pool
):
    await linked.execute("UPDATE twinstream.sync_state SET xp = xp + 3")

    async with opened(resources) as role:
        for _ in range(2):
            assert (await a_pass(role, resources.pool)).status == "finished"
    await let_everything_arrive(resources)

    # The amount that was added on Telegram becomes an event; in Discord it is taken back.
    assert await xp_of(linked, MIRA, "telegram") == 33
    assert await xp_of(linked, MIRA_IN_DISCORD, "discord") == 33
    assert await differences(linked) == 0


async def test_links_end_and_are_undone_without_a_search_path(linked: asyncpg.Pool):
    async with linked.acquire() as conn:
        async with conn.transaction():
            ended = await links.unlink(conn, platform="telegram", account_id=MIRA)
        assert await xp_of(linked, MIRA, "telegram") == 30
        async with conn.transaction():
            await links.undo(conn, ended.id)

    assert await xp_of(linked, MIRA, "telegram") == 15
    assert await xp_of(linked, MIRA_IN_DISCORD, "discord") == 15
    assert await differences(linked) == 0


async def test_members_are_shown_and_read_without_a_search_path(linked: asyncpg.Pool):
    linked_role = {"telegram": {}, "discord": {"linked": 1}}
    for platform in PLATFORMS:
        [visit] = await take(linked, platform, limit=9, lease_s=60)
        assert visit.wanted == {"rank": 2, "achievement:lucky_guess": 1} | linked_role[platform]
        assert await mark_shown(linked, visit)

    async with linked.acquire() as conn:
        assert await take_announcements(conn, "telegram", limit=9)
        assert await scores(conn, platform="discord") == [30]
        found = await history(conn, "telegram", MIRA, limit=20)
    assert found is not None
    assert len(found.changes) == 6


async def test_buried_events_are_replayed_and_old_ones_removed_without_a_search_path(
    resources: Resources, linked: asyncpg.Pool, desk: Desk
):
    await desk.add("telegram", b"no event")
    await Settling("telegram", resources).step()
    rounds = Rounds(resources.pool, resources.community.cleanup, resources.stop)

    replayed = await replay(resources.pool, resources.publisher, ids=None)
    await linked.execute(
        "UPDATE twinstream.sync_events SET created_at = created_at - interval '31 days',"
        " processed_at = processed_at - interval '31 days'"
    )
    removed = 0
    while step := await rounds.step():
        removed += step

    assert len(replayed.refused) == 1
    assert removed >= 6
    assert await differences(linked) == 0
