"""The history that a member gets: their last changes from the ledger, with the running totals."""

import asyncpg

from bus import SOURCES
from db import Platform
from db.ledger.events import fail
from db.members import accounts
from db.members.history import History, history
from tests.support.linking import LinkOutcome, issue_code, redeem_code
from tests.support.recorded_events import achievement, balance, key_of, record, settle, xp

MIRA, ANNA = 1001, 2003


async def look(
    pool: asyncpg.Pool, platform: Platform = "telegram", account_id: int = MIRA, limit: int = 10
) -> History | None:
    async with pool.acquire() as conn:
        return await history(conn, platform, account_id, limit=limit)


async def link(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as conn:
        await accounts.ensure(conn, "telegram", [MIRA])
        code = await issue_code(conn, "telegram", MIRA)
        assert await redeem_code(conn, "discord", ANNA, code) is LinkOutcome.LINKED


async def test_an_account_without_an_event_has_no_history(pool: asyncpg.Pool):
    assert await look(pool) is None
    async with pool.acquire() as conn:
        await accounts.remember_name(conn, "telegram", MIRA, "Mira")
    assert await look(pool) is None


async def test_each_change_says_what_it_added_up_to(pool: asyncpg.Pool):
    envelopes = [
        xp(15, "1"),
        balance(5, "2"),
        achievement("first_win"),
        xp(-4, "3", reason="penalty"),
    ]
    for envelope in envelopes:
        await record(pool, envelope)
        await settle(pool, envelope)

    found = await look(pool)

    assert found is not None
    assert [
        (one.reason, one.delta_xp, one.delta_balance, one.achievement, one.xp, one.balance)
        for one in found.changes
    ] == [
        ("penalty", -4, 0, None, 11, 5),
        ("achievement", 0, 0, "first_win", 15, 5),
        ("shop", 0, 5, None, 15, 5),
        ("game_guess", 15, 0, None, 15, 0),
    ]
    assert {one.state for one in found.changes} == {"arrived"}


async def test_only_the_last_ones_are_told_and_all_are_added_up(pool: asyncpg.Pool):
    for number in range(1, 11):
        await record(pool, xp(number, str(number)))

    found = await look(pool, limit=2)

    assert found is not None
    assert [(one.delta_xp, one.xp) for one in found.changes] == [(10, 55), (9, 45)]


async def test_an_event_on_its_way_is_marked_on_both_sides(pool: asyncpg.Pool):
    await link(pool)
    arrived, waiting = xp(1, "1"), xp(2, "2")
    await record(pool, arrived, waiting)
    await settle(pool, arrived)

    here = await look(pool)
    there = await look(pool, "discord", ANNA)

    assert here is not None
    assert there is not None
    assert [(one.delta_xp, one.xp, one.state) for one in here.changes] == [
        (2, 3, "on_its_way"),
        (1, 1, "arrived"),
    ]
    assert [(one.delta_xp, one.xp, one.state) for one in there.changes] == [
        (2, None, "on_its_way"),
        (1, 1, "arrived"),
    ]
    assert {one.source for one in there.changes} == {"telegram"}


async def test_a_buried_event_is_not_said_to_be_on_its_way(pool: asyncpg.Pool):
    await link(pool)
    envelope = xp(1, "1")
    await record(pool, envelope)
    async with pool.acquire() as conn:
        await fail(
            conn,
            idempotency_key=key_of(envelope),
            source="telegram",
            type="xp.changed",
            payload=envelope.payload,
            error_message="somebody said so",
        )

    for platform, account_id in zip(SOURCES, (MIRA, ANNA), strict=True):
        found = await look(pool, platform, account_id)
        assert found is not None
        assert [one.state for one in found.changes] == ["buried"]


async def test_an_event_that_was_cleaned_away_has_arrived_all_the_same(pool: asyncpg.Pool):
    envelope = xp(1, "1")
    await record(pool, envelope)
    await settle(pool, envelope)
    await pool.execute("DELETE FROM sync_events")

    found = await look(pool)

    assert found is not None
    assert [one.state for one in found.changes] == ["arrived"]


async def test_more_on_its_way_than_is_asked_for_leaves_no_room_for_the_rest(pool: asyncpg.Pool):
    await link(pool)
    await record(pool, *(xp(1, str(number)) for number in range(5)))

    found = await look(pool, "discord", ANNA, limit=3)

    assert found is not None
    assert len(found.changes) == 3
