"""History that a bot's own table had before twinstream is held, and never repaired away."""

import dataclasses
from collections.abc import AsyncIterator
from typing import Any, Literal

import asyncpg
import msgspec
import pytest

from config.community import StoreSetting, StoreSettings
from consumers.reconcile.role import Reconcile
from consumers.runtime.resources import Resources
from db import Producer, open_stores
from db.reconcile import drift
from tests.support.linking import issue_code, redeem_code
from tests.support.reconcile import (
    a_pass,
    decisions,
    everything,
    let_everything_arrive,
    opened,
    whys,
)

MIRA = {"telegram": 1001, "discord": 2001}
BOTH = pytest.mark.parametrize("side", ["telegram", "discord"])
#: For what follows from a row that is held, whichever platform it is of.
EITHER = pytest.mark.parametrize(
    "side", [pytest.param("telegram", marks=pytest.mark.nightly), "discord"]
)
Side = Literal["telegram", "discord"]


@pytest.fixture
def side() -> Side:
    return "discord"


async def with_table(resources: Resources, side: Side, table: str = "users") -> Resources:
    """Configure a table of the bot's own, as twinstream.toml does."""
    setting = StoreSetting(table=table)
    stores = await open_stores(resources.pool, {side: setting})
    community = msgspec.structs.replace(
        resources.community,
        stores=StoreSettings(**{side: setting}),
        reconcile=msgspec.structs.replace(resources.community.reconcile, interval_ms=3_600_000),
    )
    return dataclasses.replace(resources, stores=stores, community=community)


@pytest.fixture
async def without_store(resources: Resources) -> Resources:
    """The bot's table is there, and twinstream.toml does not name it yet."""
    await resources.pool.execute(
        "CREATE TABLE users (id bigint PRIMARY KEY, xp bigint, balance bigint)"
    )
    return resources


@pytest.fixture
async def parts_with_store(without_store: Resources, side: Side) -> Resources:
    return await with_table(without_store, side)


@pytest.fixture
async def role(parts_with_store: Resources) -> AsyncIterator[Reconcile]:
    async with opened(parts_with_store) as role:
        yield role


async def win(
    resources: Resources, producer: Producer, side: Side, xp: int, balance: int = 0
) -> None:
    """A member wins, and the bot enters it in its own table, if it has a row there."""
    number = str(await resources.pool.fetchval("SELECT count(*) FROM transactions"))
    about: dict[str, Any] = {
        "user_id": MIRA[side],
        "source": side,
        "reason": "game",
        "entity_id": number,
    }
    async with resources.pool.acquire() as conn, conn.transaction():
        await producer.create_xp_change_event(delta_xp=xp, conn=conn, **about)
        if balance:
            await producer.create_balance_change_event(delta_balance=balance, conn=conn, **about)
        await conn.execute(
            "UPDATE users SET xp = xp + $2, balance = balance + $3 WHERE id = $1",
            MIRA[side],
            xp,
            balance,
        )


async def link(resources: Resources) -> None:
    async with resources.pool.acquire() as conn:
        code = await issue_code(conn, "discord", MIRA["discord"])
        await redeem_code(conn, "telegram", MIRA["telegram"], code)


async def row_of(pool: asyncpg.Pool, side: Side, table: str = "users") -> tuple[int, int]:
    return tuple(await pool.fetchrow(f"SELECT xp, balance FROM {table} WHERE id = $1", MIRA[side]))


async def books(pool: asyncpg.Pool) -> list[tuple[str, int, int]]:
    rows = await pool.fetch("SELECT platform, xp, balance FROM sync_state ORDER BY 1")
    return list(map(tuple, rows))


async def passes(role: Reconcile, resources: Resources, count: int = 2, **asked: bool) -> None:
    for _ in range(count):
        report = await a_pass(role, resources.pool, **asked)
        assert report.status == "finished", report
        await let_everything_arrive(resources)


@BOTH
async def test_what_a_member_had_before_twinstream_is_held_though_they_won_since(
    role: Reconcile, parts_with_store: Resources, pool: asyncpg.Pool, producer: Producer, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 500, 40)", MIRA[side])
    await win(parts_with_store, producer, side, 15, 5)
    await let_everything_arrive(parts_with_store)
    before = await everything(pool, "drift")

    await passes(role, parts_with_store, 4)

    assert await row_of(pool, side) == (515, 45)
    assert await everything(pool, "drift") == before
    assert await decisions(pool) == [
        (side, "store", "xp", 500, "held"),
        (side, "store", "balance", 40, "held"),
    ]
    [why, _] = await whys(pool)
    assert "had 500 XP that no entry of the ledger accounts for" in why
    assert "Nothing was changed" in why
    assert "--accept" in why


@BOTH
async def test_accepting_history_imports_it_and_leaves_the_bots_own_row(
    role: Reconcile, parts_with_store: Resources, pool: asyncpg.Pool, producer: Producer, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 500, 40)", MIRA[side])
    await win(parts_with_store, producer, side, 15, 5)
    await let_everything_arrive(parts_with_store)
    await passes(role, parts_with_store, 1)

    await passes(role, parts_with_store, 1, accepted=True)

    assert await row_of(pool, side) == (515, 45)
    assert await books(pool) == [("discord", 515, 45), ("telegram", 515, 45)]
    assert {row[-1] for row in await decisions(pool)} == {"confirmed", "repaired"}
    assert (await a_pass(role, pool)).findings == 0


@BOTH
async def test_the_first_pass_that_sees_a_row_of_an_unknown_account_holds_it(
    role: Reconcile, parts_with_store: Resources, pool: asyncpg.Pool, side: Side
):
    await pool.execute("INSERT INTO users VALUES (555, 70, 0)")

    await passes(role, parts_with_store, 3)

    assert await pool.fetchval("SELECT xp FROM users WHERE id = 555") == 70
    assert await pool.fetchval("SELECT count(*) FROM accounts") == 0
    assert await decisions(pool) == [(side, "store", "xp", 70, "held")]


@EITHER
async def test_many_rows_with_history_stop_no_pass_and_hide_no_drift(
    role: Reconcile, parts_with_store: Resources, pool: asyncpg.Pool, producer: Producer, side: Side
):
    await pool.execute("INSERT INTO users SELECT n, 999999, 0 FROM generate_series(5000, 5100) n")
    await win(parts_with_store, producer, side, 15)
    await pool.execute("INSERT INTO users VALUES ($1, 15, 0)", MIRA[side])
    await let_everything_arrive(parts_with_store)
    await passes(role, parts_with_store, 1)
    other = "discord" if side == "telegram" else "telegram"
    await pool.execute("UPDATE sync_state SET xp = xp + 3 WHERE platform = $1", other)

    await passes(role, parts_with_store)

    assert await pool.fetchval("SELECT count(*) FROM drift WHERE decision = 'held'") == 101
    assert await pool.fetchval("SELECT count(*) FROM drift WHERE decision = 'repaired'") == 1
    assert await pool.fetchval("SELECT count(*) FROM users WHERE xp = 999999") == 101


@EITHER
async def test_a_row_that_grows_untold_stays_one_held_finding(
    role: Reconcile, parts_with_store: Resources, pool: asyncpg.Pool, side: Side
):
    await pool.execute("INSERT INTO users VALUES (555, 70, 0)")
    for _ in range(3):
        await passes(role, parts_with_store, 1)
        await pool.execute("UPDATE users SET xp = xp + 1")
    await passes(role, parts_with_store, 1)

    assert await decisions(pool) == [(side, "store", "xp", 73, "held")]
    assert await pool.fetchval("SELECT seen FROM drift") == "73"

    await passes(role, parts_with_store, 1, accepted=True)

    assert {xp for _, xp, _ in await books(pool)} == {73}
    assert [row[-1] for row in await decisions(pool)] == ["confirmed", "repaired"]


@EITHER
async def test_a_row_with_history_is_the_same_finding_when_its_accounts_are_linked(
    role: Reconcile, parts_with_store: Resources, pool: asyncpg.Pool, producer: Producer, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 500, 0)", MIRA[side])
    await passes(role, parts_with_store, 1)
    other: Side = "discord" if side == "telegram" else "telegram"
    await win(parts_with_store, producer, other, 100)
    await let_everything_arrive(parts_with_store)
    await link(parts_with_store)

    await passes(role, parts_with_store)  # what it was owed is paid by now

    assert await row_of(pool, side) == (600, 0)
    assert await decisions(pool) == [(side, "store", "xp", 500, "held")]

    await passes(role, parts_with_store, 1, accepted=True)

    assert await row_of(pool, side) == (600, 0)
    assert await books(pool) == [("discord", 600, 0), ("telegram", 600, 0)]


@BOTH
async def test_once_the_ledger_accounts_for_a_row_a_change_by_hand_is_drift(
    role: Reconcile, parts_with_store: Resources, pool: asyncpg.Pool, producer: Producer, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 500, 0)", MIRA[side])
    await passes(role, parts_with_store, 1)
    await passes(role, parts_with_store, 1, accepted=True)
    await pool.execute("UPDATE users SET xp = xp + 7")

    await passes(role, parts_with_store)

    expected = 507 if side == "telegram" else 500
    assert await row_of(pool, side) == (expected, 0)
    assert {xp for _, xp, _ in await books(pool)} == {expected}


@EITHER
async def test_xp_that_was_accounted_for_says_nothing_of_a_balance_that_never_was(
    role: Reconcile, parts_with_store: Resources, pool: asyncpg.Pool, producer: Producer, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 0, 0)", MIRA[side])
    await win(parts_with_store, producer, side, 15)
    await let_everything_arrive(parts_with_store)
    await passes(role, parts_with_store, 1)
    await pool.execute("UPDATE users SET balance = 900")

    await passes(role, parts_with_store, 3)

    assert await row_of(pool, side) == (15, 900)
    assert await decisions(pool) == [(side, "store", "balance", 900, "held")]


@EITHER
async def test_a_row_that_came_back_with_a_value_of_its_own_is_held(
    role: Reconcile, parts_with_store: Resources, pool: asyncpg.Pool, producer: Producer, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 0, 0), (99, 0, 0)", MIRA[side])
    await win(parts_with_store, producer, side, 15)
    await let_everything_arrive(parts_with_store)
    await passes(role, parts_with_store, 1)
    await pool.execute("DELETE FROM users WHERE id = $1", MIRA[side])
    await passes(role, parts_with_store)  # what the row held is owed
    await pool.execute("INSERT INTO users VALUES ($1, 700, 0)", MIRA[side])

    await passes(role, parts_with_store, 3)

    assert await row_of(pool, side) == (715, 0)
    assert (await decisions(pool))[-1] == (side, "store", "xp", 700, "held")


@EITHER
async def test_a_held_row_that_is_deleted_waits_for_the_operator_no_more(
    role: Reconcile, parts_with_store: Resources, pool: asyncpg.Pool, side: Side
):
    await pool.execute("INSERT INTO users VALUES (555, 70, 0), (556, 0, 0)")
    await passes(role, parts_with_store, 1)
    await pool.execute("DELETE FROM users WHERE id = 555")

    await passes(role, parts_with_store, 1)

    assert await decisions(pool) == [(side, "store", "xp", 70, "gone")]


@BOTH
async def test_a_table_that_is_connected_to_a_running_deployment_takes_nothing_from_members(
    without_store: Resources, pool: asyncpg.Pool, producer: Producer, side: Side
):
    await pool.execute("INSERT INTO users VALUES (99, 0, 0)")
    await win(without_store, producer, side, 100)
    await let_everything_arrive(without_store)
    await pool.execute("INSERT INTO users VALUES ($1, 0, 0)", MIRA[side])
    connected = await with_table(without_store, side)

    async with opened(connected) as role:
        await passes(role, connected, 3)
        assert await row_of(pool, side) == (0, 0)
        assert {xp for _, xp, _ in await books(pool)} == {100}
        assert await decisions(pool) == [(side, "store", "xp", -100, "held")]

        await passes(role, connected, 1, accepted=True)

    assert await row_of(pool, side) == (100, 0)
    assert await books(pool) == [("discord", 100, 0), ("telegram", 100, 0)]


@EITHER
async def test_another_table_of_the_same_bot_is_met_for_the_first_time(
    parts_with_store: Resources, pool: asyncpg.Pool, producer: Producer, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 0, 0)", MIRA[side])
    await win(parts_with_store, producer, side, 15)
    await let_everything_arrive(parts_with_store)
    async with opened(parts_with_store) as role:
        await passes(role, parts_with_store, 1)
    await pool.execute("CREATE TABLE players (LIKE users INCLUDING ALL)")
    await pool.execute("INSERT INTO players VALUES ($1, 800, 0)", MIRA[side])
    moved = await with_table(parts_with_store, side, "players")

    async with opened(moved) as role:
        await passes(role, moved, 3)

    assert await row_of(pool, side, "players") == (800, 0)
    assert (await decisions(pool))[-1] == (side, "store", "xp", 785, "held")


@EITHER
async def test_findings_of_a_table_that_the_settings_name_no_more_end_with_the_reason(
    without_store: Resources, pool: asyncpg.Pool, side: Side, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(drift, "DECIDED_AT_ONCE_MAX", 2)
    await pool.execute("INSERT INTO users VALUES (555, 70, 0), (556, 71, 0), (557, 72, 0)")
    connected = await with_table(without_store, side)
    async with opened(connected) as role:
        await passes(role, connected, 1)

    async with opened(without_store) as role:
        await passes(role, without_store, 1, dry_run=True)
        assert [row[-1] for row in await decisions(pool)] == ["held"] * 3
        await passes(role, without_store, 1)

    assert [row[-1] for row in await decisions(pool)] == ["gone"] * 3
    assert f"stores.{side}" in (await whys(pool))[0]
    async with opened(connected) as role:
        await passes(role, connected, 1)
    assert [row[-1] for row in await decisions(pool)] == ["gone"] * 3 + ["held"] * 3


async def test_a_dry_run_names_what_is_held_and_ends_no_finding(
    role: Reconcile, parts_with_store: Resources, pool: asyncpg.Pool
):
    await pool.execute("INSERT INTO users VALUES (555, 70, 0)")
    await passes(role, parts_with_store, 1)

    await passes(role, parts_with_store, 1, dry_run=True)

    assert [row[-1] for row in await decisions(pool)] == ["held", "left"]


async def test_a_value_below_zero_of_an_unknown_account_is_left_when_it_is_accepted(
    role: Reconcile, parts_with_store: Resources, pool: asyncpg.Pool
):
    await pool.execute("INSERT INTO users VALUES (555, 0, -70)")
    await passes(role, parts_with_store, 1)

    await passes(role, parts_with_store, 1, accepted=True)

    assert await pool.fetchval("SELECT balance FROM users") == -70
    assert "correct the row by hand" in (await whys(pool))[-1]
