import asyncio
import re
from functools import partial

import msgspec
import pytest
from prometheus_client import REGISTRY

import bots.features.guessing.room
from bots.features.guessing.game import NUMBER_MAX, NUMBER_MIN, GameService
from bots.runtime.errors import Refused
from bots.runtime.supervisor import Supervisor
from bots.telegram_bot.app import serve
from bus import connect
from db.stop_signs import OBEYED
from sandbox import Fault
from tests.support.bot_advice import advised
from tests.support.settling import until

GROUP = -1001000000001
VERA, ALICE, BORIS, ADA = 1000, 1001, 1002, 1009


@pytest.fixture
def always_seven(monkeypatch):
    """The bots think of the number 7 in every round."""
    monkeypatch.setattr(
        bots.features.guessing.room, "GameService", partial(GameService, think=lambda *_: 7)
    )


async def win(stage, user_id: int, *, chat_id: int = GROUP) -> str:
    """Play until the member has won; returns the answer to the winning guess."""
    low, high = NUMBER_MIN, NUMBER_MAX
    while low <= high:
        guess = (low + high) // 2
        answer = await stage.tell_telegram(user_id, f"/guess {guess}", chat_id=chat_id)
        if "higher" in answer or "больше" in answer:
            low = guess + 1
        elif "lower" in answer or "меньше" in answer:
            high = guess - 1
        else:
            return answer
    pytest.fail("the hints contradict one another")


async def test_a_win_is_paid_answered_and_put_on_the_stream(stage, redis_server):
    async with stage.telegram_bot():
        assert "from 1 to 10" in await stage.tell_telegram(ALICE, "/guess")
        first = await win(stage, ALICE)
        second = await win(stage, ALICE)

    assert "You earned 15 XP and 5 coins." in first
    assert "Achievement unlocked: Lucky guess" in first
    assert "You have 15 XP and 5 coins now, your rank is Newcomer." in first
    assert "Achievement" not in second
    assert "You have 30 XP and 10 coins now, your rank is Regular." in second
    assert await stage.totals("telegram", ALICE) == (30, 10)
    redis = connect(redis_server.url, name="test")
    assert await redis.xlen(stage.keys.stream("telegram")) == 5
    await redis.aclose()


async def polling(stage) -> None:
    """Return once the bot waits for updates."""
    async with asyncio.timeout(10):
        while not stage.telegram.world()["bot_polls"]:  # noqa: ASYNC110 - nothing to await
            await asyncio.sleep(0.01)


async def test_an_update_that_is_delivered_again_is_paid_once(stage, always_seven):
    """The first bot dies after it recorded the win and before it could confirm the update."""
    dying = asyncio.create_task(stage.served(serve, Supervisor(asyncio.Event())))
    await polling(stage)
    stage.faults.add(Fault("telegram", "getUpdates", 429, retry_after=20))
    stage.telegram.say(GROUP, ALICE, "/guess 7")
    await stage.transcript.wait_for(lambda call: call.status == 429, timeout=10)
    dying.cancel()
    await asyncio.wait([dying])
    assert await stage.totals("telegram", ALICE) == (15, 5)

    after = stage.transcript.last
    async with stage.telegram_bot():
        answer = await stage.seen("sendMessage", after=after)

    assert "Yes, it is 7!" in answer.request["text"]
    assert await stage.totals("telegram", ALICE) == (15, 5)


async def test_a_bot_that_stops_ends_the_update_in_progress_and_begins_no_other(stage):
    async with stage.pool.acquire() as conn:
        held = conn.transaction()
        await held.start()
        await conn.execute("LOCK TABLE accounts")
        async with stage.telegram_bot() as supervisor:
            await polling(stage)
            stage.telegram.say(ALICE, ALICE, "/profile")
            stage.telegram.say(BORIS, BORIS, "/profile")
            await until(partial(waits_for_a_lock, conn), what="the update in progress")
            supervisor.stop.set()
            await asyncio.sleep(0)
            await held.rollback()
    [first] = [call for call in stage.transcript.calls(name="sendMessage") if call.status == 200]

    async with stage.telegram_bot():
        second = await stage.seen("sendMessage", after=first.number)

    assert first.request["text"].startswith("<b>Alice</b>")
    assert second.request["text"].startswith("<b>Boris</b>")


async def waits_for_a_lock(conn) -> bool:
    return await conn.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")


async def test_in_private_only_members_of_the_group_play(stage, always_seven):
    async with stage.telegram_bot():
        member = await stage.tell_telegram(ALICE, "/guess 7", chat_id=ALICE)
        stage.telegram.leave(BORIS)
        stranger = await stage.tell_telegram(BORIS, "/guess 7", chat_id=BORIS)

    assert "You earned" in member
    assert "сначала вступите" in stranger
    assert await stage.totals("telegram", BORIS) is None


async def test_a_profile_follows_the_member(stage):
    async with stage.telegram_bot():
        assert "Nothing earned yet" in await stage.tell_telegram(ALICE, "/profile")
        await win(stage, ALICE)
        profile = await stage.tell_telegram(ALICE, "/profile")
        top = await stage.tell_telegram(BORIS, "/top")

    assert profile.startswith("<b>Alice</b>\nRank: Newcomer\nLevel 0: 15 / 100 XP\nPlace: #1\nXP")
    assert "▰▰▱" in profile
    assert "15 XP to Regular" in profile
    assert "Achievements: Lucky guess" in profile
    assert "1. Alice — 15 очков опыта (Newcomer)" in top


async def test_a_hostile_name_is_only_shown(stage, always_seven):
    name = "\u202eEve\n1. <b>t.me/evil</b> https://evil.example @alice /guess #spam"
    eve = stage.telegram.join(name=name)
    async with stage.telegram_bot():
        await stage.tell_telegram(eve, "/guess 7")
        after = stage.transcript.last
        await stage.tell_telegram(ALICE, "/top")
        sent = await stage.seen("sendMessage", after=after)

    assert [one["type"] for one in sent.response["result"]["entities"]] == ["bold"]
    assert "\u202e" not in sent.request["text"]
    _title, line, *own = sent.request["text"].splitlines()
    assert line.startswith("1. Eve")
    assert own == ["", "You have no points on this board yet."]


async def test_a_wrong_group_stands_out_and_the_group_that_writes_is_named_once(stage, capsys):
    wrong = type(stage.community.telegram)(chat_id=-1009)
    stage.community = msgspec.structs.replace(stage.community, telegram=wrong)
    async with stage.telegram_bot():
        for text in ("/guess", "/top"):
            stage.telegram.say(GROUP, ALICE, text)
        await stage.tell_telegram(ALICE, "/help", chat_id=ALICE)

    output = capsys.readouterr().out
    assert output.count("chat.not_served") == 1
    assert output.count("chat.ignored") == 1
    assert f"messages arrive from chat {GROUP}, which is not telegram.chat_id (-1009)" in output


async def test_help_comes_in_the_language_of_the_member(stage):
    async with stage.telegram_bot():
        assert (await stage.tell_telegram(ALICE, "/help")).startswith("<b>What I can do</b>")
        assert (await stage.tell_telegram(BORIS, "/help")).startswith("<b>Что я умею</b>")
        menus = stage.transcript.calls(name="setMyCommands")

    assert [menu.request.get("language_code") for menu in menus] == [None, "ru"]
    assert "Угадать моё число" in str(menus[1].request["commands"])


@pytest.mark.parametrize("command", ["/link", "/link ABCDEFGHJK"])
async def test_under_the_stop_sign_members_are_told_that_linking_is_paused(stage, command):
    await stage.pool.execute("INSERT INTO stop_signs VALUES ($1, 'links change')", OBEYED)

    async with stage.telegram_bot():
        answer = await stage.tell_telegram(ALICE, command, chat_id=ALICE)

    assert answer.startswith("Linking is paused while the bot is being updated.")


async def test_linking_is_private(stage):
    async with stage.telegram_bot():
        answer = await stage.tell_telegram(ALICE, "/link")
        shown = await stage.tell_telegram(ALICE, "/link ABCDEFGHJK")
        button = stage.transcript.calls(name="sendMessage")[-1].request["reply_markup"]
        code = await stage.tell_telegram(ALICE, "/start link", chat_id=ALICE)

    assert answer == "Let us do this in private, so that nobody else sees your code."
    assert "Others have seen this one" in shown
    assert "https://t.me/twinstream_sandbox_bot?start=link" in str(button)
    assert re.search(r"<code>[A-Z2-9]{10}</code>\nOn Discord, type /link", code)


async def test_a_win_while_postgres_is_away_is_counted_later(stage):
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/guess")
        await stage.gate.shut()
        told = await win(stage, ALICE)
        assert "not counted yet" in told
        assert "cannot reach my records" in await stage.tell_telegram(ALICE, "/profile")
        await stage.gate.open()
        paid = await stage.tell_telegram(ALICE, "/guess")

    assert "You have 15 XP and 5 coins now" in paid
    assert await stage.totals("telegram", ALICE) == (15, 5)


async def test_a_win_counts_while_redis_is_away_and_is_counted_as_left_to_the_relay(stage):
    def left_to_relay() -> float:
        name = "twinstream_events_left_to_relay_total"
        return REGISTRY.get_sample_value(name, {"source": "telegram"}) or 0.0

    before = left_to_relay()
    stage.settings = msgspec.structs.replace(stage.settings, redis_url="redis://127.0.0.1:1/0")
    async with stage.telegram_bot():
        assert "You earned 15 XP and 5 coins." in await win(stage, ALICE)

    waiting = await stage.pool.fetch("SELECT status, count(*) FROM sync_events GROUP BY status")
    assert [tuple(row) for row in waiting] == [("pending", 3)]
    assert left_to_relay() == before + 3


async def test_an_anonymous_administrator_earns_nothing(stage):
    async with stage.telegram_bot():
        after = stage.transcript.last
        stage.telegram.say(GROUP, ADA, "/guess 5", anonymous=True)
        answer = await stage.seen("sendMessage", after=after)

    assert "cannot tell who you are" in answer.request["text"]
    assert await stage.pool.fetchval("SELECT count(*) FROM members") == 0


async def test_a_returning_member_is_displayed_again(stage):
    async with stage.telegram_bot():
        await win(stage, ALICE)
        await stage.pool.execute(
            "UPDATE surfaces SET shown = wanted, shown_at = now() WHERE platform = 'telegram'"
        )
        stage.telegram.leave(ALICE)
        stage.telegram.join(ALICE)
        # Updates are handled in order, so the answer comes after the bot has seen the return.
        await stage.tell_telegram(BORIS, "/help")

    shown = await stage.pool.fetch("SELECT shown FROM surfaces WHERE platform = 'telegram'")
    assert [row["shown"] for row in shown] == [None] * len(shown)
    assert shown


async def test_a_flood_limit_is_waited_out(stage):
    stage.faults.add(Fault("telegram", "sendMessage", 429, times=2, retry_after=1))
    async with stage.telegram_bot():
        stage.telegram.say(GROUP, ALICE, "/help")
        answer = await stage.seen("sendMessage")

    assert "What I can do" in answer.request["text"]


async def test_polling_survives_its_failures(stage, capsys):
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help")
        stage.faults.add(Fault("telegram", "getUpdates", 429, retry_after=1))
        stage.faults.add(Fault("telegram", "getUpdates", 409))

        assert await stage.tell_telegram(ALICE, "/help")
        assert await stage.tell_telegram(ALICE, "/help")

    assert "another process polls with this token" in capsys.readouterr().out


async def test_the_bot_is_healthy_while_postgres_is_away_and_not_after_the_end(stage):
    async with stage.telegram_bot() as supervisor:
        assert not supervisor.health.is_healthy()
        assert await stage.tell_telegram(ALICE, "/help")
        await stage.gate.shut()
        assert "cannot reach my records" in await stage.tell_telegram(ALICE, "/profile")

        assert supervisor.health.is_healthy()
        await stage.gate.open()

    assert not supervisor.health.is_healthy()


async def test_a_start_that_fails_is_retried(stage):
    stage.faults.add(Fault("telegram", "getMe", 502, times=2))

    async with stage.telegram_bot():
        assert await stage.tell_telegram(ALICE, "/help")


@pytest.mark.parametrize("token", ["42:WRONG", "no token at all"])
async def test_a_wrong_token_is_refused_with_what_to_do(stage, token):
    stage.settings = msgspec.structs.replace(stage.settings, telegram_token=token)

    with pytest.raises(Refused, match="@BotFather"):
        await stage.served(serve, Supervisor(asyncio.Event()))

    (told,) = await advised(stage, "telegram")
    assert "out of service" in told.what
    assert "Telegram does not accept TELEGRAM_TOKEN: open @BotFather" in told.what
