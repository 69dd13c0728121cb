"""Reputation and days in a row of members: what their accounts have together, whoever has them."""

import asyncio
from typing import Any

import asyncpg
import pytest

from db import Platform
from db.links import links
from db.links.account_moves import move
from db.members import forgetting
from db.members.accounts import remember_name
from db.members.boards import Board
from db.members.forgetting import Account
from db.surfaces.presence import leave_out, list_again
from tests.support.boards import page_of, scores
from tests.support.recorded_events import until_someone_waits_for_a_lock

TG, DC = 1001, 2002


@pytest.fixture
async def conn(pool: asyncpg.Pool):
    async with pool.acquire() as conn:
        yield conn


async def score(
    conn: asyncpg.Connection,
    account_id: int,
    *,
    platform: Platform = "telegram",
    reputation: int = 0,
    streak: int = 0,
    days_ago: int = 0,
) -> None:
    """Write an account's scores, as the rooms of thanks and days do."""
    await remember_name(conn, platform, account_id, f"Member {account_id}")
    await conn.execute(
        """
        INSERT INTO account_scores
            (platform, account_id, reputation, streak, longest_streak, streak_day)
        SELECT $1, $2, $3, $4, $4, CASE WHEN $4 > 0 THEN p.today - $5::integer END
        FROM periods AS p
        ON CONFLICT ON CONSTRAINT account_score_once DO UPDATE SET
            reputation = excluded.reputation, streak = excluded.streak,
            longest_streak = greatest(account_scores.longest_streak, excluded.streak),
            streak_day = excluded.streak_day
        """,
        platform,
        account_id,
        reputation,
        streak,
        days_ago,
    )


async def link(conn: asyncpg.Connection) -> links.Link:
    return await links.link(conn, telegram_account_id=TG, discord_account_id=DC)


async def rows(conn: asyncpg.Connection) -> list[tuple[Any, ...]]:
    """Reputation and streak of each member who has any, by their accounts."""
    found = await conn.fetch(
        """
        SELECT array_agg(a.account_id ORDER BY a.account_id), s.reputation, s.streak
        FROM member_scores AS s JOIN accounts AS a USING (member_id)
        GROUP BY s.member_id ORDER BY 1
        """
    )
    return [tuple(row) for row in found]


async def test_a_member_has_the_reputation_and_the_longest_living_streak_of_both_accounts(conn):
    await score(conn, TG, reputation=5, streak=30, days_ago=1)
    await score(conn, DC, platform="discord", reputation=-2, streak=4)

    await link(conn)

    assert await rows(conn) == [([TG, DC], 3, 30)]
    await score(conn, TG, reputation=6, streak=31)
    assert await rows(conn) == [([TG, DC], 4, 31)]


async def test_a_longer_streak_that_ended_before_the_latest_day_is_not_the_members(conn):
    await score(conn, TG, streak=30, days_ago=2)
    await score(conn, DC, platform="discord", streak=4)

    await link(conn)

    assert await rows(conn) == [([TG, DC], 0, 4)]
    assert await scores(conn, "streak") == [4]


async def test_scores_follow_accounts_through_links_moves_and_their_ends(conn):
    await score(conn, TG, reputation=5, streak=3)
    await score(conn, DC, platform="discord", reputation=2)
    made = await link(conn)
    assert await rows(conn) == [([TG, DC], 7, 3)]

    await links.undo(conn, made.id)
    assert await rows(conn) == [([TG], 5, 3), ([DC], 2, 0)]
    await links.link(conn, telegram_account_id=TG, discord_account_id=DC)
    await links.unlink(conn, platform="telegram", account_id=TG)
    assert await rows(conn) == [([TG], 5, 3), ([DC], 2, 0)]


async def test_scores_that_a_move_carries_are_the_members(conn):
    await score(conn, TG, reputation=5)

    await move(conn, platform="telegram", from_account_id=TG, to_account_id=1009)

    assert await rows(conn) == [([TG], 0, 0), ([1009], 5, 0)]
    assert await scores(conn, "reputation") == [5]


async def test_a_streak_counts_on_its_last_day_and_the_day_after(conn):
    for number, days_ago in enumerate((0, 1, 2, 40)):
        await score(conn, 1 + number, streak=10 + number, days_ago=days_ago)

    assert await scores(conn, "streak") == [11, 10]
    page = await page_of(conn, "streak", account_id=3)
    assert page.own.place is None


@pytest.mark.parametrize("board", ["reputation", "streak"])
async def test_who_left_or_was_forgotten_is_on_no_board(conn, board: Board):
    await score(conn, TG, reputation=5, streak=5)
    await score(conn, 1002, reputation=3, streak=3)
    await leave_out(conn, "telegram", [TG], "gone")
    await score(conn, TG, reputation=6, streak=6)
    assert await scores(conn, board) == [3]
    await list_again(conn, "telegram", [TG])
    assert await scores(conn, board) == [6, 3]

    async with conn.transaction():
        await forgetting.forget(
            conn, Account("telegram", TG), secret="a secret of the deployment", stores={}
        )

    assert await scores(conn, board) == [3]
    assert await conn.fetchval("SELECT count(*) FROM member_scores") == 1


async def test_a_score_of_somebody_who_is_hidden_already_is_hidden(conn):
    await remember_name(conn, "telegram", TG, "Ann")
    await leave_out(conn, "telegram", [TG], "gone")

    await score(conn, TG, reputation=5)

    assert await scores(conn, "reputation") == []


async def test_two_thanks_at_the_same_moment_both_count(pool, conn):
    """Each transaction changes one account of the member, and sees the other one's change."""
    await score(conn, TG, reputation=1)
    await score(conn, DC, platform="discord", reputation=1)
    await link(conn)
    async with pool.acquire() as other:
        transaction = other.transaction()
        await transaction.start()
        await score(other, DC, platform="discord", reputation=10)
        waiting = asyncio.create_task(score(conn, TG, reputation=100))
        await until_someone_waits_for_a_lock(pool)
        await transaction.commit()
        await waiting

    assert await scores(conn, "reputation") == [110]


async def test_a_thank_you_during_a_link_is_the_linked_members(pool, conn):
    await score(conn, TG, reputation=1)
    await score(conn, DC, platform="discord", reputation=2)
    async with pool.acquire() as other:
        transaction = other.transaction()
        await transaction.start()
        await link(other)
        waiting = asyncio.create_task(score(conn, DC, platform="discord", reputation=20))
        await until_someone_waits_for_a_lock(pool)
        await transaction.commit()
        await waiting

    assert await rows(conn) == [([TG, DC], 21, 0)]


async def test_members_of_one_statement_are_locked_in_their_order(pool, conn):
    """Accounts of one platform stand in another order than those of the other one."""
    await score(conn, 1, reputation=1)
    await score(conn, 2, reputation=1)
    for telegram, discord in ((1, 12), (2, 11)):
        await score(conn, discord, platform="discord", reputation=1)
        await links.link(conn, telegram_account_id=telegram, discord_account_id=discord)

    async def thank(platform: Platform) -> None:
        for _ in range(20):
            await pool.execute(
                "UPDATE account_scores SET reputation = reputation + 1 WHERE platform = $1",
                platform,
            )

    await asyncio.gather(thank("telegram"), thank("discord"))

    assert await scores(conn, "reputation") == [42, 42]
