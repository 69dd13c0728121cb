"""Bots on logins of their own: all that they do needs EXECUTE, SELECT on views, and their table."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime

import asyncpg
import pytest

import db
import schemas
from config.community import StoreSetting
from db import Platform, Producer, StorageUnavailable, open_pool, open_stores
from db.ledger.ranks import RankRow, set_ranks
from db.members import notices
from db.members.accounts import name_elsewhere, remember_name
from db.members.history import history
from db.members.profiles import holds_achievement, profile
from db.platforms import PLATFORMS
from db.surfaces import announcements
from db.surfaces.display_visits import mark_shown, take
from db.surfaces.observed import put_back, seen_again, show_again, shown_before
from launch.roles import address_of
from tests.support.announced import take_announcements
from tests.support.boards import page_of
from tests.support.logins import PASSWORD
from tests.support.recorded_events import until

MIRA = 1001


class Stream:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    async def publish(self, source: Platform, payloads: Sequence[bytes]) -> list[str]:
        self.payloads += payloads
        return ["1-0"] * len(payloads)


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> Platform:
    chosen: Platform = request.param
    return chosen


@pytest.fixture
async def bot(urls: Mapping[str, str], platform: Platform) -> AsyncIterator[asyncpg.Pool]:
    """A pool on the login of this platform's bot, opened as the bot opens it."""
    async with await open_pool(urls[f"{platform}_bot"], name="test") as pool:
        yield pool


async def has_status(pool: asyncpg.Pool, status: str) -> bool:
    found = await pool.fetch("SELECT DISTINCT status FROM sync_events")
    return found == [(status,)]


async def test_a_bot_records_publishes_and_marks(pool, bot, platform):
    stream = Stream()
    producer = Producer(bot, schemas, stream)
    cause = {"source": platform, "reason": "game_guess"}
    await producer.create_xp_change_event(user_id=MIRA, delta_xp=15, entity_id="1", **cause)
    async with producer.transaction() as conn:
        await producer.create_balance_change_event(
            user_id=MIRA, delta_balance=5, entity_id="1", conn=conn, **cause
        )
        await producer.create_achievement_event(
            user_id=MIRA, achievement="first_win", source=platform, conn=conn
        )

    assert len(stream.payloads) == 3
    await until(lambda: has_status(pool, "published"), what="the marks")
    await producer.close()


async def test_a_bot_keeps_its_own_table_in_step(pool, bot, platform, logins):
    """A row that is there is changed, what a missing row is owed is noted and paid later."""
    await pool.execute("CREATE TABLE public.users (id bigint PRIMARY KEY, xp bigint, gold bigint)")
    await pool.execute("INSERT INTO public.users VALUES ($1, 0, 0)", MIRA)
    await pool.execute("ALTER TABLE public.users ADD CHECK (xp < 1000)")
    await pool.execute(f"GRANT SELECT, UPDATE ON public.users TO {logins[f'{platform}_bot']}")
    setting = StoreSetting(table="public.users", id="id", xp="xp", balance="gold")
    stores = await open_stores(bot, {platform: setting})
    producer = Producer(bot, schemas, Stream(), stores=stores)

    async def earn(user_id: int, delta_xp: int, entity_id: str) -> None:
        await producer.create_xp_change_event(
            user_id=user_id, delta_xp=delta_xp, source=platform, reason="g", entity_id=entity_id
        )

    await earn(MIRA, 15, "1")
    await earn(2002, 7, "1")
    assert await pool.fetchval("SELECT xp FROM store_debts WHERE platform = $1", platform) == 7
    await pool.execute("INSERT INTO public.users VALUES (2002, 0, 0)")
    await earn(2002, 1, "2")
    with pytest.raises(db.RowRefused):  # judged by changing another row, which is looked for
        await earn(MIRA, 5_000, "2")
    await producer.close()

    assert await pool.fetch("SELECT id, xp FROM public.users ORDER BY id") == [
        (MIRA, 15),
        (2002, 8),
    ]
    assert await pool.fetchval("SELECT count(*) FROM store_debts") == 0


async def test_a_bot_answers_what_members_ask(bot, pool, platform):
    await set_ranks(pool, [RankRow("Newcomer", 10), RankRow("Regular", 100)])
    producer = Producer(bot, schemas, Stream())
    await producer.create_xp_change_event(
        user_id=MIRA, delta_xp=15, source=platform, reason="game_guess", entity_id="1"
    )
    await producer.create_achievement_event(user_id=MIRA, achievement="first_win", source=platform)
    await producer.close()
    async with bot.acquire() as conn:
        await remember_name(conn, platform, MIRA, "Mira")
        found = await profile(conn, platform, MIRA)
        told = await history(conn, platform, MIRA, limit=5)
        [first] = (await page_of(conn, platform=platform)).lines

        assert await holds_achievement(conn, platform, MIRA, "first_win")
        assert await name_elsewhere(conn, platform, MIRA) is None
    assert found is not None
    assert (found.xp, found.rank_name, found.next_rank_name) == (15, "Newcomer", "Regular")
    assert [one.name for one in found.achievements] == ["first_win"]
    assert told is not None
    assert (told.display_name, len(told.changes)) == ("Mira", 2)
    assert (first.display_name, first.key.score) == ("Mira", 15)


async def test_a_bot_announces_and_notes_what_it_sees(bot, pool, platform):
    await set_ranks(pool, [RankRow("Newcomer", 10)])
    producer = Producer(bot, schemas, Stream())
    await producer.create_xp_change_event(
        user_id=MIRA, delta_xp=15, source=platform, reason="game_guess", entity_id="1"
    )
    await producer.close()
    for visit in await take(pool, platform, limit=10, lease_s=60.0):  # the consumers' work
        await mark_shown(pool, visit)
    async with bot.acquire() as conn:
        taken = await take_announcements(conn, platform, limit=10)
        await announcements.give_back(conn, platform, taken)
        again = await take_announcements(conn, platform, limit=10)
        dropped = await announcements.drop_old(conn, platform, older_than_s=60.0)
        shown = await shown_before(conn, platform, MIRA, datetime.now(UTC))
        for forget in (put_back, show_again, seen_again):
            await forget(conn, platform, MIRA)

    assert (len(taken), again, dropped) == (1, taken, 0)
    assert shown.numbers == {"rank": 1}
    assert await pool.fetchval("SELECT shown FROM surfaces WHERE platform = $1", platform) is None


async def test_a_bot_sends_notices(bot, pool, platform):
    await pool.executemany(
        "INSERT INTO notices (platform, account_id, kind) VALUES ($1, $2, 'code_void')",
        [(platform, MIRA), (platform, 1002)],
    )
    async with bot.acquire() as conn:
        sent, unsent = await notices.take(conn, platform, limit=10, lease_s=60.0)
        await notices.end(conn, platform, sent)
        await notices.put_off(conn, platform, unsent, delay_s=0.0)
        dropped = await notices.drop_old(conn, platform, older_than_s=0.0)

    assert dropped == 1
    assert await pool.fetchval("SELECT count(*) FROM notices") == 0


async def test_a_bot_of_the_other_platform_is_refused_with_the_remedy(urls):
    async with await open_pool(urls["discord_bot"], name="test") as pool, pool.acquire() as conn:
        with pytest.raises(StorageUnavailable, match="may not act for telegram"):
            await remember_name(conn, "telegram", MIRA, "Mira")


async def test_a_login_without_a_role_is_told_to_get_one(urls):
    with pytest.raises(StorageUnavailable, match="grant this login a role"):
        await open_pool(urls["stranger"], name="test")


async def test_a_foreign_bot_that_was_granted_the_role_records_with_plain_sql(
    pool, database_url, logins, role_prefix
):
    login = f"{role_prefix}_their_bot"
    await pool.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{PASSWORD}'")
    conn = await asyncpg.connect(address_of(database_url, login, PASSWORD))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute("SELECT twinstream.record_xp('telegram', 1001, 15, 'game', '1')")

        await pool.execute(f"GRANT {role_prefix}_telegram_bot TO {login}")

        key, _, created = await conn.fetchrow(
            "SELECT * FROM twinstream.record_xp('telegram', 1001, 15, 'game', '1')"
        )
        assert (key, created) == ("tg_game_1001_1", True)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="may not act for discord"):
            await conn.execute("SELECT twinstream.record_xp('discord', 1001, 15, 'game', '1')")
    finally:
        await conn.close()
