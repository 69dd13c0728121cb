"""Invite links of members in Postgres: one that is valid for a member, until it ends."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from db.links import account_moves
from db.rewards import invite_links, invites
from tests.support.postgres_clock import PostgresClock
from tests.support.recorded_events import record, xp

INVITER, NEW, GUEST, CHAT = 1001, 1099, 5001, -100
LINK, OTHER_LINK = "https://t.me/+a", "https://t.me/+b"
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
SECRET = "a secret of the deployment"


@pytest.fixture(autouse=True)
async def clock(pool: asyncpg.Pool) -> PostgresClock:
    clock = PostgresClock(pool)
    await clock.begin()
    await clock.set(NOW)
    return clock


async def keep(
    pool: asyncpg.Pool, made: str | None = None, *, of: int = INVITER, chat: int = CHAT
) -> str | None:
    async with pool.acquire() as conn:
        return await invite_links.keep(conn, "telegram", chat, of, made)


async def note(pool: asyncpg.Pool, link: str, guest: int = GUEST) -> str | None:
    async with pool.acquire() as conn:
        return await invites.note(conn, "telegram", None, guest, link=link, forget_secret=SECRET)


async def leave(pool: asyncpg.Pool, account: int = INVITER) -> None:
    async with pool.acquire() as conn:
        await invites.end(conn, "telegram", account)


async def take(pool: asyncpg.Pool) -> list[invite_links.RevokedLink]:
    async with pool.acquire() as conn:
        return await invite_links.take_revoked(conn, "telegram", at_most=10)


async def to_revoke(pool: asyncpg.Pool) -> list[str]:
    return [one.link for one in await take(pool)]


async def test_a_member_who_asks_again_has_the_same_link(pool):
    assert await keep(pool) is None
    assert await keep(pool, LINK) == LINK
    assert await keep(pool) == LINK
    assert await keep(pool, chat=-200) is None
    assert await to_revoke(pool) == []


async def test_of_two_links_that_are_made_at_once_one_is_revoked(pool):
    both = await asyncio.gather(keep(pool, LINK), keep(pool, OTHER_LINK))

    assert both[0] == both[1]
    assert {both[0], *await to_revoke(pool)} == {LINK, OTHER_LINK}


async def test_an_account_that_comes_by_a_members_link_is_the_members_guest(pool):
    await keep(pool, LINK)

    assert await note(pool, LINK) == "waiting"
    assert await pool.fetchval("SELECT inviter_id FROM twinstream.invites") == INVITER


async def test_a_link_that_ended_or_that_is_no_members_counts_for_nobody(pool):
    await keep(pool, LINK)
    await leave(pool)

    assert await note(pool, LINK) is None
    assert await note(pool, OTHER_LINK) is None
    assert await pool.fetchval("SELECT count(*) FROM twinstream.invites") == 0
    assert await to_revoke(pool) == [LINK]


async def test_a_member_who_comes_back_has_a_new_link(pool):
    await keep(pool, LINK)
    await leave(pool)

    assert await keep(pool) is None
    assert await keep(pool, OTHER_LINK) == OTHER_LINK
    assert await to_revoke(pool) == [LINK]


async def test_the_row_of_a_link_goes_once_it_is_revoked(pool):
    await keep(pool, LINK)
    async with pool.acquire() as conn:
        await invite_links.drop(conn, "telegram", LINK)
        assert await keep(pool) == LINK  # a valid one stays
        await leave(pool)
        await invite_links.drop(conn, "telegram", LINK)

    assert await pool.fetchval("SELECT count(*) FROM twinstream.invite_links") == 0


async def test_a_link_that_cannot_be_revoked_is_tried_ten_times(pool, clock):
    await keep(pool, LINK)
    await leave(pool)
    taken = []
    for _ in range(10):
        taken += await take(pool)
        assert await take(pool) == []
        await clock.set(await pool.fetchval("SELECT revoke_at FROM twinstream.invite_links"))

    assert [one.is_last for one in taken] == [False] * 9 + [True]
    assert await take(pool) == []
    assert await pool.fetchval("SELECT count(*) FROM twinstream.invite_links") == 0


async def test_the_link_of_a_forgotten_member_is_revoked_and_names_nobody(pool):
    await record(pool, xp(5, "1", user_id=INVITER))
    await keep(pool, LINK)
    await pool.execute("SELECT twinstream.forget_person('telegram', $1, $2)", INVITER, SECRET)

    assert await note(pool, LINK) is None
    assert await pool.fetchval("SELECT account_id FROM twinstream.invite_links") < 0
    assert await to_revoke(pool) == [LINK]


@pytest.mark.parametrize("has_own", [False, True])
async def test_a_link_goes_with_a_member_who_moves(pool, clock, has_own):
    await record(pool, xp(5, "1", user_id=INVITER))
    await keep(pool, LINK)
    if has_own:
        await keep(pool, OTHER_LINK, of=NEW)
    async with pool.acquire() as conn:
        await account_moves.move(
            conn, platform="telegram", from_account_id=INVITER, to_account_id=NEW
        )
    await leave(pool)  # the old account

    assert await keep(pool, of=NEW) == (OTHER_LINK if has_own else LINK)
    assert await to_revoke(pool) == ([LINK] if has_own else [])
    assert await note(pool, LINK) == (None if has_own else "waiting")
    await clock.set(NOW + timedelta(days=1))
    assert await keep(pool) is None
