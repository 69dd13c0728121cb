"""Inputs of the Telegram bot: each that is its own is answered, in its place."""

from functools import partial

import pytest

from bots.runtime.member_limits import BURST
from sandbox.telegram_api.people.chatting import Manner
from tests.support.settling import until

GROUP = -1001000000001
CREATOR, ALICE, BORIS, ADA = 1000, 1001, 1002, 1009
COMMANDS_ONLY = "I understand commands only."


async def answer_to(stage, act) -> str:
    """Return the text of the bot's answer to what a person does."""
    after = stage.transcript.last
    act()
    return (await stage.seen("sendMessage", after=after)).request["text"]


def sent_to(stage, chat_id: int) -> list[str]:
    return [
        call.request["text"]
        for call in stage.transcript.calls(name="sendMessage")
        if call.status == 200 and call.request["chat_id"] == chat_id
    ]


@pytest.mark.parametrize(
    "kind", ["photo", "sticker", "voice", "video", "document", "location", "contact", "dice"]
)
async def test_in_private_whatever_people_send_is_answered(stage, kind):
    async with stage.telegram_bot():
        answer = await answer_to(stage, lambda: stage.telegram.people.send(ALICE, ALICE, kind))

    assert answer.startswith(COMMANDS_ONLY)


async def test_in_private_words_and_unknown_commands_are_answered(stage):
    async with stage.telegram_bot():
        assert (await stage.tell_telegram(ALICE, "hello", chat_id=ALICE)).startswith(COMMANDS_ONLY)
        unknown = await stage.tell_telegram(ALICE, "/<b>frobnicate</b> 1", chat_id=ALICE)
        russian = await stage.tell_telegram(BORIS, "привет", chat_id=BORIS)

    assert unknown.startswith("I do not know <code>/&lt;b&gt;frobnicate&lt;/b&gt;</code>.")
    assert russian == "Я понимаю только команды. Отправьте /help, чтобы увидеть, что я умею."


async def test_who_sends_much_in_private_is_answered_less(stage):
    async with stage.telegram_bot():
        for _ in range(40):
            stage.telegram.people.send(ALICE, ALICE, "sticker")
        await stage.tell_telegram(BORIS, "/help", chat_id=BORIS)
        await until(
            partial(has_answers, stage, BURST), what="as many answers as are allowed at once"
        )

    assert count_answers(stage) < 40


def count_answers(stage) -> int:
    return "".join(sent_to(stage, ALICE)).count(COMMANDS_ONLY)


async def has_answers(stage, least: int) -> bool:
    return count_answers(stage) >= least


async def test_an_album_is_answered_once(stage):
    async with stage.telegram_bot():
        await stage.tell_telegram(ALICE, "/help", chat_id=ALICE)
        for number in (1, 2, 3):
            stage.telegram.send_update(picture(number, album="a"))
        stage.telegram.send_update(picture(4, album="b"))
        await until(partial(has_answers, stage, 2), what="an answer to each album")
        await stage.tell_telegram(ALICE, "/help", chat_id=ALICE)

    assert count_answers(stage) == 2


def picture(number: int, *, album: str) -> dict[str, object]:
    """A picture of an album, as Telegram sends it: each is a message of its own."""
    size = {"file_id": "p", "file_unique_id": f"p{number}", "width": 90, "height": 90}
    return {
        "message": {
            "message_id": 100_000 + number,
            "date": 1_767_323_040,
            "chat": {"id": ALICE, "type": "private", "first_name": "Alice"},
            "from": {"id": ALICE, "is_bot": False, "first_name": "Alice", "language_code": "en"},
            "media_group_id": album,
            "photo": [size],
        }
    }


@pytest.mark.parametrize("command", ["/Profile", "/PROFILE@twinstream_sandbox_bot", "/rank"])
async def test_a_command_in_any_case_and_by_the_names_that_people_try(stage, command):
    async with stage.telegram_bot():
        answer = await stage.tell_telegram(ALICE, command)

    assert answer.startswith("<b>Alice</b>\nNothing earned yet.")


@pytest.mark.parametrize(
    ("alias", "begin"),
    [
        ("/balance", "<b>Alice</b>"),
        ("/Баланс", "<b>Alice</b>"),
        ("/leaderboard", "Nobody has any XP yet."),
        ("/топ", "Nobody has any XP yet."),
        ("/помощь", "<b>What I can do</b>"),
        ("/угадать 77", "Please send a whole number"),
        ("/привязать", "Let us do this in private, so that nobody else sees your code."),
        ("/отвязать", "Let us do this in private: it names your other account."),
        ("/отменить", "Let us do this in private: it names your other account."),
        ("/данные", "Let us do this in private: it concerns nobody but you."),
    ],
)
async def test_aliases_work_in_the_group(stage, alias, begin):
    async with stage.telegram_bot():
        assert (await stage.tell_telegram(ALICE, alias)).startswith(begin)


async def test_commands_of_other_bots_and_talk_stay_unanswered_in_the_group(stage):
    async with stage.telegram_bot():
        for text in ("/frobnicate", "/top@another_bot", "/profile@another_bot", "hello", "guess 7"):
            stage.telegram.say(GROUP, ALICE, text)
        stage.telegram.people.send(GROUP, ALICE, "photo")
        addressed = await stage.tell_telegram(ALICE, "/frobnicate@Twinstream_sandbox_bot")

    assert addressed.startswith("I do not know <code>/frobnicate</code>.")
    assert len(sent_to(stage, GROUP)) == 1


@pytest.mark.parametrize(
    "text", ["/top", "/why", "/profile", "/link", "/link ABCDEFGHJK", "/start link", "/guess 7"]
)
async def test_strangers_learn_and_change_nothing_in_private(stage, text):
    stage.telegram.leave(ALICE)
    async with stage.telegram_bot():
        answer = await stage.tell_telegram(ALICE, text, chat_id=ALICE)

    assert "please join it first" in answer
    assert await stage.pool.fetchval("SELECT count(*) FROM accounts") == 0


async def test_strangers_are_greeted_and_told_what_the_bot_can_do(stage):
    stage.telegram.leave(ALICE)
    async with stage.telegram_bot():
        hello = await stage.tell_telegram(ALICE, "/start", chat_id=ALICE)
        help_ = await stage.tell_telegram(ALICE, "/help", chat_id=ALICE)

    assert hello.startswith("Hello!")
    assert help_.startswith("<b>What I can do</b>")


async def test_a_muted_member_reads_in_private_and_plays_not(stage):
    stage.telegram.people.mute(ALICE)
    async with stage.telegram_bot():
        profile = await stage.tell_telegram(ALICE, "/profile", chat_id=ALICE)
        game = await stage.tell_telegram(ALICE, "/guess", chat_id=ALICE)

    assert profile.startswith("<b>Alice</b>")
    assert game.startswith("You may not write in our group")


async def test_people_who_write_as_a_channel_are_told_why(stage):
    channel = stage.telegram.people.open_channel("Alice's news", owner_id=ALICE, with_bot=False)
    manner = Manner(sender_chat_id=channel)
    async with stage.telegram_bot():
        stage.telegram.people.say(GROUP, ALICE, "hello", manner=manner)
        answer = await answer_to(
            stage, lambda: stage.telegram.people.say(GROUP, ALICE, "/guess 7", manner=manner)
        )

    assert answer.startswith("You are writing in the name of a channel")
    assert len(sent_to(stage, GROUP)) == 1
    assert await stage.pool.fetchval("SELECT count(*) FROM accounts") == 0


async def test_in_a_topic_a_plain_why_is_about_oneself_and_answered_there(stage):
    stage.telegram.people.set_forum()
    topic = stage.telegram.people.open_topic("Games", user_id=CREATOR)
    manner = Manner(thread_id=topic)
    async with stage.telegram_bot():
        for asker in (ALICE, ADA):
            after = stage.transcript.last
            stage.telegram.people.say(GROUP, asker, "/why", manner=manner)
            call = await stage.seen("sendMessage", after=after)
            name = "Alice" if asker == ALICE else "Ada"
            assert call.request["text"].startswith(f"<b>{name}")
            assert call.request["message_thread_id"] == topic


@pytest.mark.parametrize("text", ["/guess", "/link", "/frobnicate@twinstream_sandbox_bot", "/top"])
async def test_in_a_topic_everything_is_answered_there(stage, text):
    stage.telegram.people.set_forum()
    topic = stage.telegram.people.open_topic("Games", user_id=CREATOR)
    async with stage.telegram_bot():
        after = stage.transcript.last
        stage.telegram.people.say(GROUP, ALICE, text, manner=Manner(thread_id=topic))
        call = await stage.seen("sendMessage", after=after)

    assert call.request["message_thread_id"] == topic


async def test_in_a_topic_an_anonymous_administrator_is_told_there(stage):
    stage.telegram.people.set_forum()
    topic = stage.telegram.people.open_topic("Games", user_id=CREATOR)
    manner = Manner(thread_id=topic, anonymous=True)
    async with stage.telegram_bot():
        after = stage.transcript.last
        stage.telegram.people.say(GROUP, ADA, "/guess 7", manner=manner)
        call = await stage.seen("sendMessage", after=after)

    assert "cannot tell who you are" in call.request["text"]
    assert call.request["message_thread_id"] == topic
