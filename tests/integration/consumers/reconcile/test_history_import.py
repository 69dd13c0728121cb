"""`import-history` makes events of what a bot's own table held before twinstream, once."""

import asyncio
import dataclasses
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any, Literal

import asyncpg
import msgspec
import pytest
import structlog

from config.community import StoreSetting, StoreSettings
from consumers.reconcile.comparison import HELD_LOGGED_MAX
from consumers.reconcile.decisions import history_rows
from consumers.reconcile.history_import import IMPORTED_BEFORE, IN_USE, HistoryImport, Totals
from consumers.reconcile.role import Reconcile
from consumers.runtime.resources import Resources
from db import Producer, open_stores, stop_signs
from tests.support.reconcile import (
    a_pass,
    decisions,
    everything,
    let_everything_arrive,
    opened,
)
from tests.support.settling import until

MIRA = {"telegram": 1001, "discord": 2001}
BOTH = pytest.mark.parametrize("side", ["telegram", "discord"])
Side = Literal["telegram", "discord"]


@pytest.fixture
def side() -> Side:
    return "discord"


@pytest.fixture
async def stored(resources: Resources, side: Side) -> Resources:
    """A deployment that names the bot's own table, as twinstream.toml does."""
    await resources.pool.execute(
        "CREATE TABLE users (id bigint PRIMARY KEY, xp bigint, balance bigint)"
    )
    setting = StoreSetting(table="users")
    community = msgspec.structs.replace(
        resources.community, stores=StoreSettings(**{side: setting})
    )
    stores = await open_stores(resources.pool, {side: setting})
    return dataclasses.replace(resources, stores=stores, community=community)


@pytest.fixture
async def role(stored: Resources) -> AsyncIterator[Reconcile]:
    async with opened(stored) as role:
        yield role


def begun(stored: Resources, side: Side, **more: Any) -> HistoryImport:
    setting = stored.community.stores.by_platform()[side]
    return HistoryImport(stored.pool, side, stored.stores[side], setting=setting, **more)


async def imported(stored: Resources, side: Side, **more: Any) -> Totals:
    importing = begun(stored, side, **more)
    while await importing.step():
        pass
    return importing.totals


async def win(producer: Producer, side: Side, user_id: int, xp: int, entity_id: str) -> None:
    """A member wins; the bot records the event and changes its own row in one transaction."""
    async with producer.transaction() as conn:
        await producer.create_xp_change_event(
            user_id=user_id,
            delta_xp=xp,
            source=side,
            reason="game",
            entity_id=entity_id,
            conn=conn,
        )
        await conn.execute("UPDATE users SET xp = xp + $2 WHERE id = $1", user_id, xp)


async def table(pool: asyncpg.Pool) -> list[tuple[int, int, int]]:
    return [tuple(row) for row in await pool.fetch("SELECT * FROM users ORDER BY id")]


async def books(pool: asyncpg.Pool, side: Side, user_id: int) -> list[tuple[str, int, int, int]]:
    rows = await pool.fetch(
        """
        SELECT s.platform, s.xp, s.balance, s.rank FROM sync_state AS s
        JOIN accounts AS a USING (member_id)
        WHERE a.platform = $1 AND a.account_id = $2 ORDER BY 1
        """,
        side,
        user_id,
    )
    return [tuple(row) for row in rows]


@BOTH
async def test_both_platforms_have_what_the_table_held_and_ranks_follow(
    stored: Resources, role: Reconcile, pool: asyncpg.Pool, producer: Producer, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 500, 40), (555, 31, 0)", MIRA[side])
    await win(producer, side, MIRA[side], 15, "1")
    before = await table(pool)

    totals = await imported(stored, side)
    await let_everything_arrive(stored)

    assert await table(pool) == before
    assert await books(pool, side, MIRA[side]) == [
        ("discord", 515, 40, 4),
        ("telegram", 515, 40, 4),
    ]
    assert await books(pool, side, 555) == [("discord", 31, 0, 2), ("telegram", 31, 0, 2)]
    entries = await pool.fetch(
        "SELECT idempotency_key, reason, delta_xp FROM transactions"
        " WHERE platform = $1 AND reason <> 'game' ORDER BY 1",
        side,
    )
    assert [tuple(row) for row in entries] == [
        (f"import:{side}:{MIRA[side]}:balance", "import", 0),
        (f"import:{side}:{MIRA[side]}:xp", "import", 500),
        (f"import:{side}:555:xp", "import", 31),
    ]
    assert (totals.members, totals.new_members, totals.xp, totals.balance) == (2, 1, 531, 40)
    assert dict(totals.ranks) == {(1, 4): 1, (0, 2): 1}
    assert (await a_pass(role, pool)).findings == 0


@BOTH
async def test_reconcile_holds_it_until_then_and_closes_its_finding(
    stored: Resources, role: Reconcile, pool: asyncpg.Pool, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 500, 40)", MIRA[side])
    await a_pass(role, pool)
    assert {row[-1] for row in await decisions(pool)} == {"held"}

    await imported(stored, side)

    assert {row[-1] for row in await decisions(pool)} == {"repaired"}
    keys = await pool.fetch("SELECT idempotency_key FROM drift ORDER BY 1")
    assert [key for (key,) in keys] == [
        f"import:{side}:{MIRA[side]}:balance",
        f"import:{side}:{MIRA[side]}:xp",
    ]
    await pool.execute("UPDATE users SET xp = xp + 7")  # from now on that is drift
    for _ in range(2):
        await a_pass(role, pool)
    assert await table(pool) == [(MIRA[side], 507 if side == "telegram" else 500, 40)]


@BOTH
async def test_a_second_import_and_one_that_was_cut_off_double_nothing(
    stored: Resources, pool: asyncpg.Pool, side: Side
):
    await pool.execute("INSERT INTO users SELECT n, n, 1 FROM generate_series(1, 5) AS n")
    cut_off = begun(stored, side, page_rows=2)
    await cut_off.step()

    first = await imported(stored, side, page_rows=2)
    after_first = await everything(pool)
    second = await imported(stored, side)

    assert cut_off.totals.members + first.members == 5
    assert cut_off.totals.xp + first.xp == 15
    assert second.members == 0
    assert await everything(pool) == after_first
    sums = await pool.fetchrow("SELECT sum(delta_xp), sum(delta_balance) FROM transactions")
    assert tuple(sums) == (15, 5)


async def test_a_dry_run_tells_the_same_and_changes_nothing(
    stored: Resources, pool: asyncpg.Pool, producer: Producer, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 500, 40), (555, 31, -1)", MIRA[side])
    await win(producer, side, MIRA[side], 15, "1")
    before = await everything(pool)

    looked = await imported(stored, side, dry_run=True)

    assert await everything(pool) == before
    assert looked == await imported(stored, side)


async def test_a_promotion_by_import_comes_after_all_others_and_is_no_news(
    stored: Resources, pool: asyncpg.Pool, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 500, 0)", MIRA[side])

    await imported(stored, side)

    wish = await pool.fetchrow("SELECT platform, wanted, priority, announce FROM surfaces")
    assert tuple(wish) == (side, 4, 3, False)


@BOTH
async def test_members_who_play_during_the_import_lose_and_double_nothing(
    stored: Resources, role: Reconcile, pool: asyncpg.Pool, producer: Producer, side: Side
):
    players = range(1, 13)
    await pool.executemany("INSERT INTO users VALUES ($1, 500, 0)", [(n,) for n in players])

    async def play(user_id: int) -> None:
        for number in range(3):
            await win(producer, side, user_id, 10, str(number))

    await asyncio.gather(
        imported(stored, side, page_rows=5),
        imported(stored, side, page_rows=12),
        *map(play, players),
    )
    await imported(stored, side)  # a page may have had to leave a member alone
    await let_everything_arrive(stored)

    assert {xp for _, xp, _ in await table(pool)} == {530}
    rows = await pool.fetch(
        "SELECT platform, xp, count(*) FROM sync_state GROUP BY 1, 2 ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [("discord", 530, 12), ("telegram", 530, 12)]
    assert (await a_pass(role, pool)).findings == 0


async def test_a_win_that_is_not_committed_yet_is_waited_for(
    stored: Resources, pool: asyncpg.Pool, producer: Producer, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 500, 0)", MIRA[side])
    about: Any = {"source": side, "reason": "game", "entity_id": "1"}
    async with producer.transaction() as conn:
        await producer.create_xp_change_event(user_id=MIRA[side], delta_xp=15, conn=conn, **about)
        importing = asyncio.create_task(imported(stored, side))
        await waits_for_a_lock(pool)
        await conn.execute("UPDATE users SET xp = xp + 15 + 40")  # the bot gave 40 untold

    totals = await importing

    assert totals.xp == 540
    assert [row[1] for row in await books(pool, side, MIRA[side])] == [555]


async def waits_for_a_lock(pool: asyncpg.Pool) -> None:
    """Return once a transaction of this database waits for another one."""

    async def waits() -> bool:
        count: int = await pool.fetchval(
            "SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)"
            " WHERE NOT l.granted AND a.datname = current_database()"
        )
        return count > 0

    await until(waits, what="a transaction waits for another one")


async def test_accepting_what_is_imported_at_the_same_moment_counts_once(
    stored: Resources, role: Reconcile, pool: asyncpg.Pool, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 500, 0)", MIRA[side])
    await a_pass(role, pool)
    importing = begun(stored, side)
    async with pool.acquire() as conn, conn.transaction(isolation="read_committed"):
        await importing.import_page(conn, [MIRA[side]])
        accepting = asyncio.create_task(a_pass(role, pool, accepted=True))
        await waits_for_a_lock(pool)
    await accepting

    assert await pool.fetchval("SELECT sum(delta_xp) FROM transactions") == 500


async def test_rows_that_are_no_history_are_left_alone_with_the_reason(
    stored: Resources, role: Reconcile, pool: asyncpg.Pool, producer: Producer, side: Side
):
    await pool.execute("ALTER TABLE users ALTER xp TYPE numeric, ALTER balance TYPE numeric")
    await pool.execute(
        "INSERT INTO users VALUES (1, 0, 0), (2, 0, 0), (3, -5, 0), (4, 1.5, 7), (5, 2e12, 0)"
    )
    for user_id in (1, 2):
        await win(producer, side, user_id, 10, "1")
    await let_everything_arrive(stored)
    await pool.execute("UPDATE users SET xp = 3 WHERE id = 2")
    await a_pass(role, pool)  # row 1 agrees
    await pool.execute("UPDATE users SET xp = xp + 1 WHERE id = 1")

    totals = await imported(stored, side)

    assert dict(totals.examples) == {
        f"XP {history_rows.DRIFT}": [1],
        f"XP {history_rows.LESS}": [2],
        f"XP {history_rows.BELOW_ZERO}": [3],
        f"XP {history_rows.NO_WHOLE_NUMBER}": [4],
        f"XP {history_rows.TOO_MUCH}": [5],
    }
    assert (totals.members, totals.xp, totals.balance) == (1, 0, 7)


async def test_a_row_that_was_imported_and_came_back_is_not_imported_again(
    stored: Resources, role: Reconcile, pool: asyncpg.Pool, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 500, 0), (9, 0, 0)", MIRA[side])
    await imported(stored, side)
    await let_everything_arrive(stored)
    await pool.execute("DELETE FROM users WHERE id = $1", MIRA[side])
    for _ in range(2):
        await a_pass(role, pool)  # what the row held is owed
    await pool.execute("INSERT INTO users VALUES ($1, 500, 0)", MIRA[side])

    totals = await imported(stored, side)

    assert totals.examples == {IMPORTED_BEFORE: [MIRA[side]]}
    assert (
        await pool.fetchval("SELECT sum(delta_xp) FROM transactions WHERE platform = source") == 500
    )


async def test_a_member_whom_another_transaction_keeps_costs_that_member_only(
    stored: Resources, pool: asyncpg.Pool, producer: Producer, side: Side, monkeypatch
):
    monkeypatch.setattr("consumers.reconcile.history_import.LOCK_WAIT_MS", 20)
    await pool.execute("INSERT INTO users SELECT n, 5, 0 FROM generate_series(1, 6) AS n")
    about: Any = {"source": side, "reason": "game", "entity_id": "1"}
    async with producer.transaction() as conn:
        await producer.create_xp_change_event(user_id=4, delta_xp=1, conn=conn, **about)
        totals = await imported(stored, side)

    assert totals.members == 5
    assert totals.examples == {IN_USE: [4]}
    assert (await imported(stored, side)).members == 1


async def test_nothing_is_imported_under_the_stop_sign(
    stored: Resources, pool: asyncpg.Pool, side: Side
):
    await pool.execute("INSERT INTO users VALUES ($1, 500, 0)", MIRA[side])
    await pool.execute("INSERT INTO stop_signs VALUES ($1, 'moving')", stop_signs.OBEYED)

    with pytest.raises(stop_signs.Paused):
        await imported(stored, side)

    assert await pool.fetchval("SELECT count(*) FROM transactions") == 0


@pytest.mark.nightly
async def test_a_large_table_takes_no_more_memory_than_a_small_one(
    stored: Resources, pool: asyncpg.Pool, side: Side
):
    await pool.execute("INSERT INTO users SELECT n, 1, 0 FROM generate_series(1, 6000) AS n")
    importing = begun(stored, side)
    await importing.step()
    await pool.execute("ANALYZE")
    tracemalloc.start()
    await importing.step()
    _, small = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()

    while await importing.step():
        pass

    _, large = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert importing.totals.xp == 6_000
    assert large < 2 * small


async def test_it_lets_events_arrive_before_it_makes_too_many_more(
    stored: Resources, pool: asyncpg.Pool, side: Side, monkeypatch
):
    monkeypatch.setattr("consumers.reconcile.history_import.UNDER_WAY_MAX", 2)
    await pool.execute("INSERT INTO users VALUES (1, 20, 0), (2, 30, 0)")
    importing = begun(stored, side)
    assert await importing.has_room()

    await importing.step()

    assert not await importing.has_room()
    await let_everything_arrive(stored)
    assert await importing.has_room()


async def test_the_first_pass_logs_a_few_held_rows_and_once_that_there_are_more(
    role: Reconcile, pool: asyncpg.Pool, community
):
    count = 3 * community.reconcile.page_members
    await pool.execute(f"INSERT INTO users SELECT n, 5, 0 FROM generate_series(1, {count}) AS n")

    with structlog.testing.capture_logs() as logs:
        await a_pass(role, pool)

    held = [one["event"] for one in logs if "held" in one["event"]]
    assert held == ["finding.held"] * HELD_LOGGED_MAX + ["findings.held"]
    assert await pool.fetchval("SELECT count(*) FROM drift WHERE decision = 'held'") == count

    with structlog.testing.capture_logs() as again:
        await a_pass(role, pool)

    assert [one for one in again if "held" in one["event"]] == []
