"""The contenders do the same work: all of them end with the same books."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from benchmarks.contenders import bare_loop, polled_table, twinstream_role, unchecked_rows
from benchmarks.testbed import MEMBERS, SOURCE, BenchTestbed, LocaleMissing, books, envelope
from db.ledger import events
from launch.servers import Server, start_redis

EVENTS = 700
XP = sum(number % 7 + 1 for number in range(EVENTS))
#: A locale that most machines have and that is not the server's own.
LOCALE = "C.UTF-8"


@pytest.fixture
def testbed(postgres: Server, tmp_path: Path) -> Iterator[BenchTestbed]:
    """A testbed with its own Redis, because each run empties it."""
    with start_redis(tmp_path, persistent=False) as redis:
        yield BenchTestbed(postgres, redis)


async def test_every_contender_ends_with_the_same_books(testbed: BenchTestbed):
    found = {}
    for way in (bare_loop, twinstream_role, polled_table):
        async with testbed.start(EVENTS, members=10) as start:
            took_s = await way.drain(start)
            found[way.__name__] = await books(start.database_url)
            assert took_s > 0

    [same] = set(found.values())
    assert same == (EVENTS, XP, EVENTS)


@pytest.mark.nightly
@pytest.mark.parametrize("size", [1, 20])
async def test_unchecked_rows_are_those_that_the_producer_writes(testbed: BenchTestbed, size: int):
    written = []
    for way in ("unchecked", "recorded"):
        async with (
            testbed.start(0, members=10) as start,
            asyncpg.create_pool(start.database_url, min_size=1, max_size=1) as pool,
        ):
            await unchecked_rows.create_functions(pool)
            before = await _everything(pool)
            # Ten members, who are met again in the second half.
            new = [envelope(number // 10 * MEMBERS + number % 10) for number in range(size)]
            if way == "unchecked":
                await unchecked_rows.record(pool, new)
            else:
                async with pool.acquire() as conn:
                    await events.record(conn, SOURCE, new)
            written.append(await _everything(pool))
            assert before != written[-1]

    assert written[0] == written[1]


async def _everything(pool: asyncpg.Pool) -> list[list[asyncpg.Record]]:
    """The rows that recording writes, without times and ids, which depend on the run."""
    return [
        sorted(await pool.fetch(statement))
        for statement in (
            (
                "SELECT idempotency_key, platform, account_id, delta_xp, reason, entity_id"
                " FROM twinstream.transactions ORDER BY id DESC LIMIT 50"
            ),
            "SELECT member_id, platform, xp, version FROM twinstream.sync_state ORDER BY 1, 2",
            "SELECT id, xp FROM twinstream.members ORDER BY id",
            (
                "SELECT idempotency_key, status, account_id, payload IS NULL"
                " FROM twinstream.sync_events ORDER BY id DESC LIMIT 50"
            ),
        )
    ]


@pytest.mark.nightly
async def test_jobs_of_procrastinate_end_with_the_same_books(testbed: BenchTestbed):
    pytest.importorskip("procrastinate", reason="`make bench` installs it")
    from benchmarks.contenders import procrastinate_jobs

    async with testbed.start(EVENTS, members=10) as start:
        await procrastinate_jobs.drain(start)

        assert await books(start.database_url) == (EVENTS, XP, EVENTS)


@pytest.mark.nightly
async def test_a_database_of_another_locale_ends_with_the_same_books(testbed: BenchTestbed):
    testbed.locale = LOCALE
    try:
        await asyncio.to_thread(testbed.make_locale)
    except LocaleMissing as error:
        pytest.skip(str(error))
    async with testbed.start(EVENTS, members=10, in_locale=True) as start:
        conn = await asyncpg.connect(start.database_url)
        collation = await conn.fetchval(
            "SELECT datcollate FROM pg_database WHERE datname = current_database()"
        )
        await conn.close()
        await twinstream_role.drain(start)

        assert collation == LOCALE
        assert await books(start.database_url) == (EVENTS, XP, EVENTS)


def test_a_locale_that_the_server_does_not_have_is_named(testbed: BenchTestbed):
    testbed.locale = "xx_XX.UTF-8"

    with pytest.raises(LocaleMissing, match=r"xx_XX\.UTF-8"):
        testbed.make_locale()
