"""No number, wherever it stands, ends the process or stops a pass: it costs its own row."""

import dataclasses
import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import msgspec
import pytest

from config.community import StoreSetting, StoreSettings
from consumers.reconcile.role import Reconcile
from consumers.runtime.resources import Resources
from db import Producer, open_stores
from db.members.history import history
from db.upkeep.audit import audit
from tests.support.reconcile import a_pass, decisions, let_everything_arrive, opened, whys

LOWEST, HIGHEST = -(2**63), 2**63 - 1
MIRA, TOM = 2001, 2002
EXTREMES = pytest.mark.parametrize("number", [LOWEST, HIGHEST], ids=["lowest", "highest"])


@pytest.fixture
async def members(resources: Resources, producer: Producer) -> Resources:
    """Mira and Tom, with 100 XP each on both sides and in the Discord bot's table."""
    for account_id in (MIRA, TOM):
        await producer.create_xp_change_event(
            user_id=account_id, delta_xp=100, source="discord", reason="game", entity_id="1"
        )
    await let_everything_arrive(resources)
    await resources.pool.execute(
        "CREATE TABLE users (id bigint PRIMARY KEY, xp bigint, balance bigint)"
    )
    await resources.pool.execute("INSERT INTO users VALUES ($1, 100, 0), ($2, 100, 0)", MIRA, TOM)
    setting = StoreSetting(table="users")
    community = msgspec.structs.replace(
        resources.community,
        stores=StoreSettings(discord=setting),
        reconcile=msgspec.structs.replace(resources.community.reconcile, interval_ms=3_600_000),
    )
    stores = await open_stores(resources.pool, {"discord": setting})
    return dataclasses.replace(resources, community=community, stores=stores)


@pytest.fixture
async def role(members: Resources) -> AsyncIterator[Reconcile]:
    """The role, after a pass that saw every row agree."""
    async with opened(members) as role:
        assert (await a_pass(role, members.pool)).findings == 0
        yield role


async def set_number(pool: asyncpg.Pool, table: str, number: Any) -> None:
    """Write a number into Mira's row, by hand."""
    where = {
        "users": "id = $2",
        "sync_state": "platform = 'discord' AND member_id = (SELECT member_id FROM accounts"
        " WHERE account_id = $2)",
    }
    await pool.execute(f"UPDATE {table} SET xp = $1 WHERE {where[table]}", number, MIRA)


async def xp_of(pool: asyncpg.Pool, account_id: int) -> set[int]:
    rows = await pool.fetch(
        "SELECT xp FROM sync_state JOIN accounts USING (member_id) WHERE account_id = $1"
        " UNION SELECT xp FROM users WHERE id = $1",
        account_id,
    )
    return {row["xp"] for row in rows}


@EXTREMES
@pytest.mark.parametrize("table", ["users", "sync_state"])
async def test_a_row_with_the_largest_number_is_held_and_the_others_are_repaired(
    role: Reconcile, members: Resources, pool: asyncpg.Pool, table: str, number: int
):
    await set_number(pool, table, number)
    await pool.execute("UPDATE users SET xp = 120 WHERE id = $1", TOM)

    for _ in range(3):
        assert (await a_pass(role, pool)).status == "finished"

    subject = "store" if table == "users" else "books"
    assert ("discord", subject, "xp", number - 100, "held") in await decisions(pool)
    assert await pool.fetchval("SELECT count(*) FROM drift WHERE decision = 'held'") == 1
    assert await xp_of(pool, TOM) == {100}
    assert number in await xp_of(pool, MIRA)


@EXTREMES
@pytest.mark.parametrize("table", ["users", "sync_state"])
async def test_accepting_such_a_number_corrects_it_or_says_why_not(
    role: Reconcile, members: Resources, pool: asyncpg.Pool, table: str, number: int
):
    await set_number(pool, table, number)
    await a_pass(role, pool)

    assert (await a_pass(role, pool, accepted=True)).status == "finished"

    if table == "users" and number == LOWEST:  # the table is asked to add more than a bigint holds
        why = (await whys(pool))[-1]
        assert "It cannot be corrected now, so it is left as it is: the table users refuses" in why
    else:
        assert await xp_of(pool, MIRA) == {100}


async def test_two_such_numbers_do_not_overflow_the_sum_of_a_pass(
    role: Reconcile, pool: asyncpg.Pool
):
    await pool.execute("UPDATE users SET xp = $1", HIGHEST)
    await pool.execute("UPDATE sync_state SET xp = $1 WHERE platform = 'telegram'", HIGHEST)

    for asked in ({}, {}, {"dry_run": True}, {"accepted": True}):
        assert (await a_pass(role, pool, **asked)).status == "finished"


async def test_sums_of_the_ledger_that_no_bigint_holds_are_compared(
    role: Reconcile, members: Resources, pool: asyncpg.Pool
):
    for key in ("one", "two"):
        await pool.execute(
            "INSERT INTO transactions (idempotency_key, platform, source, type,"
            " account_id, delta_xp, reason, entity_id, occurred_at) SELECT $1, platform,"
            " source, type, account_id, $2, reason, entity_id, occurred_at"
            " FROM transactions WHERE account_id = $3 AND delta_xp = 100",
            key,
            HIGHEST,
            MIRA,
        )

    for asked in ({}, {}, {"accepted": True}):
        assert (await a_pass(role, pool, **asked)).status == "finished"

    assert await xp_of(pool, TOM) == {100}
    async with pool.acquire() as conn:
        found = await history(conn, "discord", MIRA, limit=5)
        assert found is not None
        # The totals of /why run backwards from the books.
        shown = [change.xp for change in found.changes]
        assert shown[:3] == [100, 100 - HIGHEST, 100 - 2 * HIGHEST]
        proven = await audit(conn, members.stores)
    assert proven.differences > 0


@pytest.mark.parametrize("owed", [LOWEST, HIGHEST])
async def test_a_debt_of_the_largest_number_is_compared(
    role: Reconcile, members: Resources, pool: asyncpg.Pool, owed: int
):
    await pool.execute(
        "INSERT INTO store_debts SELECT member_id, platform, $1 FROM accounts"
        " WHERE account_id = $2",
        owed,
        MIRA,
    )
    await pool.execute("UPDATE users SET xp = 120 WHERE id = $1", TOM)

    for _ in range(2):
        assert (await a_pass(role, pool)).status == "finished"

    assert await xp_of(pool, TOM) == {100}
    async with pool.acquire() as conn:
        await audit(conn, members.stores)


@pytest.mark.parametrize(
    ("kind", "value", "seen"),
    [
        ("numeric", "1e5000", "1E+5000"),
        pytest.param("numeric", "'NaN'", "NaN", marks=pytest.mark.nightly),
        pytest.param("numeric", "100.5", "100.5", marks=pytest.mark.nightly),
        pytest.param("numeric", "1e25", str(10**25), marks=pytest.mark.nightly),
        ("text", "'100'", "'100'"),
        pytest.param("double precision", "'Infinity'", "inf", marks=pytest.mark.nightly),
        pytest.param("text", "'abc'", "'abc'", marks=pytest.mark.nightly),
        ("text", "repeat('9', 6000)", "'" + "9" * 59 + "..."),
    ],
)
async def test_a_column_whose_type_was_changed_costs_the_rows_that_are_no_numbers(
    role: Reconcile, members: Resources, pool: asyncpg.Pool, kind: str, value: str, seen: str
):
    await pool.execute(f"ALTER TABLE users ALTER COLUMN xp TYPE {kind} USING xp::{kind}")
    await pool.execute(f"UPDATE users SET xp = {value} WHERE id = $1", MIRA)
    await pool.execute("UPDATE users SET balance = 5 WHERE id = $1", TOM)
    await members.pool.expire_connections()  # they have the old type in their plans

    async with opened(members) as role_now:
        for _ in range(2):
            assert (await a_pass(role_now, pool)).status == "finished"
        report = await a_pass(role_now, pool, accepted=True)

    assert (report.status, report.left_out) == ("finished", [])
    rows = await pool.fetch("SELECT seen FROM drift WHERE subject_id = $1 AND field = 'xp'", MIRA)
    assert {row["seen"] for row in rows} == {seen}
    async with pool.acquire() as conn:
        assert (await audit(conn, members.stores)).differences >= 1


#: The types that a bot's column may have, with values that are odd in them.
ODD = {
    "bigint": (LOWEST, HIGHEST, -1, 0, None),
    "numeric": ("'NaN'", "1e5000", "-1e-300", "100.0000", "99.999999999999999999999", None),
    "double precision": ("'Infinity'", "'-Infinity'", "'NaN'", "1e308", "5e-324", "-0.0", None),
    "text": ("''", "' 100'", "'١٠٠'", "'1e2'", "repeat('9', 9000)", "E'\\u202e100'", None),
    "smallint": (-32768, 32767, None),
    "boolean": ("true", "false", None),
    "timestamptz": ("'infinity'", "now()", None),
    "bigint[]": ("'{1,2}'", "'{}'", None),
    "jsonb": ("'{\"xp\": 100}'", "'100'", "'null'", None),
}
SEEDS = [pytest.param(seed, marks=[] if seed < 1 else [pytest.mark.nightly]) for seed in range(60)]


@pytest.mark.parametrize("seed", SEEDS)
async def test_odd_rows_of_a_bots_table_cost_themselves(
    role: Reconcile, members: Resources, pool: asyncpg.Pool, seed: int
):
    """Columns of a type that a seed chooses, filled with values that are odd in it."""
    chance = random.Random(seed)
    for column in ("xp", "balance"):
        kind = chance.choice(list(ODD))
        holds_numbers = kind in ("bigint", "numeric", "double precision", "text")
        kept = f"{column}::{kind}" if holds_numbers else "NULL"
        await pool.execute(f"ALTER TABLE users ALTER COLUMN {column} TYPE {kind} USING {kept}")
        for account_id in (MIRA, *range(3001, 3011)):
            value = chance.choice(ODD[kind])
            await pool.execute(
                f"INSERT INTO users (id, {column}) VALUES ($1, {value or 'NULL'})"
                f" ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}",
                account_id,
            )
    await members.pool.expire_connections()  # they have the old type in their plans

    async with opened(members) as role_now:
        for asked in ({}, {}, {"accepted": True}, {}):
            assert (await a_pass(role_now, pool, **asked)).status == "finished"
    async with pool.acquire() as conn:
        await audit(conn, members.stores)
    in_books = "SELECT xp FROM sync_state JOIN accounts USING (member_id) WHERE account_id = $1"
    assert await pool.fetch(in_books, TOM) == [(100,), (100,)]


async def test_history_beyond_what_an_event_can_carry_is_left_with_the_reason(
    role: Reconcile, members: Resources, pool: asyncpg.Pool
):
    await pool.execute("INSERT INTO users VALUES (555, $1, 0), (556, $2, 0)", HIGHEST, LOWEST)
    await a_pass(role, pool)

    report = await a_pass(role, pool, accepted=True)

    assert report.status == "finished"
    assert [row[-1] for row in await decisions(pool)] == ["confirmed", "confirmed", "left", "left"]
    why, _ = (await whys(pool))[-2:]
    assert "It cannot become an event, so it is left as it is: delta_xp is" in why
    assert await pool.fetch("SELECT xp FROM users WHERE id < 1000 ORDER BY id") == [
        (HIGHEST,),
        (LOWEST,),
    ]


async def test_a_table_that_cannot_be_read_is_left_out_and_the_rest_is_proven(
    role: Reconcile, members: Resources, pool: asyncpg.Pool
):
    await pool.execute("ALTER TABLE users RENAME COLUMN xp TO experience")
    await members.pool.expire_connections()
    await pool.execute("UPDATE sync_state SET rank = 7 WHERE platform = 'telegram'")

    for _ in range(2):
        report = await a_pass(role, pool)

    assert report.status == "finished"
    [left_out] = report.left_out
    assert "discord store: the table users cannot be read" in left_out
    assert {row[-1] for row in await decisions(pool)} == {"confirmed", "repaired"}
