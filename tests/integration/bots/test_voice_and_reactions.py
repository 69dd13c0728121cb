"""The clock of voice channels and the queue of reactions, on a real Postgres."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from aiogram.methods import GetUpdates
from structlog.testing import capture_logs

from bots.features.posted_messages import MessagePlace, Posted
from bots.features.reactions import reaction_queue
from bots.features.reactions.reaction_queue import ReactionQueue
from bots.features.voice.voice_clock import VoiceClock
from bots.features.voice_members import Connected
from bots.runtime.database import Database
from bots.runtime.metrics import REACTIONS_DROPPED
from bots.runtime.room_services import Services
from bots.telegram_bot.polling import earnings_first
from bots.telegram_bot.polling.earnings_first import EarningsFirst
from config.community_sections.earning import PlaceSetting
from db.earning import Earnings, Rules
from db.earning.reactions import Reaction
from db.errors import StorageUnavailable
from db.platforms import Platform
from tests.support.bot_texts import COMMUNITY, LANGUAGES, TELEGRAM
from tests.support.settling import until

ANN, BOB, CID = 1001, 1002, 1003
ROOM, GROUP = 70, -1001
MINUTE = 60.0
#: A quarter of an hour ago, at the end of an interval.
START = datetime.now(UTC).timestamp() // 300 * 300 - 900
RULES = Rules(window_s=3_600, zone=UTC)


def services_of(pool: asyncpg.Pool, platform: Platform, **sections: dict[str, Any]) -> Services:
    earning = COMMUNITY.earning
    for name, changes in sections.items():
        section = msgspec.structs.replace(getattr(earning, name), **changes)
        earning = msgspec.structs.replace(earning, **{name: section})
    producer: Any = None
    return Services(
        platform=platform,
        database=Database(pool, platform),
        producer=producer,
        mark=TELEGRAM,
        languages=LANGUAGES,
        community=msgspec.structs.replace(COMMUNITY, earning=earning),
        earnings=Earnings(pool, platform, RULES),
    )


async def earned(pool: asyncpg.Pool, reason: str) -> dict[int, int]:
    rows = await pool.fetch(
        "SELECT account_id, xp FROM twinstream.earning_windows WHERE reason = $1", reason
    )
    return dict(rows)


class VoiceDay:
    """A clock of voice channels that is told the time."""

    def __init__(self, services: Services) -> None:
        self.now_s = START
        self.services = services
        self.begin()

    def begin(self) -> None:
        """Start the process, which sees who is there."""
        self.clock = VoiceClock(
            self.services, clock=lambda: self.now_s, monotonic=lambda: self.now_s
        )
        self.clock.shown([Connected(ANN, ROOM), Connected(BOB, ROOM)])

    async def wait(self, seconds: float) -> None:
        """Let time pass, and the clock pay at the end of each interval of a minute."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s += 1
            if self.now_s % MINUTE == 0:
                self.clock.pay(self.now_s)
                await self.services.earnings.settled(10.0)


@pytest.fixture
async def day(pool: asyncpg.Pool) -> VoiceDay:
    return VoiceDay(services_of(pool, "discord", voice={"interval_s": 60, "xp": 10}))


async def test_all_members_of_an_interval_are_paid_by_one_call(pool, day, monkeypatch):
    calls: list[int] = []
    call = day.services.earnings._call

    async def counting(batch):
        calls.append(len(batch))
        return await call(batch)

    monkeypatch.setattr(day.services.earnings, "_call", counting)

    await day.wait(5 * MINUTE)

    assert calls == [2] * 5
    assert await earned(pool, "voice") == {ANN: 50, BOB: 50}


async def test_a_restart_pays_nothing_twice_and_nothing_that_nobody_saw(pool, day):
    await day.wait(2 * MINUTE)
    # Killed, and started again; the last end of an interval is paid once more.
    day.begin()
    day.clock._hours.take(day.now_s)
    for account_id in (ANN, BOB):
        day.clock._hours._times[account_id].counted_s = MINUTE
    day.clock.pay(day.now_s)
    await day.services.earnings.settled(10.0)
    assert await earned(pool, "voice") == {ANN: 20, BOB: 20}

    day.now_s += 30  # away for half a minute
    day.begin()
    await day.wait(MINUTE)
    assert await earned(pool, "voice") == {ANN: 20, BOB: 20}
    await day.wait(MINUTE)
    assert await earned(pool, "voice") == {ANN: 30, BOB: 30}


async def test_flapping_earns_no_more_than_staying(pool, day):
    for _ in range(30):
        await day.wait(7)
        day.clock.left(ANN)
        await day.wait(3)
        day.clock.changed(Connected(ANN, ROOM))

    found = await earned(pool, "voice")
    assert found[ANN] <= 30
    assert found[BOB] == found[ANN]  # alone while Ann is away


async def test_the_limit_of_a_day_holds(pool):
    day = VoiceDay(
        services_of(pool, "discord", voice={"interval_s": 60, "xp": 10, "xp_per_day_max": 35})
    )

    await day.wait(10 * MINUTE)

    assert await earned(pool, "voice") == {ANN: 35, BOB: 35}


@contextlib.asynccontextmanager
async def running(queue: ReactionQueue):
    delivery: Any = None
    duty = asyncio.ensure_future(queue.run(delivery))
    await asyncio.sleep(0)  # so that it has begun before it is cancelled
    try:
        yield
    finally:
        duty.cancel()
        await asyncio.gather(duty, return_exceptions=True)


def posted(message_id: int, by: int = ANN) -> Posted:
    return Posted(by, "Ann", message_id, MessagePlace(GROUP), datetime.now(UTC), "text")


def reaction(message_id: int, by: int = BOB) -> Reaction:
    return Reaction(GROUP, message_id, by, datetime.now(UTC))


async def test_the_author_of_a_message_of_just_now_is_known(pool):
    queue = ReactionQueue(services_of(pool, "telegram"))
    async with running(queue):
        queue.note(posted(5))
        queue.react(reaction(5))

    assert await earned(pool, "reactions") == {ANN: 2}


@pytest.mark.parametrize(
    "excluded",
    [{"telegram": (ANN,)}, {"telegram": (BOB,)}, {"places": (PlaceSetting(telegram_topic=1),)}],
    ids=["the author", "the giver", "the topic"],
)
async def test_reactions_by_and_for_the_excluded_and_in_excluded_topics_earn_nothing(
    pool, excluded
):
    """Telegram names neither author nor topic, so excluded messages are not remembered."""
    giving = {"giver_xp": 1}
    queue = ReactionQueue(services_of(pool, "telegram", excluded=excluded, reactions=giving))
    async with running(queue):
        queue.note(posted(5))
        queue.react(reaction(5))

    assert await earned(pool, "reactions") == {}
    assert await earned(pool, "reactions_given") == {}


async def test_an_author_who_is_excluded_later_earns_nothing_by_older_messages(pool):
    queue = ReactionQueue(services_of(pool, "telegram"))
    async with running(queue):
        queue.note(posted(5))
    queue = ReactionQueue(services_of(pool, "telegram", excluded={"telegram": (ANN,)}))
    async with running(queue):
        queue.react(reaction(5))

    assert await earned(pool, "reactions") == {}


async def test_messages_and_reactions_of_the_last_moment_survive_a_stop(pool):
    queue = ReactionQueue(services_of(pool, "telegram"))
    async with running(queue):
        queue.note(posted(5))
    assert await pool.fetchval("SELECT count(*) FROM twinstream.message_authors") == 1


async def test_reactions_of_many_at_once_share_calls_and_all_count(pool):
    queue = ReactionQueue(services_of(pool, "telegram", reactions={"xp_per_day_max": 1_000}))
    async with running(queue):
        queue.note(posted(5))
        for by in range(2_000, 2_120):
            queue.react(reaction(5, by))

    assert await earned(pool, "reactions") == {ANN: 240}


async def test_a_limit_of_a_day_ends_no_reaction_of_others(pool):
    queue = ReactionQueue(services_of(pool, "telegram", reactions={"xp_per_day_max": 3}))
    async with running(queue):
        for message_id, author in ((5, ANN), (6, CID)):
            queue.note(posted(message_id, author))
        for by in (2_000, 2_001, 2_002):
            queue.react(reaction(5, by))
        queue.react(reaction(6, 2_000))

    assert await earned(pool, "reactions") == {ANN: 3, CID: 2}


async def test_toggling_costs_no_call(pool, monkeypatch):
    queue = ReactionQueue(services_of(pool, "telegram"))
    calls: list[object] = []
    enter = queue._enter_once

    async def counting(batch):
        calls.append(batch)
        return await enter(batch)

    monkeypatch.setattr(queue, "_enter_once", counting)
    async with running(queue):
        queue.note(posted(5))
        for _ in range(50):
            queue.react(reaction(5))

    assert len(calls) == 1


async def test_a_member_whom_nothing_can_be_paid_holds_up_no_other(pool):
    """Postgres's clock was set back, so Ann's last moment is ahead of it."""
    ahead = datetime.now(UTC) + timedelta(hours=1)
    queue = ReactionQueue(services_of(pool, "telegram"))
    async with running(queue):
        queue.note(posted(5))
        queue.note(posted(6, CID))
        queue.react(reaction(5))
        await queue.settled(10.0)
        await pool.execute("UPDATE twinstream.earning_windows SET last_at = $1", ahead)
        with capture_logs() as logs:
            queue.react(reaction(5, 2_001))
            queue.react(reaction(6, 2_001))
            await queue.settled(10.0)

    assert await earned(pool, "reactions") == {ANN: 2, CID: 2}
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == [
        "reaction.dropped"
    ]
    assert await pool.fetchval("SELECT count(*) FROM twinstream.reactions") == 2


async def test_what_waits_for_postgres_is_bounded(pool, monkeypatch):
    monkeypatch.setattr(reaction_queue, "WAITING_MAX", 3)
    monkeypatch.setattr(reaction_queue, "GATHER_S", 0.01)
    queue = ReactionQueue(services_of(pool, "telegram"))
    enter = queue._enter_once

    async def refuse(batch):
        raise StorageUnavailable("away")

    monkeypatch.setattr(queue, "_enter_once", refuse)
    async with running(queue):
        queue.react(reaction(4))
        await queue.settled(10.0)  # until the first attempt has failed
        for message_id in range(5, 15):
            queue.note(posted(message_id))
            queue.react(reaction(message_id, 2_000 + message_id))
        assert len(queue._waiting) == 3
        monkeypatch.setattr(queue, "_enter_once", enter)

        async def all_entered():
            return not queue._waiting

        await until(all_entered, what="the reactions are entered")

    assert await earned(pool, "reactions") == {ANN: 6}


class Away:
    """Postgres, away for reactions until it is back."""

    def __init__(self, queue: ReactionQueue, monkeypatch) -> None:
        self._enter = queue._enter_once
        self.is_back = False
        monkeypatch.setattr(queue, "_enter_once", self)

    async def __call__(self, batch):
        if not self.is_back:
            raise StorageUnavailable("away")
        return await self._enter(batch)


async def poll(queue: ReactionQueue, pool: asyncpg.Pool) -> dict[int, int]:
    """Poll for updates through the bot's middleware; return what was earned before Telegram was."""
    found: list[dict[int, int]] = []

    async def ask(bot: Any, method: Any) -> Any:
        found.append(await earned(pool, "reactions"))

    bot: Any = None
    await EarningsFirst([queue.settled])(ask, bot, GetUpdates())
    return found[0]


async def test_a_poll_waits_for_the_reactions_before_it(pool):
    queue = ReactionQueue(services_of(pool, "telegram"))
    async with running(queue):
        queue.note(posted(5))
        queue.react(reaction(5))
        queue.react(reaction(5, CID))
        assert await poll(queue, pool) == {ANN: 4}


async def test_reactions_hold_up_no_poll_while_postgres_is_away(pool, monkeypatch):
    queue = ReactionQueue(services_of(pool, "telegram"))
    postgres = Away(queue, monkeypatch)
    async with running(queue):
        queue.note(posted(5))
        queue.react(reaction(5))
        await queue.settled(10.0)
        began = time.perf_counter()
        for by in range(2_000, 2_020):
            queue.react(reaction(5, by))
            assert await poll(queue, pool) == {}
        assert time.perf_counter() - began < earnings_first.WAIT_S_MAX
        postgres.is_back = True

        async def all_entered():
            return not queue._waiting

        await until(all_entered, what="the reactions are entered")
        queue.react(reaction(5, 3_000))
        assert await poll(queue, pool) == {ANN: 40}  # the limit of the day


async def test_the_author_of_a_message_that_came_during_a_call_is_known(pool, monkeypatch):
    queue = ReactionQueue(services_of(pool, "telegram"))
    enter = queue._enter_once

    async def enter_while_more_comes(batch):
        if len(batch) == 1 and batch[0].message_id == 5:
            queue.note(posted(6, CID))
            queue.react(reaction(6))
        return await enter(batch)

    monkeypatch.setattr(queue, "_enter_once", enter_while_more_comes)
    async with running(queue):
        queue.note(posted(5))
        queue.react(reaction(5))
        await queue.settled(10.0)

    assert await earned(pool, "reactions") == {ANN: 2, CID: 2}


async def test_a_reaction_that_postgres_cannot_take_costs_one(pool):
    queue = ReactionQueue(services_of(pool, "telegram", reactions={"xp_per_day_max": 1_000}))
    dropped = REACTIONS_DROPPED.labels("telegram")._value
    before = dropped.get()
    with capture_logs() as logs:
        async with running(queue):
            queue.note(posted(5))
            queue.react(reaction(2**70))  # the first, so that all others are behind it
            for by in range(2_000, 2_120):
                queue.react(reaction(5, by))
            await queue.settled(10.0)
            assert not queue._waiting

    assert await earned(pool, "reactions") == {ANN: 240}
    warnings = [line["event"] for line in logs if line["log_level"] == "warning"]
    assert warnings == ["reaction.dropped"]
    assert dropped.get() == before + 1


async def test_a_fault_of_one_reaction_ends_no_other(pool, monkeypatch):
    queue = ReactionQueue(services_of(pool, "telegram"))
    enter = queue._enter_once

    async def fail_at_one(batch):
        if any(one.giver_id == CID for one in batch):
            raise TypeError("no such reaction")
        return await enter(batch)

    monkeypatch.setattr(queue, "_enter_once", fail_at_one)
    async with running(queue):
        queue.note(posted(5))
        for by in (CID, BOB, 2_001):
            queue.react(reaction(5, by))
        await queue.settled(10.0)

    assert await earned(pool, "reactions") == {ANN: 4}


async def test_an_author_whom_postgres_cannot_take_costs_one(pool):
    queue = ReactionQueue(services_of(pool, "telegram"))
    with capture_logs() as logs:
        async with running(queue):
            queue.note(posted(2**70))
            queue.note(posted(5))
            queue.react(reaction(5))
            await queue.settled(10.0)

    assert await earned(pool, "reactions") == {ANN: 2}
    assert "author.dropped" in [line["event"] for line in logs]
