"""A change by hand in a bot's own table is found, explained and repaired."""

import dataclasses
from collections.abc import AsyncIterator
from typing import Literal

import asyncpg
import msgspec
import pytest

from bus import SOURCES
from config.community import StoreSetting
from consumers.reconcile.role import Reconcile
from consumers.runtime.resources import Resources
from db import Producer, open_stores
from tests.support.linking import issue_code, redeem_code
from tests.support.reconcile import (
    a_pass,
    decisions,
    everything,
    let_everything_arrive,
    opened,
    whys,
)

MIRA, MIRA_IN_DISCORD = 1001, 2001
Side = Literal["telegram", "discord"]


@pytest.fixture
def side() -> Side:
    return "telegram"


@pytest.fixture
async def resources(resources: Resources, side: Side) -> Resources:
    """A bot on one side keeps its members in a table `users`."""
    await resources.pool.execute(
        "CREATE TABLE users (id bigint PRIMARY KEY, xp integer NOT NULL DEFAULT 0,"
        " balance integer NOT NULL DEFAULT 0)"
    )
    stores = await open_stores(resources.pool, {side: StoreSetting(table="users")})
    community = msgspec.structs.replace(
        resources.community,
        reconcile=msgspec.structs.replace(resources.community.reconcile, interval_ms=3_600_000),
    )
    return dataclasses.replace(resources, stores=stores, community=community)


@pytest.fixture
async def role(resources: Resources) -> AsyncIterator[Reconcile]:
    async with opened(resources) as role:
        yield role


@pytest.fixture
async def mira(role: Reconcile, resources: Resources, producer: Producer, side: Side) -> int:
    """A linked member with 100 XP; a pass has seen the row in the bot's table agree."""
    platform = side
    account_id = MIRA if platform == "telegram" else MIRA_IN_DISCORD
    async with resources.pool.acquire() as conn, conn.transaction():
        await producer.create_xp_change_event(
            user_id=account_id,
            delta_xp=100,
            source=platform,
            reason="game",
            entity_id="1",
            conn=conn,
        )
        await conn.execute("INSERT INTO users (id, xp) VALUES ($1, 100)", account_id)
    async with resources.pool.acquire() as conn:
        code = await issue_code(conn, "discord", MIRA_IN_DISCORD)
        await redeem_code(conn, "telegram", MIRA, code)
    await let_everything_arrive(resources)
    assert (await a_pass(role, resources.pool)).findings == 0
    return account_id


async def all_equal(pool: asyncpg.Pool, xp: int) -> None:
    assert await pool.fetchval("SELECT sum(xp) FROM users") == xp
    assert [row["xp"] for row in await pool.fetch("SELECT xp FROM sync_state")] == [xp, xp]


async def twice(role: Reconcile, resources: Resources) -> None:
    for _ in range(2):
        report = await a_pass(role, resources.pool)
        assert report.status == "finished"
    await let_everything_arrive(resources)


@pytest.mark.parametrize("side", ["telegram", "discord"])
async def test_a_pass_over_a_table_that_is_in_step_writes_nothing(
    role: Reconcile, resources: Resources, pool: asyncpg.Pool, mira: int, producer: Producer
):
    for platform, account in zip(SOURCES, (MIRA, MIRA_IN_DISCORD), strict=True):
        async with resources.pool.acquire() as conn, conn.transaction():
            await producer.create_xp_change_event(
                user_id=account, delta_xp=7, source=platform, reason="game", entity_id="2",
                conn=conn,
            )  # fmt: skip
            await conn.execute("UPDATE users SET xp = xp + 7 WHERE id = $1", account)
    before = await everything(pool)

    for _ in range(2):
        report = await a_pass(role, pool)
        assert (report.status, report.findings) == ("finished", 0)

    assert await everything(pool) == before


async def test_a_change_by_hand_in_the_telegram_bots_table_is_followed_by_discord(
    role: Reconcile, resources: Resources, pool: asyncpg.Pool, mira: int
):
    await pool.execute("UPDATE users SET xp = xp + 50")

    await twice(role, resources)

    await all_equal(pool, 150)
    assert await decisions(pool) == [
        ("telegram", "store", "xp", 50, "confirmed"),
        ("telegram", "store", "xp", 50, "repaired"),
    ]
    assert (await a_pass(role, pool)).findings == 0


@pytest.mark.parametrize("side", ["discord"])
async def test_a_change_by_hand_in_the_discord_bots_table_is_taken_back(
    role: Reconcile, resources: Resources, pool: asyncpg.Pool, mira: int
):
    await pool.execute("UPDATE users SET xp = xp - 50")

    await twice(role, resources)

    await all_equal(pool, 100)
    assert await pool.fetchval("SELECT count(*) FROM transactions WHERE reason = 'reconcile'") == 0


async def test_where_the_bot_has_a_table_sync_state_is_not_the_truth(
    role: Reconcile, resources: Resources, pool: asyncpg.Pool, mira: int
):
    await pool.execute("UPDATE sync_state SET xp = 5 WHERE platform = 'telegram'")

    await twice(role, resources)

    await all_equal(pool, 100)


@pytest.mark.parametrize("side", ["telegram", "discord"])
async def test_an_accepted_row_of_an_unknown_account_becomes_a_member_of_both_sides(
    role: Reconcile, resources: Resources, pool: asyncpg.Pool, mira: int
):
    await pool.execute("INSERT INTO users VALUES (555, 70, 3)")
    await twice(role, resources)

    await a_pass(role, pool, accepted=True)
    await let_everything_arrive(resources)

    rows = await pool.fetch(
        "SELECT s.platform, s.xp, s.balance FROM sync_state AS s JOIN accounts AS a"
        " USING (member_id) WHERE a.account_id = 555 ORDER BY 1"
    )
    assert list(map(tuple, rows)) == [("discord", 70, 3), ("telegram", 70, 3)]


@pytest.mark.parametrize("side", ["telegram", "discord"])
async def test_a_row_of_an_unknown_account_is_left_alone(
    role: Reconcile, resources: Resources, pool: asyncpg.Pool, mira: int
):
    await pool.execute("INSERT INTO users VALUES (555, 70, 3)")

    await twice(role, resources)

    assert await pool.fetchval("SELECT xp FROM users WHERE id = 555") == 70
    assert "no entry of the ledger accounts for" in (await whys(pool))[-1]
    assert await pool.fetchval("SELECT count(*) FROM accounts WHERE account_id = 555") == 0


async def test_a_deleted_row_is_not_zero_and_is_brought_up_when_it_is_back(
    role: Reconcile, resources: Resources, pool: asyncpg.Pool, mira: int
):
    await pool.execute("INSERT INTO users VALUES (555, 70, 0)")
    await twice(role, resources)
    await pool.execute("DELETE FROM users WHERE id = $1", mira)

    await twice(role, resources)

    assert await pool.fetchval("SELECT xp FROM store_debts") == 100
    assert await pool.fetchval("SELECT xp FROM sync_state WHERE member_id = 1 LIMIT 1") == 100
    await pool.execute("INSERT INTO users (id) VALUES ($1)", mira)
    await role.step()
    assert await pool.fetchval("SELECT xp FROM users WHERE id = $1", mira) == 100
    assert (await a_pass(role, pool)).findings == 0


async def test_an_empty_table_is_no_statement_and_changes_nothing(
    role: Reconcile, resources: Resources, pool: asyncpg.Pool, mira: int
):
    await pool.execute("UPDATE users SET xp = xp + 50")
    await a_pass(role, pool)
    await pool.execute("DELETE FROM users")
    before = await everything(pool)

    for _ in range(2):
        report = await a_pass(role, pool)
        assert report.left_out == ["telegram store: its table is empty, while the community is not"]

    assert await everything(pool) == before


async def test_what_a_table_refuses_is_left_with_the_reason(
    role: Reconcile, resources: Resources, pool: asyncpg.Pool, mira: int
):
    await pool.execute("UPDATE users SET xp = -40")

    await twice(role, resources)

    assert await pool.fetchval("SELECT xp FROM users") == -40
    assert "the member has less XP than this would take away" in (await whys(pool))[-1]
