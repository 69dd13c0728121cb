"""Announcements at the places of the settings, on both platforms, and at places that refuse."""

import asyncio
import contextlib
import warnings
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import pytest
from aiogram import Bot
from structlog.testing import capture_logs

from bots.features.announcements import announcer as announcer_module
from bots.features.announcements.announcer import Announcer
from bots.features.announcements.member_whereabouts import HEARD_S_MAX, Spot, Spots
from bots.runtime.database import Database
from bots.runtime.delivery import Delivery, PublicPlace
from bots.telegram_bot.delivery import TelegramDelivery
from bots.telegram_bot.markup import TelegramMarkup
from bots.texts.languages import Languages
from config import AchievementSetting, Community, Rank, Settings, telegram_session
from config.community import DiscordSetting, TelegramSetting
from config.community_file import AnnouncementSetting
from db import StorageUnavailable
from db.ledger.ranks import RankRow, set_ranks
from db.members.accounts import remember_name
from db.surfaces.display_visits import mark_shown, take
from db.upkeep import overview
from sandbox import Fault
from tests.support import discord_display, telegram_display
from tests.support.discord_sandbox import GENERAL, TOKEN, discord, pointed_at
from tests.support.recorded_events import achievement, record, xp

with warnings.catch_warnings():
    # discord.py 2.7.1 imports audioop, which Python 3.11 and 3.12 deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from bots.discord_bot.delivery import DiscordDelivery
    from bots.discord_bot.markup import DiscordMarkup

GROUP, ALICE, BORIS = -1001000000001, telegram_display.ALICE, telegram_display.BORIS
DISCORD_ALICE = discord_display.ALICE
SEND, POST = "sendMessage", "POST /channels/{channel_id}/messages"
RANKS = (Rank(name="Newcomer", xp=10), Rank(name="Regular", xp=100))


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(autouse=True)
async def ladder(pool: asyncpg.Pool) -> None:
    await set_ranks(pool, [RankRow(rank.name, rank.xp) for rank in RANKS])


def community(**announcements: Any) -> Community:
    return Community(
        telegram=TelegramSetting(chat_id=GROUP),
        discord=DiscordSetting(guild_id=discord_display.GUILD),
        ranks=RANKS,
        achievements=(AchievementSetting(name="first_win", title="First win"),),
        announcements=msgspec.convert(announcements, AnnouncementSetting),
    )


@pytest.fixture
async def group() -> AsyncIterator[telegram_display.Group]:
    async with telegram_display.Group() as group:
        yield group


@pytest.fixture
async def server() -> AsyncIterator[discord_display.Server]:
    async with discord_display.Server() as server:
        yield server


@contextlib.asynccontextmanager
async def on_telegram(
    group: telegram_display.Group, setting: Community
) -> AsyncIterator[TelegramDelivery]:
    settings = group.known_to(Settings())
    async with Bot(settings.telegram_token or "", session=telegram_session(settings)) as bot:
        yield TelegramDelivery(bot, setting)


@contextlib.asynccontextmanager
async def on_discord(
    server: discord_display.Server, setting: Community
) -> AsyncIterator[DiscordDelivery]:
    client = discord.Client(intents=discord.Intents.none(), max_ratelimit_timeout=30.0)
    with pointed_at(server.platform):
        async with client:
            await client.login(TOKEN)
            yield DiscordDelivery(client, setting)


def announcer(
    pool: asyncpg.Pool, setting: Community, delivery: Delivery, clock: Clock, **more: Any
) -> Announcer:
    platform: Any = "discord" if isinstance(delivery, DiscordDelivery) else "telegram"
    mark = DiscordMarkup() if platform == "discord" else TelegramMarkup()
    texts = Languages.load().speak("en")
    database = Database(pool, platform)
    return Announcer(database, setting, texts, mark, delivery, clock=clock, **more)


async def show(pool: asyncpg.Pool, platform: Any, *envelopes: Any) -> None:
    """Record what happened, and have it shown."""
    await record(pool, *envelopes)
    async with pool.acquire() as conn:
        for account_id, name in ((ALICE, "Alice"), (BORIS, "Boris"), (DISCORD_ALICE, "Alice")):
            on: Any = "discord" if account_id == DISCORD_ALICE else "telegram"
            await remember_name(conn, on, account_id, name)
    for visit in await take(pool, platform, limit=100, lease_s=60.0):
        await mark_shown(pool, visit)


def sent(group: telegram_display.Group) -> list[tuple[int, int | None, str]]:
    """The chat, the topic and the text of each message that Telegram took."""
    return [
        (
            int(call.request["chat_id"]),
            call.response["result"].get("message_thread_id"),
            call.request["text"],
        )
        for call in group.calls(SEND)
        if call.status == 200
    ]


async def parked(pool: asyncpg.Pool) -> list[tuple[str, str, str]]:
    async with pool.acquire() as conn:
        places = await overview.parked_places(conn)
    return [(one.platform, one.place, one.cause) for one in places]


async def test_each_kind_goes_to_its_place(pool, group):
    group.platform.people.set_forum()
    wins = group.platform.people.open_topic("Wins")
    setting = community(telegram=True, achievement={"telegram": wins})
    await show(pool, "telegram", xp(15), achievement("first_win"))
    clock = Clock()
    async with on_telegram(group, setting) as delivery:
        announcing = announcer(pool, setting, delivery, clock)
        told = [await announcing.step() for _ in range(3)]

    assert told == [1, 1, 0]  # a topic at a time: they share a limit
    assert sorted((topic, text) for _, topic, text in sent(group) if topic == wins) == [
        (wins, "🏆 Alice has unlocked <b>First win</b>")
    ]
    assert len(sent(group)) == 2


async def test_the_general_topic_has_a_number_and_takes_messages_without_it(pool, group):
    group.platform.people.set_forum()
    setting = community(telegram=True, telegram_topic_id=1)
    await show(pool, "telegram", xp(15))
    async with on_telegram(group, setting) as delivery:
        assert await announcer(pool, setting, delivery, Clock()).step() == 1


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [("closed", "the topic is closed"), ("deleted", "the topic does not exist (any more)")],
)
async def test_a_topic_that_refuses_is_parked_keeps_nobody_waiting_and_goes_on_once_mended(
    pool, group, trouble, cause
):
    group.platform.people.set_forum()
    wins = group.platform.people.open_topic("Wins")
    topics = group.platform._world.the_group.topics
    group.platform.people.set_bot("member")
    lost = topics[wins]
    if trouble == "closed":
        lost.is_closed = True
    else:
        del topics[wins]
    setting = community(telegram=True, achievement={"telegram": wins})
    await show(pool, "telegram", achievement("first_win"), xp(15))
    clock = Clock()
    async with on_telegram(group, setting) as delivery:
        announcing = announcer(pool, setting, delivery, clock)
        told = [await announcing.step() for _ in range(3)]
        assert sum(told) == 1
        assert await parked(pool) == [("telegram", f"topic {wins}", cause)]

        lost.is_closed = False
        topics[wins] = lost
        clock.seconds += 61.0
        assert await announcing.step() == 1

    assert await parked(pool) == []
    assert sent(group)[-1][1] == wins


async def test_many_that_wait_for_a_parked_place_hide_no_other_news(pool, group, monkeypatch):
    monkeypatch.setattr(announcer_module, "TAKEN_MAX", 3)
    group.platform.people.set_forum()
    wins = group.platform.people.open_topic("Wins")
    del group.platform._world.the_group.topics[wins]
    setting = community(telegram=True, achievement={"telegram": wins})
    await show(
        pool,
        "telegram",
        *(achievement("first_win", user_id=one) for one in range(1, 9)),
        xp(15, user_id=77),
    )
    clock = Clock()
    async with on_telegram(group, setting) as delivery:
        announcing = announcer(pool, setting, delivery, clock)
        assert sum([await announcing.step() for _ in range(2)]) == 1
        clock.seconds += 30.0
        await show(pool, "telegram", xp(15, user_id=78))
        assert await announcing.step() == 1


async def test_the_bot_of_a_new_process_forgets_places_that_the_settings_name_no_more(pool, group):
    await pool.execute(
        "INSERT INTO parked_places VALUES ('telegram', 'topic 4', 'the topic is closed', 'x'),"
        " ('discord', 'channel 4', 'the thread is locked', 'x')"
    )
    setting = community(telegram=True)
    async with on_telegram(group, setting) as delivery:
        await announcer(pool, setting, delivery, Clock()).step()

    assert await parked(pool) == [("discord", "channel 4", "the thread is locked")]


async def test_a_private_message_that_telegram_refuses_goes_to_the_place_for_all(pool, group):
    group.platform.say(ALICE, ALICE, "/start")
    setting = community(telegram=True, rank={"telegram": "private"})
    await show(pool, "telegram", xp(15), xp(15, user_id=BORIS))
    async with on_telegram(group, setting) as delivery:
        announcing = announcer(pool, setting, delivery, Clock())
        told = [await announcing.step() for _ in range(3)]

    assert told == [1, 1, 0]
    assert {(chat, text) for chat, _, text in sent(group)} == {
        (ALICE, "🎉 Alice is <b>Newcomer</b> now"),
        (GROUP, "🎉 Boris is <b>Newcomer</b> now"),
    }


async def test_a_private_message_without_another_place_is_dropped(pool, group):
    setting = community(telegram=True, rank={"telegram": "private", "otherwise": "off"})
    await show(pool, "telegram", xp(15))
    async with on_telegram(group, setting) as delivery:
        announcing = announcer(pool, setting, delivery, Clock())
        assert [await announcing.step() for _ in range(2)] == [0, 0]

    assert await pool.fetchval("SELECT count(*) FROM surfaces WHERE announce") == 0


async def test_news_follow_a_member_on_the_spot_for_two_minutes(pool, group):
    setting = community(telegram=True, rank={"telegram": "here"})
    message_id = group.platform.say(GROUP, ALICE, "hello")
    clock = Clock()
    spots = Spots(clock=clock)
    spots.hear(ALICE, Spot(PublicPlace(), message_id))
    await show(pool, "telegram", xp(15), xp(15, user_id=BORIS))
    async with on_telegram(group, setting) as delivery:
        announcing = announcer(pool, setting, delivery, clock, spots=spots)
        told = [await announcing.step() for _ in range(2)]
        clock.seconds += HEARD_S_MAX + 1
        await show(pool, "telegram", xp(100, "2"))
        assert await announcing.step() == 1

    replies = [
        call.response["result"].get("reply_to_message", {}).get("message_id")
        for call in group.calls(SEND)
    ]
    assert told == [1, 1]
    assert sorted(replies, key=str) == sorted([message_id, None, None], key=str)


async def test_off_is_off_and_what_is_switched_on_later_is_no_old_news(pool, group):
    off = community(telegram=True, rank={"telegram": "off"})
    await show(pool, "telegram", xp(15))
    async with on_telegram(group, off) as delivery:
        assert await announcer(pool, off, delivery, Clock()).step() == 0
        on = community(telegram=True)
        assert await announcer(pool, on, delivery, Clock()).step() == 0

    assert sent(group) == []


@pytest.mark.parametrize("lost", ["the rank", "nothing"])
async def test_news_wait_for_the_end_of_the_quiet_hours_and_what_is_undone_is_none(
    pool, group, lost
):
    setting = community(telegram=True, quiet_hours="23:00-08:00")
    night = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)
    now = [night]
    await show(pool, "telegram", xp(15), xp(15, user_id=BORIS), achievement("first_win"))
    async with on_telegram(group, setting) as delivery:
        announcing = announcer(pool, setting, delivery, Clock(), now=lambda: now[0])
        assert await announcing.step() == 0
        if lost == "the rank":
            await record(pool, xp(-10, "2"))
        now[0] = night.replace(hour=8)
        assert await announcing.step() == (2 if lost == "the rank" else 3)

    [(_, _, text)] = sent(group)
    assert ("🎉 Alice" in text) == (lost == "nothing")
    assert "🎉 Boris is <b>Newcomer</b> now" in text


class Slow:
    """Another way to the platform, which lets a test act while a message is on its way."""

    def __init__(self, delivery: TelegramDelivery) -> None:
        self._delivery = delivery
        self.began, self.goes_on = asyncio.Event(), asyncio.Event()
        self.tell, self.community_name = delivery.tell, delivery.community_name
        self.bot_name = delivery.bot_name

    async def announce(self, place: PublicPlace, text: str, *, reply_to: int | None = None) -> None:
        self.began.set()
        await self.goes_on.wait()
        await self._delivery.announce(place, text, reply_to=reply_to)


async def test_a_stopping_bot_sends_what_it_has_claimed(pool, group):
    setting = community(telegram=True)
    await show(pool, "telegram", xp(15))
    async with on_telegram(group, setting) as delivery:
        slow = Slow(delivery)
        running = asyncio.create_task(announcer(pool, setting, slow, Clock()).run())
        await slow.began.wait()
        running.cancel()
        await asyncio.sleep(0)
        slow.goes_on.set()
        await asyncio.wait({running})

    assert len(sent(group)) == 1


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        ("deleted", "the channel or thread does not exist (any more)"),
        ("hidden", "the bot does not see the channel"),
    ],
)
async def test_a_channel_that_refuses_is_parked_with_its_cause(pool, server, trouble, cause):
    owner = server.platform.administration
    place = owner.create_channel("news")
    if trouble == "deleted":
        owner.delete_channel(place)
    else:
        owner.set_overwrite(place, discord_display.BOT_ROLE, deny=("VIEW_CHANNEL",))
    setting = community(discord_channel_id=GENERAL, achievement={"discord": place})
    await show(
        pool,
        "discord",
        xp(15, user_id=DISCORD_ALICE, source="discord"),
        achievement("first_win", user_id=DISCORD_ALICE, source="discord"),
    )
    async with on_discord(server, setting) as delivery:
        with capture_logs() as logs:
            assert await announcer(pool, setting, delivery, Clock()).step() == 1

    assert await parked(pool) == [("discord", f"channel {place}", cause)]
    [warning] = [line for line in logs if line["event"] == "announcement.unsent"]
    assert warning["place"] == f"channel {place}"


async def test_a_member_of_discord_who_takes_no_messages_is_announced_in_the_channel(pool, server):
    server.faults.add(Fault("discord", "POST /users/@me/channels", 403, code=50007))
    setting = community(discord_channel_id=GENERAL, rank={"discord": "private"})
    await show(pool, "discord", xp(15, user_id=DISCORD_ALICE, source="discord"))
    async with on_discord(server, setting) as delivery:
        announcing = announcer(pool, setting, delivery, Clock())
        told = [await announcing.step() for _ in range(2)]

    assert told == [0, 1]
    [call] = [one for one in server.calls(POST) if one.status == 200]
    assert call.request["body"]["content"] == "🎉 Alice is **Newcomer** now"
    assert call.request["body"]["allowed_mentions"] == {"parse": []}


async def test_a_thread_takes_announcements_as_a_channel_does(pool, server):
    thread = server.platform.people.start_thread(GENERAL, DISCORD_ALICE, "news")
    setting = community(rank={"discord": thread})
    await show(pool, "discord", xp(15, user_id=DISCORD_ALICE, source="discord"))
    async with on_discord(server, setting) as delivery:
        assert await announcer(pool, setting, delivery, Clock()).step() == 1


@pytest.mark.parametrize(
    ("code", "cause"), [(50083, "the thread is archived"), (160005, "the thread is locked")]
)
async def test_an_archived_thread_is_parked_until_it_is_open_again(pool, server, code, cause):
    thread = server.platform.people.start_thread(GENERAL, DISCORD_ALICE, "news")
    server.faults.add(Fault("discord", POST, 400, code=code))
    setting = community(rank={"discord": thread})
    await show(pool, "discord", xp(15, user_id=DISCORD_ALICE, source="discord"))
    clock = Clock()
    async with on_discord(server, setting) as delivery:
        announcing = announcer(pool, setting, delivery, clock)
        assert await announcing.step() == 0
        assert await parked(pool) == [("discord", f"channel {thread}", cause)]
        clock.seconds += 61.0
        assert await announcing.step() == 1

    assert await parked(pool) == []


class AwayAfter(Database):
    """Postgres, which cannot be reached from the moment on at which Telegram has refused."""

    group: telegram_display.Group
    is_mended = False

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        if self.group.calls(SEND) and not self.is_mended:
            raise StorageUnavailable("away")
        async with super().connection() as conn:
            yield conn


async def test_news_that_was_refused_while_postgres_was_away_is_not_lost(pool, group):
    group.platform.people.set_forum()
    group.platform.people.set_bot("member")
    wins = group.platform.people.open_topic("Wins")
    topic = group.platform._world.the_group.topics[wins]
    topic.is_closed = True
    setting = community(telegram=True, achievement={"telegram": wins})
    await show(pool, "telegram", achievement("first_win"))
    database = AwayAfter(pool, "telegram")
    database.group = group
    texts = Languages.load().speak("en")
    async with on_telegram(group, setting) as delivery:
        announcing = Announcer(database, setting, texts, TelegramMarkup(), delivery)
        with pytest.raises(StorageUnavailable):
            await announcing.step()
        assert len(group.calls(SEND)) == 1

        database.is_mended = True
        topic.is_closed = False
        assert await announcing.step() == 1
