"""Earnings as a bot hands them in: batches, outages, a full memory, a table of the bot's own."""

import asyncio
import contextlib
import datetime
from datetime import UTC, timedelta

import asyncpg

from config.community import StoreSetting
from db import open_stores
from db.earning import Earned, Earning, Earnings, Rules

START = (datetime.datetime.now(UTC) - timedelta(days=1)).replace(hour=12, minute=0, second=0)
RULES = Rules(window_s=3_600, zone=UTC)


def message(at_s: float, account: int = 1001, *, xp: int = 10) -> Earning:
    return Earning(account, "messages", xp, START + timedelta(seconds=at_s), 60.0, 1_000)


@contextlib.asynccontextmanager
async def opened(pool: asyncpg.Pool, **more):
    earnings = Earnings(pool, "telegram", more.pop("rules", RULES), **more)
    try:
        yield earnings
    finally:
        await earnings.close()


class CountingPool:
    """A pool that counts its connections' statements, and breaks while it is shut."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.lent = 0
        self.is_shut = False

    @contextlib.asynccontextmanager
    async def acquire(self, **more):
        if self.is_shut:
            raise ConnectionRefusedError("nothing listens there")
        self.lent += 1
        async with self._pool.acquire(**more) as conn:
            yield conn


async def xp_of(pool: asyncpg.Pool) -> int:
    return await pool.fetchval("SELECT coalesce(sum(xp), 0)::bigint FROM earning_windows")


async def test_calls_that_come_at_the_same_time_share_a_round_trip(pool):
    counting = CountingPool(pool)
    async with opened(counting) as earnings:
        answers = [earnings.earn(message(0, account)) for account in range(1, 101)]
        results = await asyncio.gather(*answers)

    assert [one.xp for one in results] == [10] * 100
    assert counting.lent <= 2
    assert await xp_of(pool) == 1_000


async def test_what_comes_while_postgres_is_away_is_held_and_counts_by_its_own_time(pool):
    counting = CountingPool(pool)
    outcomes: list[str] = []
    async with opened(counting, on_outcome=outcomes.append) as earnings:
        counting.is_shut = True
        answers = [earnings.earn(message(at_s)) for at_s in (0, 30, 60)]
        async with asyncio.timeout(30):
            while not earnings._failures:  # noqa: ASYNC110 - nothing to await
                await asyncio.sleep(0.01)
            await earnings.settled(20)  # waits for nothing while Postgres is away
        assert earnings.waiting == 3
        assert not await earnings.close_windows_of(1001)
        counting.is_shut = False
        results = await asyncio.gather(*answers)

    assert [one.xp for one in results] == [10, 0, 10]
    assert outcomes == ["counted", "uncounted", "counted"]


async def test_beyond_its_memory_the_oldest_is_dropped_and_an_end_drops_the_rest(pool):
    counting = CountingPool(pool)
    counting.is_shut = True
    outcomes: list[str] = []
    earnings = Earnings(counting, "telegram", RULES, held_max=2, on_outcome=outcomes.append)
    answers = [earnings.earn(message(0, account)) for account in (1, 2, 3)]
    assert answers[0].cancelled()
    await earnings.close(0.01)

    assert all(answer.cancelled() for answer in answers)
    assert outcomes == ["dropped"] * 3


async def test_one_earning_that_postgres_refuses_costs_one(pool):
    async with opened(pool) as earnings:
        answers = [earnings.earn(message(0, account)) for account in (1, 2, 3, 4)]
        bad = earnings.earn(message(0, 5, xp=0))
        results = await asyncio.gather(*answers, bad, return_exceptions=True)

    assert [one.xp for one in results[:4] if isinstance(one, Earned)] == [10] * 4
    assert bad.cancelled()


async def test_people_whom_a_transaction_holds_delay_nobody_else(pool):
    async with opened(pool) as earnings:
        await asyncio.gather(earnings.earn(message(0, 1)), earnings.earn(message(0, 2)))
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute(
                "SELECT FROM members WHERE id = (SELECT member_id FROM accounts"
                " WHERE account_id = 1) FOR UPDATE"
            )
            held = earnings.earn(message(60, 1))
            assert (await earnings.earn(message(60, 2))).xp == 10
            assert not held.done()
        assert (await held).xp == 10


async def test_a_table_of_the_bots_own_is_in_step_with_closed_windows(pool):
    await pool.execute("CREATE TABLE users (id bigint PRIMARY KEY, xp bigint, coins bigint)")
    await pool.execute("INSERT INTO users VALUES (1001, 0, 0)")
    setting = StoreSetting(table="users", id="id", xp="xp", balance="coins")
    stores = await open_stores(pool, {"telegram": setting, "discord": None})
    rules = RULES._replace(stores=("telegram",))
    async with opened(pool, rules=rules, store=stores["telegram"]) as earnings:
        await earnings.earn(message(0))
        assert await pool.fetchval("SELECT xp FROM users") == 0
        assert await earnings.close_windows_of(1001)
        assert await pool.fetchval("SELECT xp FROM users") == 10
        await pool.execute("UPDATE twinstream.earning_windows SET closed_at = NULL")
        await asyncio.gather(earnings.earn(message(60)), earnings.earn(message(60, 1002)))
        await earnings.close_windows_of(1001)
        await earnings.close_windows_of(1002)  # has no row in the table

    assert await pool.fetchval("SELECT xp FROM users") == 20
    owed = await pool.fetch("SELECT xp FROM store_debts")
    assert [row["xp"] for row in owed] == [10]


async def test_a_bot_that_is_closed_records_what_it_holds(pool):
    earnings = Earnings(pool, "telegram", RULES)
    answer = earnings.earn(message(0))
    await earnings.close()

    assert answer.result().xp == 10
