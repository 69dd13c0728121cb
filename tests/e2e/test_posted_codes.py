"""A code that a Telegram group has read is void, and its owner is told in private."""

import asyncio
import re
from functools import partial
from typing import Any

import pytest

import bots.features.notices.notifier
import bots.telegram_bot.messages.answer_queue
from sandbox import Fault
from tests.support.variants import variants

GROUP = -1001000000001
ALICE, BORIS = 1001, 1002
DISCORD_ALICE = 800000000000000101
MESSAGES = "POST /channels/{channel_id}/messages"
DIRECT = "POST /users/@me/channels"
LIVE = "SELECT count(*) FROM link_offers WHERE status = 'waiting'"
VOID = "Everybody here could read this code, so I have made it void."


@pytest.fixture(autouse=True)
def prompt_notices(monkeypatch):
    monkeypatch.setattr(bots.features.notices.notifier, "INTERVAL_S", 0.02)


@pytest.fixture
async def bots_(stage):
    async with stage.telegram_bot(), stage.discord_bot():
        yield


async def discord_code(stage) -> str:
    told = await stage.tell_discord(DISCORD_ALICE, "link")
    return re.findall(r"`([A-Z2-9]{10})`", told)[0]


async def telegram_code(stage) -> str:
    told = await stage.tell_telegram(ALICE, "/link", chat_id=ALICE)
    return re.findall(r"<code>([A-Z2-9]{10})</code>", told)[0]


def say(stage, text: str) -> None:
    stage.telegram.say(GROUP, BORIS, text)


def edit(stage, text: str) -> None:
    message_id = stage.telegram.say(GROUP, BORIS, "wait")
    stage.telegram.edit(GROUP, message_id, BORIS, text)


def caption(stage, text: str, kind: str = "message") -> None:
    message = {
        "message_id": 900,
        "date": 1_790_000_000,
        "chat": {"id": GROUP, "type": "supergroup", "title": "Twin Harbour"},
        "from": {"id": BORIS, "is_bot": False, "first_name": "Boris", "language_code": "ru"},
        "caption": text,
    }
    stage.telegram.send_update({kind: message})


@pytest.mark.parametrize(
    ("post", "text"),
    variants(
        (
            ("link", (say, "/link {code}")),
            ("words", (say, "my code is {lower}, right?")),
            ("another command", (say, "/guess {code}")),
            ("edited", (edit, "look: {code}")),
            ("caption", (caption, "see {code}.")),
            ("edited caption", (partial(caption, kind="edited_message"), "see {code}.")),
        ),
        every_day=("link", "words", "edited caption"),
    ),
)
async def test_a_posted_code_is_void_before_the_poster_is_told(stage, bots_, post, text):
    code = await discord_code(stage)
    after = stage.transcript.last
    post(stage, text.format(code=code, lower=code.lower()))
    told = await stage.transcript.wait_for(
        lambda call: call.name == "sendMessage" and VOID in call.request["text"],
        timeout=10,
        after=after,
    )

    assert "Send /link on Discord for a new one" in told.request["text"]
    assert "https://t.me/twinstream_sandbox_bot?start=link" in str(told.request["reply_markup"])
    assert "недействителен" in await redeemed(stage, code)
    assert await stage.pool.fetchval(LIVE) == 0


async def test_a_member_who_posts_codes_takes_no_answers_of_others(stage, bots_, monkeypatch):
    code = await discord_code(stage)
    await stage.tell_telegram(BORIS, "/top", chat_id=GROUP)  # the queue knows the group now
    with monkeypatch.context() as full:
        full.setattr(bots.telegram_bot.messages.answer_queue, "ACCOUNT_WAITING_MAX", 0)
        after = stage.transcript.last
        say(stage, f"my code: {code}")
        await stage.seen(DIRECT, after=after)
    told = await stage.tell_telegram(BORIS, "/top", chat_id=GROUP)

    assert await stage.pool.fetchval(LIVE) == 0
    assert VOID not in str(stage.transcript.calls(name="sendMessage"))
    assert "I left 1 message of yours unanswered" in told


def undecodable(stage, text: str, *, kind: str, **more: Any) -> None:
    message = {"chat": {"id": GROUP, "type": "supergroup", "title": "Twin Harbour"}, **more}
    stage.telegram.send_update({kind: {**message, "rich": [{"lines": [text]}]}})


UNKNOWN_ORIGIN: dict[str, Any] = {
    "message_id": 900,
    "date": 1_790_000_000,
    "from": {"id": BORIS, "is_bot": False, "first_name": "Boris"},
    "forward_origin": {"type": "another_planet", "date": 1},
}


@pytest.mark.parametrize(
    "post",
    [
        pytest.param(partial(undecodable, kind="message"), marks=pytest.mark.nightly),
        partial(undecodable, kind="edited_message", **UNKNOWN_ORIGIN),
        pytest.param(
            partial(undecodable, kind="telepathy", **UNKNOWN_ORIGIN), marks=pytest.mark.nightly
        ),
        partial(undecodable, kind="message", **{**UNKNOWN_ORIGIN, "forward_origin": None}),
    ],
    ids=["missing fields", "unknown origin", "unknown kind", "unknown field"],
)
async def test_a_code_in_an_undecodable_message_is_void(stage, bots_, post):
    code = await discord_code(stage)

    post(stage, f"my code: {code}")

    opened = await stage.seen(DIRECT)
    told = await stage.seen(MESSAGES, after=opened.number)
    assert "was posted in our Telegram group" in told.request["body"]["content"]
    assert await stage.pool.fetchval(LIVE) == 0


async def test_a_code_in_an_undecodable_private_message_stays_valid(stage, bots_):
    code = await discord_code(stage)
    private = {"id": BORIS, "type": "private", "first_name": "Boris"}
    undecodable(stage, code, kind="message", chat=private)
    await stage.tell_telegram(ALICE, "/help")

    assert await stage.pool.fetchval(LIVE) == 1


async def test_the_owner_on_discord_is_told_once_by_direct_message(stage, bots_):
    code = await discord_code(stage)
    after = stage.transcript.last
    say(stage, f"/link {code}")
    say(stage, f"/link {code}")

    opened = await stage.seen(DIRECT, after=after)
    told = await stage.seen(MESSAGES, after=opened.number)

    assert opened.request["body"]["recipient_id"] in (DISCORD_ALICE, str(DISCORD_ALICE))
    assert "was posted in our Telegram group" in told.request["body"]["content"]
    await no_notice_is_left(stage)
    assert len(stage.transcript.calls(name=MESSAGES)) == 1


async def test_the_owner_on_telegram_is_told_in_private(stage):
    async with stage.telegram_bot():
        code = await telegram_code(stage)
        say(stage, f"mine: {code}")
        told = await stage.transcript.wait_for(
            lambda call: call.name == "sendMessage" and call.request["chat_id"] == ALICE
            and "was posted in our Telegram group" in call.request["text"],
            timeout=10,
        )  # fmt: skip
        poster = await stage.transcript.wait_for(
            lambda call: call.name == "sendMessage" and call.request["chat_id"] == GROUP,
            timeout=10,
        )

    assert told.status == 200
    assert "Send me /link in a private chat" in poster.request["text"]


async def redeemed(stage, code: str) -> str:
    """Redeem in private as another account; returns the answer."""
    after = stage.transcript.last
    stage.telegram.say(BORIS, BORIS, f"/link {code}")
    answer = await stage.transcript.wait_for(
        lambda call: call.name == "sendMessage" and call.request["chat_id"] == BORIS,
        timeout=10,
        after=after,
    )
    return answer.request["text"]


async def refused(stage, name: str) -> None:
    """Return once a message was refused and no notice is to be sent any more."""
    await stage.transcript.wait_for(
        lambda call: call.name == name and call.status == 403, timeout=10
    )
    async with asyncio.timeout(10):
        while await stage.pool.fetchval(  # noqa: ASYNC110
            "SELECT count(*) FROM notices WHERE refused_at IS NULL"
        ):
            await asyncio.sleep(0.01)
    assert len([call for call in stage.transcript.calls(name=name) if call.status == 403]) == 1


async def no_notice_is_left(stage) -> None:
    async with asyncio.timeout(10):
        while await stage.pool.fetchval("SELECT count(*) FROM notices"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_an_owner_who_takes_no_direct_messages_is_left_alone(stage, bots_):
    stage.discord.administration.refuse_direct_messages(DISCORD_ALICE)
    code = await discord_code(stage)
    say(stage, f"/link {code}")

    await refused(stage, MESSAGES)


async def test_an_owner_who_blocked_the_bot_is_left_alone(stage):
    async with stage.telegram_bot():
        code = await telegram_code(stage)
        stage.telegram.people.block(ALICE)
        say(stage, f"/link {code}")
        await refused(stage, "sendMessage")


async def test_an_owner_is_told_although_discord_failed_at_first(stage, bots_, monkeypatch):
    monkeypatch.setattr(bots.features.notices.notifier, "DELAY_FIRST_S", 0.05)
    stage.faults.add(Fault("discord", DIRECT, 503))
    say(stage, f"/link {await discord_code(stage)}")

    await stage.seen(MESSAGES)
    await no_notice_is_left(stage)


async def test_an_owner_whose_bot_was_away_is_told_when_it_is_back(stage):
    async with stage.telegram_bot():
        async with stage.discord_bot():
            code = await discord_code(stage)
        say(stage, f"/link {code}")
        await stage.seen("sendMessage")
    after = stage.transcript.last

    async with stage.discord_bot():
        told = await stage.seen(MESSAGES, after=after)

    assert "was posted" in told.request["body"]["content"]


async def test_a_text_that_was_never_a_code_is_answered_as_usual(stage):
    async with stage.telegram_bot():
        shown = await stage.tell_telegram(ALICE, "/link AB2DEFGH3K")
        after = stage.transcript.last
        say(stage, "AB2DEFGH3K is no code of anybody")
        await stage.tell_telegram(ALICE, "/help")

    assert "Others have seen this one" in shown
    assert len(stage.transcript.calls(name="sendMessage", after=after)) == 1
    assert await stage.pool.fetchval("SELECT count(*) FROM notices") == 0


async def test_a_code_posted_while_postgres_is_away_is_void_after_the_outage(stage, bots_):
    code = await discord_code(stage)
    await stage.gate.shut()
    told = await stage.tell_telegram(BORIS, f"/link {code}")
    after = stage.transcript.last
    await stage.gate.open()
    void = await stage.transcript.wait_for(
        lambda call: call.name == "sendMessage" and VOID in call.request["text"],
        timeout=20,
        after=after,
    )

    assert "I will make it void as soon as I can" in told
    assert void.request["reply_parameters"]
    await stage.seen(MESSAGES)
    assert "недействителен" in await redeemed(stage, code)


async def test_a_bot_that_stops_during_the_outage_logs_the_codes_it_left(stage, capsys):
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help")
        await stage.gate.shut()
        await stage.tell_telegram(BORIS, "/link AB2DEFGH3K")
    await stage.gate.open()

    assert "codes.not_voided" in capsys.readouterr().out
