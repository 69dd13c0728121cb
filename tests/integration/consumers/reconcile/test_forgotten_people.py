"""Of a forgotten person reconcile and the audit find nothing, with bots' own tables as well."""

from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest

import schemas
from config import Community, Settings
from config.community import StoreSetting, StoreSettings
from consumers.forgetting.role import Forgetting
from consumers.reconcile.role import Reconcile
from consumers.runtime.resources import Resources
from db import Producer
from db.links import links
from db.members import forgetting
from db.upkeep.audit import audit
from tests.support.reconcile import a_pass, decisions, let_everything_arrive, opened
from tests.support.stream_entries import entries_in

ID, IN_DISCORD, OTHER = 7_712_345_671, 882_212_345_672_123_456, 7_712_345_679
SECRET = "a secret of the deployment"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, forget_secret=SECRET)


@pytest.fixture
async def community(community: Community, pool: asyncpg.Pool) -> Community:
    """Both bots have a table of their own."""
    for table in ("tg_users", "dc_users"):
        await pool.execute(
            f"CREATE TABLE {table} (id bigint PRIMARY KEY, xp bigint, balance bigint)"
        )
    await pool.execute("INSERT INTO tg_users VALUES ($1, 0, 0), ($2, 0, 0)", ID, OTHER)
    await pool.execute("INSERT INTO dc_users VALUES ($1, 0, 0)", IN_DISCORD)
    stores = StoreSettings(
        telegram=StoreSetting(table="tg_users"), discord=StoreSetting(table="dc_users")
    )
    return msgspec.structs.replace(community, stores=stores)


@pytest.fixture
async def role(resources: Resources) -> AsyncIterator[Reconcile]:
    async with opened(resources) as role:
        yield role


async def test_reconcile_and_the_audit_find_nothing(resources: Resources, role: Reconcile):
    pool = resources.pool
    producer = Producer(pool, schemas, resources.publisher, stores=resources.stores)
    for user_id in (ID, OTHER):
        await producer.create_xp_change_event(
            user_id=user_id, delta_xp=40, source="telegram", reason="game", entity_id="1"
        )
    await producer.create_achievement_event(
        user_id=ID, achievement="lucky_guess", source="telegram"
    )
    await producer.create_xp_change_event(
        user_id=IN_DISCORD, delta_xp=7, source="discord", reason="game", entity_id="1"
    )
    await producer.close()
    async with pool.acquire() as conn:
        await links.link(
            conn,
            telegram_account_id=ID,
            discord_account_id=IN_DISCORD,
            stores=["telegram", "discord"],
        )
    await let_everything_arrive(resources)
    for _ in range(2):
        await a_pass(role, pool)
    before = await decisions(pool)

    async with pool.acquire() as conn:
        await forgetting.ask_as_owner(conn, "discord", IN_DISCORD)
    forgetter = Forgetting(resources, undress_s=0)
    for _ in range(4):
        await forgetter.step()
    assert await pool.fetchval("SELECT count(*) FROM forget_requests") == 0
    pages = await entries_in(resources.redis, resources.keys.snapshots.stream)
    assert str(ID) not in str(pages)
    for _ in range(2):
        report = await a_pass(role, pool)
        assert (report.status, report.findings) == ("finished", 0)

    assert before == await decisions(pool) == []
    assert await pool.fetchrow("SELECT xp, balance FROM tg_users WHERE id = $1", ID) == (0, 0)
    assert await pool.fetchrow("SELECT xp, balance FROM dc_users") == (0, 0)
    async with pool.acquire() as conn:
        found = await audit(conn, resources.stores)
    assert [check for check in found.checks if check.different] == []
