"""A code that others could read is void, and its owner gets one notice."""

import asyncio
from functools import partial

import asyncpg
import pytest

from db import Platform
from db.links.codes import void_codes
from db.members import notices
from db.members.notices import Notice
from tests.support.linking import LinkOutcome, issue_code, redeem_code
from tests.support.recorded_events import persistently, until_someone_waits_for_a_lock

TG, DC, STRANGER = 1001, 2002, 3003


async def issued(pool: asyncpg.Pool, platform="discord", account_id: int = DC) -> str:
    async with pool.acquire() as conn:
        return await issue_code(conn, platform, account_id)


async def redeem(pool: asyncpg.Pool, code: str, account_id: int = TG) -> LinkOutcome:
    async with pool.acquire() as conn:
        return await redeem_code(conn, "telegram", account_id, code)


async def void(pool: asyncpg.Pool, *codes: str) -> list[Platform]:
    async with pool.acquire() as conn:
        return await void_codes(conn, "telegram", codes)


async def taken(pool: asyncpg.Pool, platform="discord", lease_s: float = 60.0) -> list[Notice]:
    async with pool.acquire() as conn:
        return await notices.take(conn, platform, limit=9, lease_s=lease_s)


async def test_a_void_code_links_no_accounts_and_its_owner_gets_a_notice(pool):
    code = await issued(pool)

    assert await void(pool, "NOTTHECODE", f" {code.lower()} ") == ["discord"]

    assert await redeem(pool, code, STRANGER) is LinkOutcome.ENDED
    [notice] = await taken(pool)
    assert (notice.account_id, notice.kind) == (DC, "code_void")
    assert await taken(pool, "telegram") == []


async def test_a_code_is_made_void_once(pool):
    code = await issued(pool)
    await void(pool, code)
    await taken(pool)

    assert await void(pool, code) == []
    assert await taken(pool) == []


async def test_codes_of_both_platforms_go_at_once(pool):
    codes = [await issued(pool), await issued(pool, "telegram", TG)]

    assert sorted(await void(pool, *codes)) == ["discord", "telegram"]

    assert [notice.account_id for notice in await taken(pool, "telegram")] == [TG]


async def test_a_string_that_is_no_live_code_makes_no_notice(pool):
    used = await issued(pool)
    assert await redeem(pool, used) is LinkOutcome.LINKED
    expired = await issued(pool, account_id=DC + 1)
    await pool.execute("UPDATE link_offers SET expires_at = now()")

    assert await void(pool, used, expired, "NEVERISSUE") == []

    count = "SELECT count(*) FROM notices WHERE kind = 'code_void'"
    assert await pool.fetchval(count) == 0


async def test_posted_guesses_lock_no_account_out(pool):
    code = await issued(pool)
    for _ in range(10):
        await void(pool, *[f"{letter}" * 10 for letter in "ABCDEFGHJK"])

    assert await pool.fetchval("SELECT count(*) FROM link_attempts") == 0
    assert await redeem(pool, code) is LinkOutcome.LINKED


@pytest.mark.parametrize("round_", range(5))
async def test_of_a_redemption_and_a_void_at_once_one_wins(pool, round_):
    codes = [await issued(pool, account_id=DC + number) for number in range(4)]

    outcomes = await asyncio.gather(
        *(
            persistently(partial(redeem, pool, code, TG + number))
            for number, code in enumerate(codes)
        ),
        *(persistently(partial(void, pool, code)) for code in codes),
    )

    linked = [outcome is LinkOutcome.LINKED for outcome in outcomes[:4]]
    voided = [bool(outcome) for outcome in outcomes[4:]]
    assert [one != other for one, other in zip(linked, voided, strict=True)] == [True] * 4
    told = {notice.account_id - DC for notice in await taken(pool)}
    assert told == {number for number, one in enumerate(voided) if one}


async def test_a_redemption_under_way_is_waited_for(pool):
    code = await issued(pool)
    async with pool.acquire() as conn, conn.transaction():
        assert await redeem_code(conn, "telegram", TG, code) is LinkOutcome.LINKED
        voiding = asyncio.create_task(void(pool, code))
        await until_someone_waits_for_a_lock(pool)
    assert await voiding == []
    assert await taken(pool) == []


async def test_a_notice_is_in_one_pair_of_hands_until_its_lease_ends(pool):
    await void(pool, await issued(pool))
    assert len(await taken(pool, lease_s=60)) == 1
    assert await taken(pool) == []
    await pool.execute("UPDATE notices SET taken_until = now() - interval '1 s'")

    [notice] = await taken(pool)

    assert notice.attempts == 2


async def test_a_notice_that_was_told_is_forgotten_and_a_later_one_is_not(pool):
    await void(pool, await issued(pool))
    [first] = await taken(pool)
    await void(pool, await issued(pool))
    async with pool.acquire() as conn:
        await notices.end(conn, "discord", first)

    [second] = await taken(pool)
    async with pool.acquire() as conn:
        await notices.put_off(conn, "discord", second, delay_s=60)
    assert await taken(pool) == []
    async with pool.acquire() as conn:
        await notices.end(conn, "discord", second)

    assert await pool.fetchval("SELECT count(*) FROM notices") == 0


async def test_a_notice_that_is_too_old_is_dropped(pool):
    await void(pool, await issued(pool))
    async with pool.acquire() as conn:
        assert await notices.drop_old(conn, "discord", older_than_s=60) == 0
        await conn.execute("UPDATE notices SET created_at = now() - interval '1 h'")
        assert await notices.drop_old(conn, "telegram", older_than_s=60) == 0
        assert await notices.drop_old(conn, "discord", older_than_s=60) == 1
