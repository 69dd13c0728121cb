"""Announcements: each promotion once, many in one message, never what is no news."""

import asyncio

import asyncpg
import msgspec
import pytest
from structlog.testing import capture_logs

from bots.features.announcements import announcer as announcer_module
from bots.features.announcements.announcer import INTERVAL_S, Announcer
from bots.features.announcements.texts import NAMES_MAX
from bots.runtime.database import Database
from bots.runtime.delivery import PerhapsSent, PublicPlace, Unsent
from bots.telegram_bot.markup import TelegramMarkup
from bots.texts.buttons import Rows
from bots.texts.languages import Languages
from config import AchievementSetting, Community, Rank
from config.community import DiscordSetting, TelegramSetting
from config.community_file import AnnouncementSetting
from db.ledger.ranks import RankRow, set_ranks
from db.members.accounts import remember_name
from db.surfaces.announcements import waiting
from db.surfaces.display_visits import mark_shown, take
from db.surfaces.observed import put_back, show_again
from tests.support.log_lines import told, until_logged
from tests.support.recorded_events import achievement, record, xp

COMMUNITY = Community(
    telegram=TelegramSetting(chat_id=-100),
    discord=DiscordSetting(guild_id=1),
    ranks=(Rank(name="Newcomer", xp=10), Rank(name="Regular", xp=100)),
    achievements=(AchievementSetting(name="first_win", title="First <win>"),),
    announcements=AnnouncementSetting(telegram=True, discord_channel_id=17),
)


class Channel:
    """The places of messages. A test makes it refuse them."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.trouble: Exception | None = None

    async def announce(self, place: PublicPlace, text: str, *, reply_to: int | None = None) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.messages.append(text)

    async def tell(self, account_id: int, text: str, buttons: Rows = ()) -> None:
        raise AssertionError("nothing is private here")

    async def community_name(self) -> str:
        return "Birds"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def channel() -> Channel:
    return Channel()


@pytest.fixture(autouse=True)
async def ladder(pool: asyncpg.Pool) -> None:
    await set_ranks(pool, [RankRow(rank.name, rank.xp) for rank in COMMUNITY.ranks])


def announcer(
    pool: asyncpg.Pool,
    channel: Channel,
    language: str = "en",
    *,
    clock: Clock | None = None,
    community: Community = COMMUNITY,
) -> Announcer:
    texts = Languages.load().speak(language)
    database = Database(pool, "telegram")
    return Announcer(database, community, texts, TelegramMarkup(), channel, clock=clock or Clock())


async def show(pool: asyncpg.Pool, *envelopes) -> None:
    """Record what happened, and have it shown."""
    await record(pool, *envelopes)
    for visit in await take(pool, "telegram", limit=1_000, lease_s=60.0):
        await mark_shown(pool, visit)


async def name(pool: asyncpg.Pool, account_id: int, display_name: str) -> None:
    async with pool.acquire() as conn:
        await remember_name(conn, "telegram", account_id, display_name)


async def test_a_promotion_and_an_achievement_are_told_once_in_one_message(pool, channel):
    await show(pool, xp(15), achievement("first_win"))
    await name(pool, 1001, "A<b>da")

    assert await announcer(pool, channel).step() == 2
    assert await announcer(pool, channel).step() == 0

    [text] = channel.messages
    assert sorted(text.splitlines()) == [
        "🎉 A&lt;b&gt;da is <b>Newcomer</b> now",
        "🏆 A&lt;b&gt;da has unlocked <b>First &lt;win&gt;</b>",
    ]


async def test_news_of_one_moment_has_an_order_whatever_the_order_of_the_rows(pool):
    await show(pool, *(xp(15, user_id=1 + number) for number in range(5)))
    rows = await pool.fetch("SELECT member_id FROM surfaces WHERE announce ORDER BY 1 DESC")
    for row in rows:
        await pool.execute(
            "UPDATE surfaces SET shown_at = '2026-01-01Z' WHERE member_id = $1", *row
        )

    async with pool.acquire() as conn:
        found = await waiting(conn, "telegram", ["rank"], limit=10)

    assert [one.member_id for one in found] == [row["member_id"] for row in reversed(rows)]
    assert len(found) == 5


async def test_nothing_is_announced_before_it_is_shown(pool, channel):
    await record(pool, xp(15))

    assert await announcer(pool, channel).step() == 0


async def test_a_demotion_is_not_announced_and_neither_is_the_way_back(pool, channel):
    await show(pool, xp(150))
    await announcer(pool, channel).step()

    await show(pool, xp(-100, "2"))
    await show(pool, xp(100, "3"))

    assert await announcer(pool, channel).step() == 0
    assert len(channel.messages) == 1


async def test_a_new_ladder_is_not_announced_for_everybody(pool, channel):
    await show(pool, xp(15))
    await announcer(pool, channel).step()

    await set_ranks(pool, [RankRow("Newcomer", 5), RankRow("Regular", 15)])
    for visit in await take(pool, "telegram", limit=10, lease_s=60.0):
        await mark_shown(pool, visit)

    assert await announcer(pool, channel).step() == 0


async def test_a_role_that_is_put_back_is_not_announced(pool, channel):
    await show(pool, xp(15))
    await announcer(pool, channel).step()
    async with pool.acquire() as conn:
        await put_back(conn, "telegram", 1001)
    for visit in await take(pool, "telegram", limit=10, lease_s=60.0):
        await mark_shown(pool, visit)

    assert await announcer(pool, channel).step() == 0


async def test_a_rank_wanted_again_while_it_was_shown_is_announced(pool, channel):
    """A member who left and came back in the middle of it wears nothing, and is shown it again."""
    await record(pool, xp(15))
    [visit] = await take(pool, "telegram", limit=1, lease_s=60.0)
    async with pool.acquire() as conn:
        await show_again(conn, "telegram", 1001)
    await mark_shown(pool, visit)

    await show(pool)

    assert await announcer(pool, channel).step() == 1


async def test_many_at_once_are_counted_not_listed(pool, channel):
    await show(pool, *(xp(15, user_id=1 + number) for number in range(NAMES_MAX + 7)))

    assert await announcer(pool, channel).step() == NAMES_MAX + 7

    [text] = channel.messages
    assert len(text.splitlines()) == NAMES_MAX + 1
    assert text.endswith("... and 7 more")


async def test_a_refused_announcement_is_sent_later(pool, channel):
    await show(pool, xp(15))
    channel.trouble = Unsent("Too Many Requests: retry after 7", retry_s=7.0)
    clock = Clock()
    announcing = announcer(pool, channel, clock=clock)
    assert await announcing.step() == 0

    channel.trouble = None
    assert await announcing.step() == 0
    clock.seconds += 7.1
    assert await announcing.step() == 1


async def test_an_announcement_that_may_have_been_sent_is_not_sent_again(pool, channel):
    await show(pool, xp(15))
    channel.trouble = PerhapsSent("the connection broke")
    assert await announcer(pool, channel).step() == 0

    channel.trouble = None
    assert await announcer(pool, channel).step() == 0


async def test_an_announcement_that_could_not_be_sent_for_long_is_dropped(pool, channel):
    await show(pool, xp(15))
    await pool.execute("UPDATE surfaces SET shown_at = now() - interval '25 hours'")

    assert await announcer(pool, channel).step() == 0
    assert await pool.fetchval("SELECT count(*) FROM surfaces WHERE announce") == 0


async def test_a_message_that_is_refused_for_long_is_tried_a_few_times_and_told_once(pool, channel):
    await show(pool, xp(15))
    clock = Clock()
    announcing = announcer(pool, channel, clock=clock)
    channel.trouble = Unsent("Bad Request: TOPIC_CLOSED", cause="the topic is closed")
    tried_at = []

    with capture_logs() as logs:
        for _ in range(int(400 / INTERVAL_S)):
            before = len(logs)
            await announcing.step()
            tried_at += [clock.seconds - 1_000.0] * (len(logs) > before)
            clock.seconds += INTERVAL_S

    assert tried_at == [0.0, 60.0, 180.0, 300.0]
    assert [line["log_level"] for line in logs] == ["warning", "debug", "debug", "debug"]
    parked = await pool.fetch("SELECT platform, place, cause FROM parked_places")
    assert [tuple(row) for row in parked] == [("telegram", "group", "the topic is closed")]
    channel.trouble = None
    clock.seconds += 120.0
    assert await announcing.step() == 1
    assert await pool.fetchval("SELECT count(*) FROM parked_places") == 0


async def test_a_limit_is_waited_for_as_long_as_it_says(pool, channel):
    await show(pool, xp(15))
    clock = Clock()
    announcing = announcer(pool, channel, clock=clock)
    channel.trouble = Unsent("Too Many Requests: retry after 300", retry_s=300.0)
    await announcing.step()

    channel.trouble = None
    clock.seconds += 299.0
    assert await announcing.step() == 0
    clock.seconds += 2.0
    assert await announcing.step() == 1
    assert await pool.fetchval("SELECT count(*) FROM parked_places") == 0


async def test_it_speaks_the_language_of_the_community(pool, channel):
    await show(pool, xp(15))
    await name(pool, 1001, "Ада")

    await announcer(pool, channel, "ru").step()

    assert channel.messages == ["🎉 Ада теперь <b>Newcomer</b>"]


async def test_a_rank_that_is_not_configured_is_passed_over(pool, channel):
    await show(pool, xp(150))
    fewer = msgspec.structs.replace(COMMUNITY, ranks=COMMUNITY.ranks[:1])

    assert await announcer(pool, channel, community=fewer).step() == 0
    assert channel.messages == []


async def test_an_outage_and_its_end_are_told_once(pool, channel, monkeypatch):
    monkeypatch.setattr(announcer_module, "INTERVAL_S", 0.001)
    await pool.execute("ALTER TABLE surfaces RENAME TO elsewhere")
    with capture_logs() as logs:
        announcing = asyncio.create_task(announcer(pool, channel).run())
        await until_logged(logs, "announcements.delayed", times=5)
        await pool.execute("ALTER TABLE elsewhere RENAME TO surfaces")
        await until_logged(logs, "announcements.resumed")
        announcing.cancel()

    assert told(logs) == ["announcements.delayed", "announcements.resumed"]
