"""A change by hand in our books is found, explained and repaired by the second pass."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from consumers.operate.reconcile import TELEGRAM_IS_THE_TRUTH
from consumers.reconcile.role import Reconcile
from consumers.runtime.resources import Resources
from db import Producer
from db.upkeep.audit import audit
from tests.support.linking import issue_code, redeem_code
from tests.support.processes import run
from tests.support.reconcile import (
    a_pass,
    decisions,
    everything,
    let_everything_arrive,
    opened,
    whys,
)
from tests.support.tampering import tamper

MIRA, MIRA_IN_DISCORD = 1001, 2001


@pytest.fixture
async def role(resources: Resources) -> AsyncIterator[Reconcile]:
    async with opened(resources) as role:
        yield role


@pytest.fixture
async def mira(resources: Resources, producer: Producer) -> int:
    """A linked member with 100 XP, 20 balance and an achievement; all of it has arrived."""
    for number, delta in enumerate((60, 40)):
        await producer.create_xp_change_event(
            user_id=MIRA, delta_xp=delta, source="telegram", reason="game", entity_id=str(number)
        )
    await producer.create_balance_change_event(
        user_id=MIRA, delta_balance=20, source="telegram", reason="game", entity_id="1"
    )
    await producer.create_achievement_event(
        user_id=MIRA, achievement="lucky_guess", source="telegram"
    )
    async with resources.pool.acquire() as conn:
        code = await issue_code(conn, "discord", MIRA_IN_DISCORD)
        await redeem_code(conn, "telegram", MIRA, code)
        member_id: int = await conn.fetchval(
            "SELECT member_id FROM accounts WHERE account_id = $1", MIRA
        )
    await let_everything_arrive(resources)
    return member_id


async def books(pool: asyncpg.Pool, platform: str) -> tuple[int, int, int]:
    row = await pool.fetchrow(
        "SELECT xp, balance, rank FROM sync_state WHERE platform = $1", platform
    )
    return tuple(row)


async def both_sides_equal(pool: asyncpg.Pool) -> bool:
    return await books(pool, "telegram") == await books(pool, "discord")


async def test_a_pass_over_an_undisturbed_system_writes_nothing(
    role: Reconcile, pool: asyncpg.Pool, mira: int, producer: Producer
):
    # In flight: committed, and published to a stream that no consumer reads here.
    await producer.create_xp_change_event(
        user_id=MIRA, delta_xp=7, source="telegram", reason="game", entity_id="in_flight"
    )
    before = await everything(pool)

    for asked in ({}, {"everybody": False}, {"member_id": mira}):
        report = await a_pass(role, pool, **asked)
        assert (report.status, report.findings) == ("finished", 0)

    assert await everything(pool) == before


async def test_a_change_made_on_telegram_becomes_an_event_that_discord_follows(
    role: Reconcile, pool: asyncpg.Pool, resources: Resources, mira: int
):
    await pool.execute("UPDATE sync_state SET xp = xp + 50 WHERE platform = 'telegram'")

    first = await a_pass(role, pool)
    assert (first.findings, first.repairs) == (1, 0)
    assert await books(pool, "discord") == (100, 20, 3)
    second = await a_pass(role, pool)
    await let_everything_arrive(resources)

    assert second.repairs == 1
    assert await books(pool, "telegram") == await books(pool, "discord") == (150, 20, 3)
    assert await decisions(pool) == [
        ("telegram", "books", "xp", 50, "confirmed"),
        ("telegram", "books", "xp", 50, "repaired"),
    ]
    rows = await pool.fetch(
        "SELECT platform, source, delta_xp, reason FROM transactions WHERE reason = 'reconcile'"
    )
    assert sorted(map(tuple, rows)) == [
        ("discord", "telegram", 50, "reconcile"),
        ("telegram", "telegram", 50, "reconcile"),
    ]
    third = await a_pass(role, pool)
    assert third.findings == 0


async def test_a_change_made_on_discord_is_taken_back(
    role: Reconcile, pool: asyncpg.Pool, resources: Resources, mira: int
):
    await pool.execute("UPDATE sync_state SET balance = 999 WHERE platform = 'discord'")

    await a_pass(role, pool)
    report = await a_pass(role, pool)
    await let_everything_arrive(resources)

    assert report.repairs == 1
    assert await books(pool, "discord") == (100, 20, 3)
    assert await pool.fetchval("SELECT count(*) FROM transactions WHERE reason = 'reconcile'") == 0


async def test_the_rows_tell_an_administrator_what_happened(
    role: Reconcile, pool: asyncpg.Pool, mira: int
):
    await pool.execute("UPDATE sync_state SET xp = 30 WHERE platform = 'telegram'")

    await a_pass(role, pool)
    await a_pass(role, pool)

    first, second = await whys(pool)
    assert first == (
        f"Telegram's books: xp of member {mira} is 30 (-70), expected is 100."
        " Seen for the first time. Seen again by pass 2: repaired."
    )
    assert second.startswith(
        f"Telegram's books: xp of member {mira} is 30 (-70), expected is 100."
        " Telegram is the source of truth: it is an event now (tg_reconcile_1001_2."
    )


async def test_what_is_not_there_any_more_is_not_repaired(
    role: Reconcile, pool: asyncpg.Pool, mira: int
):
    await pool.execute("UPDATE sync_state SET xp = xp + 50 WHERE platform = 'discord'")
    await a_pass(role, pool)
    await pool.execute("UPDATE sync_state SET xp = xp - 50 WHERE platform = 'discord'")

    report = await a_pass(role, pool)

    assert (report.findings, report.repairs) == (0, 0)
    assert await decisions(pool) == [("discord", "books", "xp", 50, "gone")]


async def test_another_difference_than_before_is_watched_anew(
    role: Reconcile, pool: asyncpg.Pool, mira: int
):
    await pool.execute("UPDATE sync_state SET xp = xp + 50 WHERE platform = 'discord'")
    await a_pass(role, pool)
    await pool.execute("UPDATE sync_state SET xp = xp + 1 WHERE platform = 'discord'")

    report = await a_pass(role, pool)

    assert report.repairs == 0
    assert [row[-1] for row in await decisions(pool)] == ["gone", "watched"]


@pytest.mark.parametrize("in_flight", [0, 3])
async def test_events_on_their_way_change_nothing_about_a_difference(
    role: Reconcile,
    pool: asyncpg.Pool,
    resources: Resources,
    producer: Producer,
    mira: int,
    in_flight: int,
):
    await pool.execute("UPDATE sync_state SET xp = xp + 50 WHERE platform = 'telegram'")
    for number in range(in_flight):
        await producer.create_xp_change_event(
            user_id=MIRA_IN_DISCORD,
            delta_xp=10,
            source="discord",
            reason="game",
            entity_id=f"d{number}",
        )
    await a_pass(role, pool)
    await let_everything_arrive(resources)
    await a_pass(role, pool)
    await let_everything_arrive(resources)

    assert (await books(pool, "telegram"))[0] == 150 + in_flight * 10
    assert await both_sides_equal(pool)
    if in_flight:
        first, *_ = await pool.fetch("SELECT in_flight FROM drift ORDER BY id")
        assert first["in_flight"] == "3 more on the way here with +30 XP"


async def test_rank_and_what_is_to_be_shown_follow_from_xp(
    role: Reconcile, pool: asyncpg.Pool, mira: int
):
    await pool.execute("UPDATE sync_state SET rank = 1 WHERE platform = 'discord'")
    await pool.execute("UPDATE surfaces SET wanted = 4 WHERE platform = 'telegram'"
                       " AND surface = 'rank'")  # fmt: skip

    await a_pass(role, pool)
    report = await a_pass(role, pool)

    assert report.repairs == 2
    assert await books(pool, "discord") == (100, 20, 3)
    wanted = await pool.fetch("SELECT wanted FROM surfaces WHERE surface = 'rank'")
    assert [row["wanted"] for row in wanted] == [3, 3]


async def test_settled_totals_are_corrected_to_the_ledger(
    role: Reconcile, pool: asyncpg.Pool, mira: int
):
    await pool.execute("UPDATE members SET xp = xp + 5, balance = 0")

    await a_pass(role, pool)
    report = await a_pass(role, pool)

    assert report.repairs == 2
    assert tuple(await pool.fetchrow("SELECT xp, balance FROM members")) == (100, 20)


@pytest.mark.parametrize("platform", ["telegram", "discord"])
async def test_an_achievement_that_was_taken_away_is_put_back(
    role: Reconcile, pool: asyncpg.Pool, mira: int, platform: str
):
    await pool.execute("DELETE FROM achievements WHERE platform = $1", platform)

    await a_pass(role, pool)
    report = await a_pass(role, pool)

    assert report.repairs == 1
    assert await pool.fetchval("SELECT count(*) FROM achievements") == 2


async def test_an_achievement_given_by_hand_counts_on_telegram_and_not_on_discord(
    role: Reconcile, pool: asyncpg.Pool, resources: Resources, mira: int
):
    for platform, name in (("telegram", "first_win"), ("discord", "old_hand")):
        await pool.execute(
            "INSERT INTO achievements VALUES ($1, $2, $3, now())", mira, platform, name
        )

    await a_pass(role, pool)
    await a_pass(role, pool)
    await let_everything_arrive(resources)

    rows = await pool.fetch("SELECT platform, achievement FROM achievements ORDER BY 1, 2")
    assert list(map(tuple, rows)) == [
        ("discord", "first_win"),
        ("discord", "lucky_guess"),
        ("telegram", "first_win"),
        ("telegram", "lucky_guess"),
    ]


async def test_books_that_were_deleted_are_not_taken_for_zero(
    role: Reconcile, pool: asyncpg.Pool, mira: int
):
    await pool.execute("DELETE FROM sync_state")

    await a_pass(role, pool)
    report = await a_pass(role, pool)

    assert report.repairs == 2
    assert await books(pool, "telegram") == await books(pool, "discord") == (100, 20, 3)
    assert await pool.fetchval("SELECT count(*) FROM transactions WHERE reason = 'reconcile'") == 0


async def test_the_part_of_the_discord_account_is_corrected_to_the_ledger(
    role: Reconcile, pool: asyncpg.Pool, resources: Resources, producer: Producer, mira: int
):
    """Else no unlink could separate the two accounts: it would find that the books differ."""
    await producer.create_xp_change_event(
        user_id=MIRA_IN_DISCORD, delta_xp=7, source="discord", reason="game", entity_id="1"
    )
    await let_everything_arrive(resources)
    await pool.execute("DELETE FROM sync_state WHERE platform = 'telegram'")
    await pool.execute("UPDATE sync_state SET discord_xp = 9, discord_balance = -1")

    await a_pass(role, pool)
    report = await a_pass(role, pool)

    assert report.repairs == 3
    assert await pool.fetch("SELECT xp, discord_xp, discord_balance FROM sync_state") == [
        (107, 7, 0),
        (107, 7, 0),
    ]
    async with pool.acquire() as conn:
        assert (await audit(conn, {})).differences == 0


@pytest.mark.parametrize("event_is_there", [True, False])
async def test_an_event_that_is_said_to_have_arrived_and_has_not_is_sent_again(
    role: Reconcile, pool: asyncpg.Pool, resources: Resources, mira: int, event_is_there: bool
):
    key = "tg_game_1001_0"
    await tamper(
        pool, "DELETE FROM transactions WHERE idempotency_key = $1 AND platform = 'discord'", key
    )
    await pool.execute("UPDATE sync_state SET xp = xp - 60, rank = rank_of(xp - 60)"
                       " WHERE platform = 'discord'")  # fmt: skip
    if not event_is_there:
        await pool.execute("DELETE FROM sync_events WHERE idempotency_key = $1", key)

    await a_pass(role, pool)
    report = await a_pass(role, pool)
    assert report.repairs >= 1
    await let_everything_arrive(resources)

    assert await books(pool, "discord") == (100, 20, 3)


async def test_a_change_that_cannot_be_an_event_is_left_and_says_why(
    role: Reconcile, pool: asyncpg.Pool, mira: int
):
    await pool.execute("UPDATE sync_state SET xp = -500 WHERE platform = 'telegram'")

    await a_pass(role, pool)
    report = await a_pass(role, pool)

    assert report.repairs == 0
    assert await books(pool, "telegram") == (-500, 20, 3)
    assert (await decisions(pool))[-1][-1] == "left"
    assert "the member has less XP than this would take away" in (await whys(pool))[-1]


async def test_a_dry_run_says_everything_and_changes_nothing(
    role: Reconcile, pool: asyncpg.Pool, mira: int
):
    await pool.execute("UPDATE sync_state SET xp = xp + 50 WHERE platform = 'discord'")
    await a_pass(role, pool)
    before = await everything(pool, "drift")

    report = await a_pass(role, pool, dry_run=True)

    assert (report.findings, report.repairs) == (1, 0)
    assert await everything(pool, "drift") == before
    assert [row[-1] for row in await decisions(pool)] == ["watched", "left"]
    assert (await a_pass(role, pool)).repairs == 1


@pytest.mark.parametrize("words", [("--dry-run",), ()], ids=["dry run", "first pass"])
async def test_the_screen_says_that_an_amount_of_telegrams_becomes_an_event(
    operator_environ: dict[str, str], resources, pool, producer: Producer, words
):
    await producer.create_xp_change_event(
        user_id=1001, delta_xp=105, source="telegram", reason="game", entity_id="1"
    )
    await let_everything_arrive(resources)

    async def said() -> str:
        done = await asyncio.to_thread(
            run, "consumers", "reconcile", "--now", *words, environ=operator_environ
        )
        return done.stdout

    await pool.execute("UPDATE sync_state SET xp = 1000 WHERE platform = 'discord'")
    assert "source of truth" not in await said()
    await pool.execute("UPDATE sync_state SET xp = 105 WHERE platform = 'discord'")
    await pool.execute("UPDATE sync_state SET xp = 1000 WHERE platform = 'telegram'")

    assert TELEGRAM_IS_THE_TRUTH in " ".join((await said()).split())
