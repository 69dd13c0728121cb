"""A member whom another program's transaction holds without end, and the members beside them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest

from config import AchievementSetting, Community
from consumers.reconcile import repairs
from consumers.relay.role import Relay
from consumers.runtime.resources import Resources
from consumers.settling import held_members
from consumers.settling.poison import ATTEMPTS_MAX, SUSPECT_DELIVERIES
from consumers.settling.role import Settling, open_role
from db import Contention, Producer
from tests.support.patience import PATIENCE_S
from tests.support.reconcile import a_pass, decisions, opened
from tests.support.settling import Desk, until, xp_payload

MIRA, NOA = 1001, 1002
A_WIN = "SELECT * FROM twinstream.record_xp('telegram', 1001, 5, 'shop', '1')"
HER_BOOKS = """
    SELECT * FROM twinstream.sync_state AS s
    JOIN twinstream.accounts AS a USING (member_id, platform)
    WHERE a.platform = 'telegram' AND a.account_id = 1001 FOR UPDATE OF s
"""
LUCKY = AchievementSetting(name="lucky_guess", title="Lucky", bonus_xp=50)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare most of the first wait, which is in vain here."""
    for module in (held_members, repairs):
        monkeypatch.setattr(module, "LOCK_WAIT_MS", 100)
    monkeypatch.setattr(held_members, "FORGOTTEN_AFTER_S", 0.0)


@pytest.fixture
def community(community: Community) -> Community:
    return msgspec.structs.replace(community, achievements=(LUCKY,))


@contextlib.asynccontextmanager
async def leaked_transaction(pool: asyncpg.Pool, statement: str = A_WIN) -> AsyncIterator[None]:
    """A bot records something for Mira, and neither commits nor rolls back."""
    async with pool.acquire() as conn:
        call = conn.transaction()
        await call.start()
        assert await conn.fetch(statement)
        try:
            yield
        finally:
            await call.rollback()


async def test_a_held_member_waits_alone_and_is_never_buried(
    resources: Resources, desk: Desk, pool: asyncpg.Pool
):
    for user_id in (MIRA, NOA):
        wins = [xp_payload(1, entity_id=str(number), user_id=user_id) for number in range(5)]
        await desk.add("telegram", *wins)
    settling = Settling("telegram", resources)

    async with leaked_transaction(pool):
        for _ in range(SUSPECT_DELIVERIES + ATTEMPTS_MAX):
            await settling.step()
            await desk.abandon("telegram")
        assert await desk.xp("discord", user_id=NOA) == 5
        assert await desk.statuses() == {"completed": 5}

    async def all_arrived() -> bool:
        await settling.step()
        return await desk.xp("discord", user_id=MIRA) == 5

    await until(all_arrived, what="Mira's events arrive")
    assert await desk.statuses() == {"completed": 10}


async def test_a_held_member_who_is_active_costs_the_others_one_wait(
    resources: Resources, desk: Desk, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(held_members, "FORGOTTEN_AFTER_S", 3_600.0)
    settling = Settling("telegram", resources)
    await desk.add("telegram", xp_payload(1, user_id=MIRA))

    async with leaked_transaction(pool):
        await settling.step()
        monkeypatch.setattr(held_members, "LOCK_WAIT_MS", 3_600_000)
        await desk.add(
            "telegram",
            xp_payload(1, entity_id="2", user_id=MIRA),
            xp_payload(1, user_id=NOA),
        )
        async with asyncio.timeout(PATIENCE_S):
            await settling.step()
        assert await desk.xp("discord", user_id=NOA) == 1


async def test_an_achievement_of_a_held_member_waits_for_its_bonus(
    resources: Resources, producer: Producer, desk: Desk, pool: asyncpg.Pool
):
    """Her books on Telegram are held, where the bonus belongs, and those in Discord are not."""
    for user_id in (MIRA, NOA):
        await producer.create_achievement_event(
            user_id=user_id, achievement="lucky_guess", source="telegram"
        )
    relay = Relay(resources)
    async with open_role(resources, source="telegram") as settling:
        async with leaked_transaction(pool, HER_BOOKS):
            await settling.step()
            await relay.step()
            await settling.step()
            # Her bonus happened on Telegram, and arrives like all other events.
            assert await desk.xp("discord", user_id=NOA) == 50

        async def all_arrived() -> bool:
            await relay.step()
            await settling.step()
            return await desk.xp("discord", user_id=MIRA) == 50

        await until(all_arrived, what="Mira's achievement and bonus arrive")
    assert await desk.statuses() == {"completed": 4}


async def test_a_locked_table_is_an_outage_and_not_a_crowd_of_held_members(
    resources: Resources, desk: Desk, pool: asyncpg.Pool
):
    await desk.add("telegram", *(xp_payload(1, user_id=one) for one in range(1, 41)))
    settling = Settling("telegram", resources)

    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("LOCK TABLE twinstream.transactions")
        with pytest.raises(Contention):
            await settling.step()

    assert await settling.step() == 40 - held_members.ACCOUNTS_MAX


async def test_a_pass_leaves_a_held_member_to_the_next_one(
    resources: Resources, desk: Desk, pool: asyncpg.Pool
):
    await desk.add("telegram", *(xp_payload(5, user_id=user_id) for user_id in (MIRA, NOA)))
    await Settling("telegram", resources).step()
    await pool.execute("UPDATE twinstream.sync_state SET xp = xp + 3 WHERE platform = 'discord'")

    async with opened(resources) as reconcile:
        await a_pass(reconcile, pool)
        async with leaked_transaction(pool):
            assert (await a_pass(reconcile, pool)).status == "finished"
        assert sorted(row[-1] for row in await decisions(pool)) == [
            *("confirmed", "confirmed", "left", "repaired")
        ]
        await a_pass(reconcile, pool)
        await a_pass(reconcile, pool)

    assert [await desk.xp("discord", user_id=one) for one in (MIRA, NOA)] == [5, 5]
